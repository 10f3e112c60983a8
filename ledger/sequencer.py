"""The one writer of the log: puts admitted records in order, signs the result, and shows it.

Everything that waits while a batch is written becomes the next batch, so a commit is shared by as many
records as there is demand for, and a lone record does not wait for company. The order of the steps is the
point, and never changes:

    commit to the database -> read it back and compute it anew -> remember what is signed -> sign -> publish

A submission is answered after the last step: whoever got an index can prove it.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self, TypeAlias

from ledger.self_check import check_before_signing, check_whole_log
from ledger.signer import CheckpointSigner
from ledger.store import LedgerStore
from ledger.stored_tree import Head, Publication
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.records import DidRecord
from protocol.tlog.merkle import RightEdge, hash_leaf

MAX_BATCH = 256
MAX_WAITING = 1024
REFRESH_AFTER = timedelta(minutes=5)
"""The age at which a checkpoint is signed anew although nothing was added, to show that the log is alive."""

# After these the next attempt may succeed; it begins with what the database says then. After any other error
# the state of the disk, of the database or of this program is in doubt, and a log must not sign in doubt.
_TRANSIENT = frozenset({Code.DISK_FULL, Code.DATABASE_BUSY, Code.DATABASE_UNAVAILABLE})

_SHORTEST_WAIT = timedelta(seconds=1)

_logger = logging.getLogger("tally.ledger")


def _running_future() -> "Future[Any]":
    """A future its waiter cannot cancel: what was submitted is written though nobody waits any more."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a record stands in the published log."""

    leaf_index: int
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class _Submission:
    record: DidRecord
    leaf_hash: bytes
    answer: "Future[Logged]" = field(default_factory=_running_future)


@dataclass(frozen=True, slots=True)
class _Signal:
    """A request for a fresh checkpoint, after which the sequencer may have to stop."""

    stops: bool
    answer: "Future[None]" = field(default_factory=_running_future)


_Item: TypeAlias = _Submission | _Signal


