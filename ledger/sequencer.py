"""The one writer of the log: puts admitted records in order, and hands the publisher what it has committed.

Everything that waits while a batch is written becomes the next batch, so a commit is shared by as many
records as there is demand for, and a lone record does not wait for company. A submission is answered when a
published checkpoint covers it (`ledger.publisher`).
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self, TypeAlias

from ledger.cosigners import Cosigners, NodeState
from ledger.followed_log import FollowedLog
from ledger.placement import Logged, Placer, cut_batches
from ledger.published import Published
from ledger.publisher import TRANSIENT, Publisher
from ledger.publishing_rounds import QUORUM_WITHIN
from ledger.stored_tree import Head
from ledger.waiting import PromisedAnswer, running_future
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.records import Record
from protocol.tlog.merkle import RightEdge, hash_leaf

MAX_BATCH = 256
MAX_WAITING = 1024

_logger = logging.getLogger("tally.ledger")


@dataclass(frozen=True, slots=True)
class _Submission:
    record: Record
    answer: "Future[Logged]" = field(default_factory=running_future)


class _Stop:
    """The last thing in the queue."""


_Item: TypeAlias = _Submission | _Stop


class Sequencer:
    """Writes `log`, from a thread of its own, and publishes it, while this process has the turn.

    Records must have been admitted (`ledger.admission`) on top of what the store holds. Two of them may still
    be rivals, and what they rest on may have changed: `ledger.placement` decides. What nodes prove against
    the log is kept in the folder `evidence`.

    Use it in a `with` statement; or, where `cosigners` work already, between `start` and `stop`.
    """

    def __init__(
        self, log: FollowedLog, cosigners: Cosigners, *, evidence: Path, clock: Callable[[], datetime]
    ) -> None:
        self._log = log
        self._cosigners = cosigners
        self._queue: queue.Queue[_Item] = queue.Queue(MAX_WAITING)
        self._placer = Placer(log.store, clock=clock)
        self._edge: RightEdge | None = log.load_edge()
        self._publisher = Publisher(log, cosigners, evidence=evidence, head=Head.of(self._edge), clock=clock)
        # No submission is queued behind the end, where nobody would answer it.
        self._ending = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def __enter__(self) -> Self:
        """Begin, and wait for the first checkpoint as long as one round of the nodes may take.

        Raises:
            TallyError: it came to nothing, and there are no nodes that could change that.
        """
        self._cosigners.__enter__()
        first = self.start()
        try:
            first.result(QUORUM_WITHIN.total_seconds())
        except TimeoutError:
            pass
        except TallyError:
            if not self._cosigners.names:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_exception: object) -> None:
        """Finish what was submitted, then stop."""
        self.stop()
        self._cosigners.__exit__()

    def start(self) -> "Future[None]":
        """Begin to work; the answer comes when a checkpoint of this moment is published, or has failed."""
        first = self._publisher.start()
        self._thread.start()
        return first

    def stop(self) -> None:
        """Finish what was submitted, then stop."""
        with self._ending:
            self._ended = True
        self._queue.put(_Stop())
        self._thread.join()
        self._publisher.stop()

    def halt(self, error: TallyError) -> None:
        """Write and sign nothing any more, because of `error`."""
        self._publisher.halt(error)

    @property
    def published(self) -> Published:
        """What was published last.

        Raises:
            UnavailableError: LOG_UNPUBLISHED, nothing was yet.
        """
        return self._log.published

    def node_states(self) -> list[NodeState]:
        """How each node stood when it was asked last."""
        return self._cosigners.states()

    @property
    def failure(self) -> TallyError | None:
        """Why nothing is written any more; None while the next attempt may succeed."""
        return self._publisher.failure

    @property
    def trouble(self) -> TallyError | None:
        """Why the last attempt to write or to publish failed, for good or not; None while all is well."""
        return self._publisher.trouble

    def submit(self, record: Record) -> "Future[Logged]":
        """Log `record`; the answer comes when a checkpoint that covers it is published.

        It may be RefusedError (a rival came first), what `admit_signed` raises, or another TallyError (it may
        or may not be logged; submitting it again is safe), LOG_LEASE_LOST above all.

        Raises:
            UnavailableError: too many are waiting, or the nodes have not said yet what they have seen.
            TallyError: why nothing is written any more.
        """
        self._publisher.require_writable()
        submission = _Submission(record)
        with self._ending:
            if self._ended:
                raise self._publisher.failure or UnavailableError(Code.NETWORK_BUSY, "the ledger is stopping")
            try:
                self._queue.put_nowait(submission)
            except queue.Full as error:
                raise UnavailableError(Code.NETWORK_BUSY, "too many submissions are waiting") from error
        return submission.answer

    def refresh(self) -> "Future[None]":
        """Publish a checkpoint with the present time; the answer comes when that is done, or has failed."""
        return self._publisher.refresh()

    def needs_refresh(self) -> bool:
        """Whether the published checkpoint has come of age, as after this machine slept."""
        return self._publisher.needs_refresh()

    def _run(self) -> None:
        running = True
        while running:
            batch = self._next_batch()
            running = not any(isinstance(item, _Stop) for item in batch)
            submissions = [item for item in batch if isinstance(item, _Submission)]
            for some in cut_batches(submissions, lambda submission: submission.record):
                self._work(some)

    def _next_batch(self) -> list[_Item]:
        batch = [self._queue.get()]
        with suppress(queue.Empty):
            while len(batch) < MAX_BATCH:
                batch.append(self._queue.get_nowait())
        return batch

    def _work(self, submissions: Sequence[_Submission]) -> None:
        try:
            self._publisher.require_writable()
            edge = self._log.load_edge() if self._edge is None else self._edge
            outcomes, edge = self._append(submissions, edge)
        except TallyError as caught:
            error = self._find_reason(caught)
            # Whether the commit came to pass is for the database to say.
            self._edge = None
            if error.code not in TRANSIENT:
                self._publisher.halt(error)
            else:
                self._publisher.note_trouble(error)
            _refuse(submissions, error)
        except Exception as error:
            _logger.exception("internal_error in the sequencer")
            failure = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
            self._publisher.halt(failure)
            _refuse(submissions, failure)
        else:
            self._edge = edge
            self._answer(submissions, outcomes, Head.of(edge))

    def _append(
        self, submissions: Sequence[_Submission], edge: RightEdge
    ) -> tuple[list[Logged | TallyError], RightEdge]:
        """Commit what is new among `submissions`, and say of each where it stands or why it does not."""
        records = [submission.record for submission in submissions]
        placement = self._placer.place(records, tree_size=edge.tree_size)
        if placement.added:
            grown = edge.append(hash_leaf(record.leaf) for record in placement.added)
            self._log.store.append(placement.added, after=Head.of(edge), then=Head.of(grown))
            edge = grown
        return placement.outcomes, edge

    def _find_reason(self, error: TallyError) -> TallyError:
        """The error itself; where the head of the log had moved, LOG_ROLLBACK if it moved back."""
        if error.code is Code.VAULT_CHANGED:
            try:
                self._log.load_edge()
            except RefusedError as reason:
                return reason
            except UnavailableError:
                pass
        return error

    def _answer(
        self, submissions: Sequence[_Submission], outcomes: Sequence[Logged | TallyError], head: Head
    ) -> None:
        promised = []
        for submission, outcome in zip(submissions, outcomes, strict=True):
            if isinstance(outcome, Logged):
                promised.append(PromisedAnswer(outcome.leaf_index + 1, outcome, submission.answer))
            else:
                submission.answer.set_exception(outcome)
        self._publisher.publish(head, promised)


def _refuse(submissions: Sequence[_Submission], error: TallyError) -> None:
    for submission in submissions:
        submission.answer.set_exception(error)
