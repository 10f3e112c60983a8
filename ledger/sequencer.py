"""The one writer of the log: puts admitted records in order, and hands the publisher what it has committed.

Everything that waits while a batch is written becomes the next batch, so a commit is shared by as many
records as there is demand for, and a lone record does not wait for company. A submission is answered when a
published checkpoint covers it (`ledger.publisher`).
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self, TypeAlias

from ledger.admission import StoredBefore, VerifiedVersions
from ledger.cosigners import Cosigners, NodeState
from ledger.published import Published
from ledger.publisher import TRANSIENT, Publisher
from ledger.record_rules import admit_signed
from ledger.self_check import check_before_signing, check_whole_log
from ledger.signer import LedgerSigners
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from ledger.tree import Tree
from ledger.waiting import PromisedAnswer, running_future
from protocol.codes import Code
from protocol.errors import (
    MalformedError,
    RefusedError,
    TallyError,
    UnavailableError,
    VerificationError,
)
from protocol.records import DidRecord, Record, SignedRecord
from protocol.records.timestamp import TimestampRecord
from protocol.tlog.merkle import RightEdge, hash_leaf

MAX_BATCH = 256
MAX_WAITING = 1024

_logger = logging.getLogger("tally.ledger")


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a record stands in the published log."""

    leaf_index: int
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class _Submission:
    record: Record
    leaf_hash: bytes
    answer: "Future[Logged]" = field(default_factory=running_future)


class _Stop:
    """The last thing in the queue."""


_Item: TypeAlias = _Submission | _Stop


