"""Signs what the sequencer has committed, has it cosigned, and shows it.

The order of the steps is the point, and never changes:

    read it back and compute it anew -> remember what is signed -> sign -> cosignatures of a quorum -> publish

Committing goes on meanwhile, and without a quorum too; everything that was committed while one checkpoint was
being cosigned becomes the next one. Whoever waits is answered after the last step: who got an index can prove
it. Or after a while without a quorum: the entry is logged then, and asking again is safe.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from ledger.contradiction import ContradictionError, keep_contradiction
from ledger.cosigners import Cosigners
from ledger.index import LedgerIndex
from ledger.node_client import Candidate
from ledger.published import Published
from ledger.self_check import check_before_signing
from ledger.signer import CheckpointSigner, LedgerSigners
from ledger.start_guard import StartGuard
from ledger.store import LedgerStore
from ledger.stored_tree import Head, Publication, StoredTree
from ledger.tree import Tree
from ledger.waiting import PromisedAnswer, PromisedAnswers, running_future
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import create_consistency_proof
from protocol.tlog.note import NoteKey

REFRESH_AFTER = timedelta(minutes=5)
"""The age at which a checkpoint is signed anew although nothing was added, to show that the log is alive."""

QUORUM_WITHIN = timedelta(seconds=5)
"""How long one round of asking the nodes lasts; what took longer is done when the next one asks again."""

PATIENCE = timedelta(seconds=10)
"""How long a submission waits for a quorum before it is told that there is none."""

# After these the log goes on, and who waits may still get an answer.
_OF_NODES = frozenset({Code.LOG_QUORUM_MISSING, Code.LOG_READ_ONLY})

# After these the next attempt may succeed; it begins with what the database says then. After any other error
# the state of the disk, of the database or of this program is in doubt, and a log must not sign in doubt.
TRANSIENT = _OF_NODES | {Code.DISK_FULL, Code.DATABASE_BUSY, Code.DATABASE_UNAVAILABLE}

_SHORTEST_WAIT = timedelta(seconds=1)
_PAUSE_SECONDS = 1.0

_logger = logging.getLogger("tally.ledger")


class Publisher:
    """Publishes a log and its index, from a thread of its own; use it in a `with` statement.

    `head` is how far the log reaches at the start. The policy of `cosigners` is the one that readers trust
    the log by; publication waits for its quorum. What contradicts the log is kept in the folder `evidence`.
    """

    def __init__(
        self,
        store: LedgerStore,
        signers: LedgerSigners,
        cosigners: Cosigners,
        *,
        evidence: Path,
        head: Head,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._signers = signers
        self._cosigners = cosigners
        self._clock = clock
        self._evidence = evidence
        self._guard = StartGuard(
            {signers.log.public_key: store, signers.index.public_key: store.index}, cosigners
        )
        self._signed: dict[NoteKey, str] = {}
        self._cleared = False
        log, index = store.publication(), store.index.publication()
        published_size = 0 if index is None else index.tree_size
        self._index = LedgerIndex(store, signers.log.origin, published_size=published_size)
        self._published: Published | None = None
        if log is not None and index is not None:
            self._published = Published(
                log, index, self._index.published_entry, self._index.published_map, self._index.times
            )
        self._failure: TallyError | None = None
        self._trouble: TallyError | None = None
        self._changed = threading.Condition()
        # What follows is read and written under that condition.
        self._head = head
        self._promised = PromisedAnswers()
        self._refreshing: list[Future[None]] = []
        self._paused_until = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Self:
        """Begin with a fresh checkpoint, and wait for it as long as one round of the nodes may take.

        Raises:
            TallyError: it came to nothing, and there are no nodes that could change that.
        """
        self._cosigners.__enter__()
        first = self.refresh()
        self._thread.start()
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
        """Publish what is committed, if the nodes let us, then stop."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._cosigners.__exit__()

    @property
    def published(self) -> Published:
        """What was published last.

        Raises:
            UnavailableError: LOG_UNPUBLISHED, nothing was yet.
        """
        if self._published is None:
            raise UnavailableError(Code.LOG_UNPUBLISHED)
        return self._published

    @property
    def failure(self) -> TallyError | None:
        """Why nothing is signed any more; None while the next attempt may succeed."""
        return self._failure

    @property
    def trouble(self) -> TallyError | None:
        """Why the last attempt failed, for good or not; None while all is well."""
        return self._trouble

    def signed_size(self, tree: Tree) -> int:
        """How many entries of a tree were signed: what nodes may read, published or not."""
        signer = self._signers.log if tree is Tree.LOG else self._signers.index
        return signer.last_signed.tree_size

    def require_writable(self) -> None:
        """Let nobody write after a failure, or before the nodes have said what they have seen.

        Raises:
            TallyError: the failure, or LOG_READ_ONLY.
        """
        if self._failure is not None:
            raise self._failure
        if not self._cleared:
            raise UnavailableError(Code.LOG_READ_ONLY)

    def publish(self, head: Head, promised: Iterable[PromisedAnswer]) -> None:
        """Publish the log as far as `head`, which is committed; give the answers that are promised then."""
        with self._changed:
            self._head = head
            for answer in promised:
                self._promised.add(answer)
                self._paused_until = 0.0
            self._settle()
            self._changed.notify_all()

    def refresh(self) -> "Future[None]":
        """Publish a checkpoint with the present time; the answer comes when that is done, or has failed."""
        answer: Future[None] = running_future()
        with self._changed:
            if self._failure is None:
                self._refreshing.append(answer)
            else:
                answer.set_exception(self._failure)
            self._changed.notify_all()
        return answer

    def needs_refresh(self) -> bool:
        """Whether the published checkpoint has come of age, as after this machine slept."""
        return self._published is None or self._clock() - self._published.log.time >= REFRESH_AFTER

    def halt(self, error: TallyError) -> None:
        """Sign nothing any more, because of `error`."""
        with self._changed:
            if self._failure is None:
                self._failure = self._trouble = error
                detail = "%s: the ledger writes and signs nothing any more: %s"
                _logger.critical(detail, error.code.value, error)
            self._settle()
            self._changed.notify_all()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            with self._changed:
                self._changed.wait_for(self._has_work, self._seconds_to_wait())
                stopping, head, refreshing = self._stopping, self._head, self._refreshing
                self._refreshing = []
                idle = self._failure is not None or (stopping and not self._is_behind())
            error = self._failure if idle else self._attempt(head)
            for answer in refreshing:
                if error is None:
                    answer.set_result(None)
                else:
                    answer.set_exception(error)
        with self._changed:
            if self._failure is None:
                self._failure = UnavailableError(Code.NETWORK_BUSY, "the ledger is stopping")
            self._settle()

    def _has_work(self) -> bool:
        is_due = self._is_behind() and time.monotonic() >= self._paused_until
        return self._stopping or bool(self._refreshing) or (is_due and self._failure is None)

    def _is_behind(self) -> bool:
        return self._published is None or self._published.log.tree_size < self._head.tree_size

    def _seconds_to_wait(self) -> float | None:
        """How long to wait while nothing is asked for: until a new attempt, or a checkpoint comes of age."""
        if self._failure is not None:
            return None
        if self._published is None or self._is_behind():
            return max(0.0, self._paused_until - time.monotonic())
        age = self._clock() - self._published.log.time
        # A clock that was set back must not stretch the wait, nor a failure that lasts make it a busy one.
        return min(max(REFRESH_AFTER - age, _SHORTEST_WAIT), REFRESH_AFTER).total_seconds()

    def _attempt(self, head: Head) -> TallyError | None:
        try:
            self._clear()
            self._published = self._sign_and_publish(head)
        except TallyError as error:
            if isinstance(error, ContradictionError):
                self._keep_evidence(error)
            self._note_trouble(error)
            return error
        except Exception as error:
            _logger.exception("internal_error in the publisher")
            failure = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
            self.halt(failure)
            return failure
        with self._changed:
            self._trouble = None
            self._settle()
        return None

    def _note_trouble(self, error: TallyError) -> None:
        if error.code not in TRANSIENT:
            self.halt(error)
            return
        with self._changed:
            if self._trouble is None:
                _logger.warning("%s: the ledger publishes nothing for now: %s", error.code.value, error)
            self._trouble = error
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            older_than = PATIENCE if error.code in _OF_NODES else timedelta(0)
            self._promised.refuse(error, older_than=older_than)

    def _settle(self) -> None:
        """Give the answers that can be given, under the condition."""
        if self._published is not None:
            self._promised.give(self._published.log.tree_size)
        if self._failure is not None:
            self._promised.refuse(self._failure)

    def _keep_evidence(self, contradiction: ContradictionError) -> None:
        log = contradiction.log
        tree: StoredTree = self._store if log == self._signers.log.public_key else self._store.index
        published = tree.publication()
        own = self._signed.get(log) or (None if published is None else published.note)
        try:
            keep_contradiction(contradiction, self._evidence, own=own, tree=tree)
        except TallyError as error:
            _logger.warning("%s: what a node has seen could not be kept: %s", error.code.value, error)

    def _clear(self) -> None:
        if not self._cleared:
            self._cleared = self._guard.clears(within=QUORUM_WITHIN)
            if not self._cleared:
                raise UnavailableError(Code.LOG_READ_ONLY)

    def _sign_and_publish(self, head: Head) -> Published:
        check_before_signing(self._store, signed=self._signers.log.last_signed, head=head)
        now = self._clock().replace(microsecond=0)
        index_head = self._index.state(head, now=now)
        check_before_signing(self._store.index, signed=self._signers.index.last_signed, head=index_head)
        candidates = [
            _sign(self._signers.log, self._store, head, now),
            _sign(self._signers.index, self._store.index, index_head, now),
        ]
        self._signed = {candidate.log: candidate.note for candidate in candidates}
        log, index = (
            Publication(checkpoint.tree_size, checkpoint.time or now, checkpoint.note)
            for checkpoint in self._cosigners.have_cosigned(candidates, within=QUORUM_WITHIN)
        )
        self._store.publish(log, index)
        return Published(log, index, self._index.last, self._index.map, self._index.times)


def _sign(signer: CheckpointSigner, tree: StoredTree, head: Head, now: datetime) -> Candidate:
    read_hashes = tree.hash_reader(head.tree_size)
    return Candidate(
        signer.public_key,
        Checkpoint(signer.origin, head.tree_size, head.root_hash),
        signer.sign(head.tree_size, head.root_hash, now=now),
        lambda old_size: create_consistency_proof(old_size, head.tree_size, read_hashes),
    )