class Sequencer:
    """Writes one log, from a thread of its own; use it in a `with` statement.

    Records must have been admitted (`ledger.admission`) on top of what the store holds. Two of them may still
    be rivals for one version or one name; the first in the queue wins.
    """

    def __init__(
        self, store: LedgerStore, signer: CheckpointSigner, *, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._queue: queue.Queue[_Item] = queue.Queue(MAX_WAITING)
        self._edge: RightEdge | None = None
        self._publication: Publication | None = None
        self._failure: TallyError | None = None
        self._trouble: TallyError | None = None
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def __enter__(self) -> Self:
        """Check the database against itself and what was signed last, publish a checkpoint, begin to work.

        Raises:
            UnavailableError: LOG_SELF_CHECK_FAILED, the database is not what was signed.
            RefusedError: LOG_ROLLBACK, it ends before what was signed: somebody restored an old one.
        """
        self._load()
        check_whole_log(self._store)
        self._publish()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Finish what was submitted, then stop."""
        self._queue.put(_Signal(stops=True))
        self._thread.join()
        self._failure = UnavailableError(Code.NETWORK_BUSY, "the ledger is stopping")
        while not self._queue.empty():
            self._queue.get_nowait().answer.set_exception(self._failure)

    @property
    def publication(self) -> Publication:
        """The checkpoint that was published last."""
        assert self._publication is not None
        return self._publication

    @property
    def failure(self) -> TallyError | None:
        """Why nothing is written any more; None while the next attempt may succeed."""
        return self._failure

    @property
    def trouble(self) -> TallyError | None:
        """Why the last attempt to write failed, for good or not; None while all is well."""
        return self._trouble

    def submit(self, record: DidRecord) -> "Future[Logged]":
        """Log `record`; the answer comes when a checkpoint that covers it is published.

        It may be RefusedError (a rival came first) or another TallyError (it may or may not be logged;
        submitting it again is safe).

        Raises:
            UnavailableError: too many are waiting.
        """
        submission = _Submission(record, hash_leaf(record.leaf))
        self._enqueue(submission)
        return submission.answer

    def refresh(self) -> "Future[None]":
        """Publish a checkpoint with the present time; the answer comes when that is done.

        Raises:
            UnavailableError: too many are waiting.
        """
        request = _Signal(stops=False)
        self._enqueue(request)
        return request.answer

    def needs_refresh(self) -> bool:
        """Whether the published checkpoint has come of age, as after this machine slept."""
        return self._clock() - self.publication.time >= REFRESH_AFTER

    def _enqueue(self, item: _Item) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            self._queue.put_nowait(item)
        except queue.Full as error:
            raise UnavailableError(Code.NETWORK_BUSY, "too many submissions are waiting") from error

    def _run(self) -> None:
        running = True
        while running:
            batch = self._next_batch()
            running = not any(isinstance(item, _Signal) and item.stops for item in batch)
            self._work(batch)

    def _next_batch(self) -> list[_Item]:
        """What is waiting, or nothing when it is time for a fresh checkpoint."""
        age = self._clock() - self.publication.time
        # A clock that was set back must not stretch the wait, nor a failure that lasts make it a busy one.
        seconds = min(max(REFRESH_AFTER - age, _SHORTEST_WAIT), REFRESH_AFTER).total_seconds()
        batch: list[_Item] = []
        with suppress(queue.Empty):
            batch.append(self._queue.get(timeout=seconds))
            while len(batch) < MAX_BATCH:
                batch.append(self._queue.get_nowait())
        return batch

    def _work(self, batch: Sequence[_Item]) -> None:
        submissions = [item for item in batch if isinstance(item, _Submission)]
        try:
            if self._failure is not None:
                raise self._failure
            if self._edge is None:
                self._load()
            outcomes = self._append(submissions)
            self._publish()
        except TallyError as error:
            # Whether the commit came to pass is for the database to say.
            self._edge = None
            if self._failure is None and error.code not in _TRANSIENT:
                self._halt(error)
            elif self._trouble is None:
                _logger.warning("%s: the ledger writes nothing for now: %s", error.code.value, error)
            failure = self._trouble = error
        except Exception as error:
            _logger.exception("internal_error in the sequencer")
            failure = self._trouble = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
            self._halt(failure)
        else:
            self._trouble = None
            for submission, outcome in zip(submissions, outcomes, strict=True):
                _answer(submission, outcome)
            for item in batch:
                if isinstance(item, _Signal):
                    item.answer.set_result(None)
            return
        for item in batch:
            item.answer.set_exception(failure)

    def _append(self, submissions: Sequence[_Submission]) -> list[Logged | RefusedError]:
        """Commit what is new among `submissions`, and say of each where it stands or who came first."""
        assert self._edge is not None
        edge = self._edge
        versions = self._store.find_versions({_version(item.record) for item in submissions})
        names = self._store.find_paths({_name(item.record) for item in submissions})
        outcomes: list[Logged | RefusedError] = []
        added: list[_Submission] = []
        for item in submissions:
            record, logged = item.record, Logged(edge.tree_size + len(added), item.leaf_hash)
            first = versions.get(_version(record))
            if first is not None:
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
            self._store.append([item.record for item in added], after=_head(edge), then=_head(grown))
            self._edge = grown
        return outcomes

    def _publish(self) -> None:
        assert self._edge is not None
        head = _head(self._edge)
        check_before_signing(self._store, signed=self._signer.last_signed, head=head)
        now = self._clock().replace(microsecond=0)
        note = self._signer.sign(head.tree_size, head.root_hash, now=now)
        publication = Publication(head.tree_size, now, note)
        self._store.publish(publication)
        self._publication = publication

    def _load(self) -> None:
        """Take up the stored log, which must reach at least as far as what was signed."""
        head = self._store.head()
        if head.tree_size < self._signer.last_signed.tree_size:
            raise RefusedError(Code.LOG_ROLLBACK, "the database ends before what was signed last")
        edge = RightEdge.load(head.tree_size, self._store.hash_reader(head.tree_size))
        if edge.root_hash() != head.root_hash:
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the tiles do not have the root of the head")
        self._edge = edge

    def _halt(self, error: TallyError) -> None:
        self._failure = error
        _logger.critical("%s: the ledger writes and signs nothing any more: %s", error.code.value, error)


def _version(record: DidRecord) -> tuple[str, int]:
    return (record.did.scid, record.entry.number)


def _name(record: DidRecord) -> str:
    return record.did.log_path()


def _head(edge: RightEdge) -> Head:
    return Head(edge.tree_size, edge.root_hash())


def _rival(record: DidRecord) -> RefusedError:
    return RefusedError(Code.DID_FORK, f"another version {record.entry.number} is logged")


def _answer(submission: _Submission, outcome: Logged | RefusedError) -> None:
    if isinstance(outcome, Logged):
        submission.answer.set_result(outcome)
    else:
        submission.answer.set_exception(outcome)
