"""The one thread that fills a node's copy: towards what it is asked to vouch for, and what the log publishes.

A request waits for it, but not for long: when the copy is far behind, the log is told to ask again, and the
follower goes on. Whatever contradicts the copy is kept as evidence and never changes it: the branch of a node
is the first it saw.
"""

import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from ledger.log_files import LogFiles
from ledger.node.copy import LogCopy
from ledger.node.evidence import Evidence
from ledger.node.trouble import TroubleNote
from ledger.node.witness import SignedCheckpoint, verify_signed_checkpoint
from ledger.waiting import running_future
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.tlog.note import NoteKey

MAX_WAITING = 8
"""How many requests may wait at once; one more is told to come again."""

_CONTRADICTIONS = frozenset({Code.LOG_CONSISTENCY_INVALID, Code.LOG_FORK})

_logger = logging.getLogger("tally.ledger.node")


@dataclass(frozen=True, slots=True)
class _Request:
    """That the copy reach to `signed`; None asks the follower to stop."""

    signed: SignedCheckpoint | None
    answer: "Future[None]" = field(default_factory=running_future)


class Follower:
    """Fills `copy` from the log with the key `log_key`, from a thread of its own; use it in a `with`.

    Unasked it looks every `interval` what is published. A request waits at most for `patience`.
    """

    def __init__(
        self,
        copy: LogCopy,
        files: LogFiles,
        log_key: NoteKey,
        *,
        evidence: Evidence,
        note: TroubleNote,
        interval: timedelta,
        patience: timedelta,
    ) -> None:
        self._copy = copy
        self._files = files
        self._log_key = log_key
        self._evidence = evidence
        self._note = note
        self._interval = interval.total_seconds()
        self._patience = patience.total_seconds()
        self._queue: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._trouble: TallyError | None = None
        self._told: set[bytes] = set()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Wait until it has stopped."""
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Ask it to finish the chunk at hand, and then to stop."""
        self._stopping.set()
        self._queue.put(_Request(None))

    @property
    def waiting(self) -> int:
        """How many requests wait at present."""
        return self._waiting

    @property
    def trouble(self) -> TallyError | None:
        """Why the log could not be followed the last time; None while all is well."""
        return self._trouble

    def require(self, signed: SignedCheckpoint) -> None:
        """Let the copy reach to `signed`, and check that it holds the very tree: the promise of a copy.

        Raises:
            VerificationError: the log's content is another than it signed, or not admissible.
            UnavailableError: NODE_BEHIND, not all of it could be copied yet; the follower goes on.
        """
        if signed.tree_size > self._copy.tree_size:
            self._wait_for(signed)
        try:
            self._copy.verify_holds(signed)
        except VerificationError:
            self.contradicted(signed)
            raise

    def contradicted(self, signed: SignedCheckpoint) -> None:
        """Keep `signed`, which is of another branch than the copy, as evidence."""
        if signed.root_hash not in self._told:
            self._told.add(signed.root_hash)
            _logger.critical("%s signed two histories: see the evidence", self._log_key.name)
        self._evidence.keep(signed)

    def _wait_for(self, signed: SignedCheckpoint) -> None:
        with self._lock:
            if self._waiting == MAX_WAITING:
                raise UnavailableError(Code.NETWORK_BUSY, "too many requests wait for the copy")
            self._waiting += 1
        request = _Request(signed)
        self._queue.put(request)
        try:
            request.answer.result(self._patience)
        except TimeoutError as error:
            detail = f"{self._copy.tree_size} of {signed.tree_size} entries"
            raise UnavailableError(Code.NODE_BEHIND, detail) from error
        finally:
            with self._lock:
                self._waiting -= 1

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._work(self._next())
        failure = UnavailableError(Code.NETWORK_BUSY, "the node is stopping")
        for request in self._drain():
            request.answer.set_exception(failure)

    def _next(self) -> list[_Request]:
        """What was asked for meanwhile, or nothing when it is time to look what is published."""
        try:
            first = self._queue.get(timeout=self._interval)
        except queue.Empty:
            return []
        return [first, *self._drain()]

    def _drain(self) -> list[_Request]:
        requests: list[_Request] = []
        with suppress(queue.Empty):
            while True:
                requests.append(self._queue.get_nowait())
        return requests

    def _work(self, requests: Sequence[_Request]) -> None:
        try:
            self._follow(requests)
            failure: TallyError | None = None
        except TallyError as error:
            failure = error
        except Exception as error:
            _logger.exception("internal_error in the follower")
            failure = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
        if not self._stopping.is_set():
            self._tell(failure)
        _answer(requests, failure or UnavailableError(Code.NETWORK_BUSY, "the node is stopping"))

    def _follow(self, requests: Sequence[_Request]) -> None:
        asked = [request.signed for request in requests if request.signed is not None]
        if requests and not asked:
            return
        target = max(asked, key=lambda signed: signed.tree_size) if asked else self._published()
        try:
            while target.tree_size > self._copy.tree_size and not self._stopping.is_set():
                self._copy.extend(target)
                # What is stored from now on was proven against it.
                self._evidence.remember(target)
                _answer_reached(requests, self._copy.tree_size)
            _answer_reached(requests, self._copy.tree_size)
            if not asked and not self._stopping.is_set():
                self._copy.verify_holds(target)
        except VerificationError as error:
            if error.code in _CONTRADICTIONS:
                self.contradicted(target)
            raise

    def _published(self) -> SignedCheckpoint:
        return verify_signed_checkpoint(self._files.read_checkpoint(), self._log_key)

    def _tell(self, failure: TallyError | None) -> None:
        if failure is not None and self._trouble is None:
            _logger.warning("%s: the log cannot be followed for now: %s", failure.code.value, failure)
        # A disk that fails is told of by the next request.
        with suppress(TallyError):
            failure = self._note.tell(failure, copied_size=self._copy.tree_size)
        self._trouble = failure


def _answer_reached(requests: Sequence[_Request], tree_size: int) -> None:
    for request in requests:
        is_reached = request.signed is None or request.signed.tree_size <= tree_size
        if is_reached and not request.answer.done():
            request.answer.set_result(None)


def _answer(requests: Sequence[_Request], failure: TallyError) -> None:
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(failure)