class Sequencer:
    """Writes one log, from a thread of its own, and publishes it; use it in a `with` statement.

    Records must have been admitted (`ledger.admission`) on top of what the store holds. Two of them may still
    be rivals for one version or one name; the first in the queue wins. What else a record rests on may have
    changed too: one that somebody signs is admitted again where it will stand, with nothing uncommitted
    before it. Such records are rare, so they may cut a batch. What nodes prove against the log is kept in the
    folder `evidence`.
    """

    def __init__(
        self,
        store: LedgerStore,
        signers: LedgerSigners,
        cosigners: Cosigners,
        *,
        evidence: Path,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._signers = signers
        self._cosigners = cosigners
        self._evidence = evidence
        self._clock = clock
        self._queue: queue.Queue[_Item] = queue.Queue(MAX_WAITING)
        self._logged = StoredBefore(store, VerifiedVersions(store))
        self._edge: RightEdge | None = None
        self._trouble: TallyError | None = None
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def __enter__(self) -> Self:
        """Check the database against itself and what was signed last, publish a checkpoint, begin to work.

        Where nodes must cosign, work may begin without a checkpoint: `trouble` says why.

        Raises:
            UnavailableError: LOG_SELF_CHECK_FAILED, the database is not what was signed.
            RefusedError: LOG_ROLLBACK, it ends before what was signed: somebody restored an old one.
        """
        edge = self._load()
        check_whole_log(self._store)
        check_whole_log(self._store.index)
        check_before_signing(self._store, signed=self._signers.log.last_signed, head=Head.of(edge))
        self._publisher = Publisher(
            self._store,
            self._signers,
            self._cosigners,
            evidence=self._evidence,
            head=Head.of(edge),
            clock=self._clock,
        )
        self._publisher.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Finish what was submitted, then stop."""
        self._queue.put(_Stop())
        self._thread.join()
        self._publisher.__exit__()

    @property
    def published(self) -> Published:
        """What was published last.

        Raises:
            UnavailableError: LOG_UNPUBLISHED, nothing was yet.
        """
        return self._publisher.published

    def node_states(self) -> list[NodeState]:
        """How each node stood when it was asked last."""
        return self._cosigners.states()

    def signed_size(self, tree: Tree) -> int:
        """How many entries of a tree were signed: what nodes may read, published or not."""
        return self._publisher.signed_size(tree)

    @property
    def failure(self) -> TallyError | None:
        """Why nothing is written any more; None while the next attempt may succeed."""
        return self._publisher.failure

    @property
    def trouble(self) -> TallyError | None:
        """Why the last attempt to write or to publish failed, for good or not; None while all is well."""
        return self._publisher.failure or self._trouble or self._publisher.trouble

    def submit(self, record: Record) -> "Future[Logged]":
        """Log `record`; the answer comes when a checkpoint that covers it is published.

        It may be RefusedError (a rival came first), what `admit_signed` raises, or another TallyError (it may
        or may not be logged; submitting it again is safe).

        Raises:
            UnavailableError: too many are waiting, or the nodes have not said yet what they have seen.
            TallyError: why nothing is written any more.
        """
        self._publisher.require_writable()
        submission = _Submission(record, hash_leaf(record.leaf))
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
            for submissions in _commits([item for item in batch if isinstance(item, _Submission)]):
                self._work(submissions)

    def _next_batch(self) -> list[_Item]:
        batch = [self._queue.get()]
        with suppress(queue.Empty):
            while len(batch) < MAX_BATCH:
                batch.append(self._queue.get_nowait())
        return batch

    def _work(self, submissions: Sequence[_Submission]) -> None:
        try:
            self._publisher.require_writable()
            edge = self._load() if self._edge is None else self._edge
            outcomes, edge = self._append(submissions, edge)
        except TallyError as error:
            # Whether the commit came to pass is for the database to say.
            self._edge = None
            if error.code not in TRANSIENT:
                self._publisher.halt(error)
            elif self._trouble is None:
                _logger.warning("%s: the ledger writes nothing for now: %s", error.code.value, error)
            self._trouble = error
            _refuse(submissions, error)
        except Exception as error:
            _logger.exception("internal_error in the sequencer")
            failure = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
            self._publisher.halt(failure)
            _refuse(submissions, failure)
        else:
            self._edge, self._trouble = edge, None
            self._answer(submissions, outcomes, Head.of(edge))

    def _append(
        self, submissions: Sequence[_Submission], edge: RightEdge
    ) -> tuple[list[Logged | TallyError], RightEdge]:
        """Commit what is new among `submissions`, and say of each where it stands or why it does not."""
        entries = [item.record for item in submissions if isinstance(item.record, DidRecord)]
        versions = self._store.find_versions({_version(record) for record in entries})
        names = self._store.find_paths({_name(record) for record in entries})
        others = {item.leaf_hash for item in submissions if not isinstance(item.record, DidRecord)}
        places = self._store.find_leaves(others)
        outcomes: list[Logged | TallyError] = []
        added: list[_Submission] = []
        for item in submissions:
            record, logged = item.record, Logged(edge.tree_size + len(added), item.leaf_hash)
            if not isinstance(record, DidRecord):
                if (place := places.get(item.leaf_hash)) is not None:
                    outcomes.append(Logged(place, item.leaf_hash))
                elif (refusal := self._admit_again(record)) is not None:
                    outcomes.append(refusal)
                else:
                    places[item.leaf_hash] = logged.leaf_index
                    added.append(item)
                    outcomes.append(logged)
            elif (first := versions.get(_version(record))) is not None:
                logged = Logged(*first)
                outcomes.append(logged if logged.leaf_hash == item.leaf_hash else _rival(record))
            elif names.get(_name(record), record.did.scid) != record.did.scid:
                outcomes.append(RefusedError(Code.ENTRY_NOT_ADMITTED, "the name is taken"))
            else:
                versions[_version(record)] = (logged.leaf_index, logged.leaf_hash)
                names[_name(record)] = record.did.scid
                added.append(item)
                outcomes.append(logged)
        if added:
            grown = edge.append(item.leaf_hash for item in added)
            self._store.append([item.record for item in added], after=Head.of(edge), then=Head.of(grown))
            edge = grown
        return outcomes, edge

    def _admit_again(self, record: SignedRecord | TimestampRecord) -> TallyError | None:
        """Why `record`, which comes next after what is committed, may not be logged after all."""
        if isinstance(record, TimestampRecord):
            return None
        try:
            admit_signed(record, self._logged, now=self._clock())
        except (MalformedError, VerificationError, RefusedError) as error:
            return error
        return None

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

    def _load(self) -> RightEdge:
        """Take up the stored log, which must reach at least as far as what was signed."""
        head = self._store.head()
        if head.tree_size < self._signers.log.last_signed.tree_size:
            raise RefusedError(Code.LOG_ROLLBACK, "the database ends before what was signed last")
        edge = RightEdge.load(head.tree_size, self._store.hash_reader(head.tree_size))
        if edge.root_hash() != head.root_hash:
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the tiles do not have the root of the head")
        return edge


def _commits(submissions: Sequence[_Submission]) -> Iterator[list[_Submission]]:
    """The submissions in order, so cut that each that somebody signs is by itself."""
    batch: list[_Submission] = []
    for item in submissions:
        if isinstance(item.record, DidRecord | TimestampRecord):
            batch.append(item)
            continue
        if batch:
            yield batch
        yield [item]
        batch = []
    if batch:
        yield batch


def _refuse(submissions: Sequence[_Submission], error: TallyError) -> None:
    for submission in submissions:
        submission.answer.set_exception(error)


def _version(record: DidRecord) -> tuple[str, int]:
    return (record.did.scid, record.entry.number)


def _name(record: DidRecord) -> str:
    return record.did.log_path()


def _rival(record: DidRecord) -> RefusedError:
    return RefusedError(Code.DID_FORK, f"another version {record.entry.number} is logged")
