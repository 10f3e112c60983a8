"""All the nodes of a log's policy, asked at once: one that is slow, silent or lying holds up no other.

Each node has a thread of its own with room for one errand. A new errand takes the place of one that still
waits, so a node that was away comes back to the newest checkpoint, not to all it has missed.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Self, TypeAlias, TypeVar

from ledger.contradiction import ContradictionError, Seen
from ledger.fetch import Fetcher, chosen_rules
from ledger.node_client import Candidate, NodeClient
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.tlog.note import NoteKey, NoteSignature, encode_signature_line
from protocol.tlog.policy import LogPolicy, VerifiedCheckpoint, verify_checkpoint

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of an errand to the node with this name in the policy."""

    node: str
    outcome: T | TallyError


@dataclass(frozen=True, slots=True)
class NodeState:
    """How a node stood when it was asked last.

    Attributes:
        name: Its name in the policy.
        sizes: How much of each log, by origin, it is known to have cosigned.
        trouble: Why the last errand failed; None when it did not.
    """

    name: str
    sizes: dict[str, int]
    trouble: TallyError | None


class Cosigners:
    """The nodes that `policy` names with a URL; use it in a `with` statement.

    Attributes:
        policy: The policy.
    """

    def __init__(self, policy: LogPolicy, *, clock: Callable[[], datetime]) -> None:
        self.policy = policy
        self._clock = clock
        # Addresses that the policy's owner chose, and only they are reached.
        witnesses = {witness.url: witness for witness in policy.witnesses if witness.url is not None}
        self._fetcher = Fetcher(chosen_rules(witnesses))
        self._nodes = [_Node(NodeClient(witness, self._fetcher)) for witness in witnesses.values()]

    def __enter__(self) -> Self:
        for node in self._nodes:
            node.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        for node in self._nodes:
            # Not waited for: what it still does changes nothing here.
            node.stop()
        self._fetcher.close()

    @property
    def names(self) -> frozenset[str]:
        """The nodes by their names in the policy."""
        return frozenset(node.client.witness.name for node in self._nodes)

    def states(self) -> list[NodeState]:
        """How each node stands."""
        return [
            NodeState(node.client.witness.name, dict(node.client.sizes), node.trouble) for node in self._nodes
        ]

    def cosign(
        self, candidates: Sequence[Candidate], *, within: timedelta
    ) -> Iterator[Answer[tuple[NoteSignature, ...]]]:
        """Ask every node to cosign all `candidates`, and give the answers as they come, until time is up."""
        return self._ask(
            lambda client: tuple(client.cosign(candidate, now=self._clock()) for candidate in candidates),
            within,
        )

    def have_cosigned(
        self, candidates: Sequence[Candidate], *, within: timedelta
    ) -> list[VerifiedCheckpoint]:
        """The checkpoints of `candidates`, each with the cosignatures of a quorum of the policy.

        Raises:
            UnavailableError: LOG_QUORUM_MISSING, there is none for now.
            ContradictionError: a node proves that the log has signed something else.
        """
        answers = self.cosign(candidates, within=within)
        notes = [candidate.note for candidate in candidates]
        troubles: list[str] = []
        while True:
            try:
                now = self._clock()
                return [verify_checkpoint(note, policy=self.policy, now=now) for note in notes]
            except VerificationError as error:
                if error.code is not Code.LOG_QUORUM_MISSING:
                    raise
            answer = next(answers, None)
            if answer is None:
                raise UnavailableError(Code.LOG_QUORUM_MISSING, "; ".join(troubles))
            if isinstance(answer.outcome, ContradictionError):
                raise answer.outcome
            if isinstance(answer.outcome, TallyError):
                troubles.append(f"{answer.node}: {answer.outcome.code.value}")
            else:
                lines = map(encode_signature_line, answer.outcome)
                notes = [note + line for note, line in zip(notes, lines, strict=True)]

    def seen(
        self, logs: Sequence[NoteKey], *, within: timedelta
    ) -> Iterator[Answer[tuple[Seen | None, ...]]]:
        """Ask every node what it has cosigned of each of `logs`, and give the answers as they come."""
        return self._ask(lambda client: tuple(client.seen(log) for log in logs), within)

    def _ask(self, errand: Callable[[NodeClient], T], within: timedelta) -> Iterator[Answer[T]]:
        answers: queue.SimpleQueue[Answer[T]] = queue.SimpleQueue()
        for node in self._nodes:
            node.send(_report(errand, answers))
        return _take(answers, len(self._nodes), time.monotonic() + within.total_seconds())


def _take(answers: "queue.SimpleQueue[T]", count: int, end: float) -> Iterator[T]:
    for _ in range(count):
        try:
            yield answers.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return


_Errand: TypeAlias = Callable[["_Node"], None]


def _report(errand: Callable[[NodeClient], T], answers: "queue.SimpleQueue[Answer[T]]") -> _Errand:
    def run(node: "_Node") -> None:
        name = node.client.witness.name
        try:
            outcome = errand(node.client)
        except TallyError as error:
            node.trouble = error
            answers.put(Answer(name, error))
        except Exception as error:  # noqa: BLE001 (a node's answer must not end the thread that asks it)
            node.trouble = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
            answers.put(Answer(name, node.trouble))
        else:
            node.trouble = None
            answers.put(Answer(name, outcome))

    return run


class _Node:
    """A node, and the thread that runs its errands."""

    def __init__(self, client: NodeClient) -> None:
        self.client = client
        self.trouble: TallyError | None = None
        self._errand: _Errand | None = None
        self._stopping = False
        self._changed = threading.Condition()

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"node {self.client.witness.name}", daemon=True).start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def send(self, errand: _Errand) -> None:
        with self._changed:
            self._errand = errand
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._errand is not None)
                if self._stopping:
                    return
                errand, self._errand = self._errand, None
            assert errand is not None
            errand(self)
