"""Publishes what the sequencer has committed, again and again, and answers those who wait for it.

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

from ledger.cosigners import Cosigners
from ledger.followed_log import FollowedLog
from ledger.publishing_rounds import PublishingRounds
from ledger.stored_tree import Head
from ledger.waiting import PromisedAnswer, PromisedAnswers, running_future
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError

REFRESH_AFTER = timedelta(minutes=5)
"""The age at which a checkpoint is signed anew although nothing was added, to show that the log is alive."""

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
    """Publishes `log` and its index, from a thread of its own, between `start` and `stop`.

    `head` is how far the log reaches at the start. The policy of `cosigners`, which work already, is the one
    that readers trust the log by; publication waits for its quorum. What contradicts the log is kept in the
    folder `evidence`.
    """

    def __init__(
        self,
        log: FollowedLog,
        cosigners: Cosigners,
        *,
        evidence: Path,
        head: Head,
        clock: Callable[[], datetime],
    ) -> None:
        self._log = log
        self._clock = clock
        self._rounds = PublishingRounds(log, cosigners, evidence=evidence, clock=clock)
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

    def start(self) -> "Future[None]":
        """Begin with a fresh checkpoint; the answer comes when that is published, or has failed."""
        first = self.refresh()
        self._thread.start()
        return first

    def stop(self) -> None:
        """Publish what is committed, if the nodes let us, then stop."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def failure(self) -> TallyError | None:
        """Why nothing is signed any more; None while the next attempt may succeed."""
        return self._failure

    @property
    def trouble(self) -> TallyError | None:
        """Why the last attempt failed, for good or not; None while all is well."""
        return self._failure or self._trouble

    def require_writable(self) -> None:
        """Let nobody write after a failure, or before the nodes have said what they have seen.

        Raises:
            TallyError: the failure, or LOG_READ_ONLY.
        """
        if self._failure is not None:
            raise self._failure
        if not self._rounds.cleared:
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
        return not self._log.is_published or self._age() >= REFRESH_AFTER

    def note_trouble(self, error: TallyError) -> None:
        """Note what keeps the sequencer from writing for now; who can publish again can write again."""
        with self._changed:
            self._begin_pause(error, "writes")
            self._changed.notify_all()

    def halt(self, error: TallyError) -> None:
        """Sign nothing any more, because of `error`."""
        with self._changed:
            if self._failure is None:
                self._failure = error
                level = logging.WARNING if error.code is Code.LOG_LEASE_LOST else logging.CRITICAL
                detail = "%s: the ledger writes and signs nothing any more: %s"
                _logger.log(level, detail, error.code.value, error)
            self._settle()
            self._changed.notify_all()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            with self._changed:
                self._wait_for_work()
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
            for answer in self._refreshing:
                answer.set_exception(self._failure)

    def _wait_for_work(self) -> None:
        """Wait, under the condition, until something is to be done, or a checkpoint comes of age."""
        while not self._has_work():
            if not self._changed.wait(self._seconds_to_wait()):
                return

    def _has_work(self) -> bool:
        is_due = self._is_due() and time.monotonic() >= self._paused_until
        return self._stopping or bool(self._refreshing) or (is_due and self._failure is None)

    def _is_behind(self) -> bool:
        return self._published_size() < self._head.tree_size or not self._log.is_published

    def _is_due(self) -> bool:
        """Whether there is something to publish, or to find out whether it can be done again."""
        return self._is_behind() or self._trouble is not None

    def _seconds_to_wait(self) -> float | None:
        """How long to wait while nothing is asked for: until a new attempt, or a checkpoint comes of age."""
        if self._failure is not None:
            return None
        if self._is_due():
            return max(0.0, self._paused_until - time.monotonic())
        # A clock that was set back must not stretch the wait, nor a failure that lasts make it a busy one.
        return min(max(REFRESH_AFTER - self._age(), _SHORTEST_WAIT), REFRESH_AFTER).total_seconds()

    def _published_size(self) -> int:
        return self._log.published.log.tree_size if self._log.is_published else 0

    def _age(self) -> timedelta:
        return self._clock() - self._log.published.log.time

    def _attempt(self, head: Head) -> TallyError | None:
        try:
            self._rounds.publish(head)
        except TallyError as error:
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
            self._begin_pause(error, "publishes")
            older_than = PATIENCE if error.code in _OF_NODES else timedelta(0)
            self._promised.refuse(error, older_than=older_than)

    def _begin_pause(self, error: TallyError, what: str) -> None:
        """Try again after a while, under the condition."""
        if self._trouble is None:
            _logger.warning("%s: the ledger %s nothing for now: %s", error.code.value, what, error)
        self._trouble = error
        self._paused_until = time.monotonic() + _PAUSE_SECONDS

    def _settle(self) -> None:
        """Give the answers that can be given, under the condition."""
        self._promised.give(self._published_size())
        if self._failure is not None:
            self._promised.refuse(self._failure)
