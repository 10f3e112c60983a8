"""One of the servers of a ledger: shows the log, and gets what it is given logged, by itself or by another.

All front ends of a ledger share its database and its keys. One at a time has the lease (`ledger.lease`) and
runs the sequencer; the others follow what it publishes, and leave what they are given in the waiting room.
Whoever submits something cannot tell which of them it has met. When a turn ends before an entry was
published, the entry goes to the waiting room: whoever writes next finds it there, and an entry is never
logged twice.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from ledger.cosigners import Cosigners, NodeState
from ledger.followed_log import FollowedLog
from ledger.left_submissions import LeftSubmissions, Submission
from ledger.placement import Logged
from ledger.published import Published
from ledger.publisher import REFRESH_AFTER, TRANSIENT
from ledger.sequencer import MAX_WAITING
from ledger.tree import Tree
from ledger.turns import Turns
from ledger.waiting import running_future
from ledger.waiting_room import WaitingRoom
from ledger.writing_turn import WritingTurn
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError
from protocol.records import Record

_TICK_SECONDS = 0.05
_IDLE_SECONDS = 0.5

_logger = logging.getLogger("tally.ledger")


class FrontEnd:
    """Serves `log`, from a thread of its own; use it in a `with` statement.

    Let it `begin` when it can be reached: the nodes read from the server what they are asked to cosign, so
    nothing is signed before. `holder` is a name that no other front end has. What contradicts the log is kept
    in the folder `evidence`.
    """

    def __init__(
        self,
        log: FollowedLog,
        cosigners: Cosigners,
        *,
        holder: str,
        evidence: Path,
        clock: Callable[[], datetime],
    ) -> None:
        self._log = log
        self._cosigners = cosigners
        self._clock = clock
        room = WaitingRoom(log.store.engine)
        self._left = LeftSubmissions(room, log)
        self._turns = Turns(log, cosigners, room, holder=holder, evidence=evidence, clock=clock)
        self._thread = threading.Thread(target=self._run, name="front end", daemon=True)
        self._changed = threading.Condition()
        # What follows is written under that condition.
        self._failure: TallyError | None = None
        self._trouble: TallyError | None = None
        self._arrivals: list[Submission] = []
        self._refreshing: list[Future[None]] = []
        self._woken = True
        self._stopping = False

    def __enter__(self) -> Self:
        self._cosigners.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Finish what was submitted, and let another front end write at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        stopping = UnavailableError(Code.NETWORK_BUSY, "the ledger is stopping")
        with self._changed:
            self._failure = self._failure or stopping
        self._refuse_all(stopping)
        self._cosigners.__exit__()

    def begin(self) -> None:
        """Begin to write, or to follow who writes."""
        self._thread.start()

    @property
    def published(self) -> Published:
        """What was published last.

        Raises:
            UnavailableError: LOG_UNPUBLISHED, nothing was yet.
        """
        return self._log.published

    @property
    def is_writing(self) -> bool:
        """Whether it is this front end that has the lease."""
        return self._turns.current is not None

    @property
    def failure(self) -> TallyError | None:
        """Why this front end writes and follows nothing any more; None while it does."""
        return self._failure

    @property
    def trouble(self) -> TallyError | None:
        """Why the last attempt to write, to publish or to follow failed, for good or not."""
        turn = self._turns.current
        return self._failure or (turn and turn.sequencer.trouble) or self._trouble

    def node_states(self) -> list[NodeState]:
        """How each node stood when this front end asked it last."""
        return self._cosigners.states()

    def signed_size(self, tree: Tree) -> int:
        """How many entries of a tree nodes may read: what was signed, published or not.

        While another front end writes, what that has signed is known to be committed.
        """
        stored, signers = self._log.store, self._log.signers
        if tree is Tree.LOG:
            return signers.log.last_signed.tree_size if self.is_writing else stored.head().tree_size
        return signers.index.last_signed.tree_size if self.is_writing else stored.index.head().tree_size

    def submit(self, record: Record) -> "Future[Logged]":
        """Log `record`; the answer is as that of the sequencer, whoever writes.

        Raises:
            UnavailableError: too many are waiting, or the nodes have not said yet what they have seen.
            TallyError: why nothing is written any more.
        """
        if self._failure is not None:
            raise self._failure
        submission = Submission(record, running_future())
        turn = self._turns.current
        if turn is None or not turn.is_ready or not self._hand_over(submission, turn):
            with self._changed:
                if len(self._arrivals) + len(self._left) >= MAX_WAITING:
                    raise UnavailableError(Code.NETWORK_BUSY, "too many submissions are waiting")
            self._arrive(submission)
        return submission.answer

    def refresh(self) -> "Future[None]":
        """Show a checkpoint of the present time, or the newest of whoever writes; then the answer comes."""
        answer: Future[None] = running_future()
        with self._changed:
            if self._failure is not None:
                answer.set_exception(self._failure)
            else:
                self._refreshing.append(answer)
                self._wake()
        return answer

    def needs_refresh(self) -> bool:
        """Whether the published checkpoint has come of age, as after this machine slept."""
        if not self._log.is_published:
            return True
        return self._clock() - self._log.published.log.time >= REFRESH_AFTER

    def _hand_over(self, submission: Submission, turn: WritingTurn) -> bool:
        """Let the sequencer log it; False when its turn is over."""
        try:
            answer = turn.sequencer.submit(submission.record)
        except TallyError as error:
            if not self._turns.is_lost(error):
                raise
            return False
        answer.add_done_callback(partial(self._pass_on, submission))
        return True

    def _pass_on(self, submission: Submission, answer: "Future[Logged]") -> None:
        error = answer.exception()
        if error is None:
            submission.answer.set_result(answer.result())
        elif isinstance(error, TallyError) and self._turns.is_lost(error):
            self._arrive(submission)
        else:
            submission.answer.set_exception(error)

    def _arrive(self, submission: Submission) -> None:
        with self._changed:
            failure = self._failure
            if failure is None:
                self._arrivals.append(submission)
                self._wake()
        if failure is not None:
            submission.answer.set_exception(failure)

    def _wake(self) -> None:
        self._woken = True
        self._changed.notify_all()

    def _run(self) -> None:
        while self._failure is None:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._woken, self._seconds_to_wait())
                if self._stopping:
                    break
                self._woken = False
            try:
                self._step()
            except TallyError as error:
                self._note_trouble(error)
            except Exception as error:
                _logger.exception("internal_error in the front end")
                self._fail(TallyError(Code.INTERNAL_ERROR, type(error).__name__))
        with suppress(TallyError):
            # After a failure it says so once more.
            self._turns.end(self._failure)

    def _seconds_to_wait(self) -> float:
        is_busy = bool(self._left) or bool(self._arrivals) or (self.is_writing and self._turns.is_shared)
        return _TICK_SECONDS if is_busy else _IDLE_SECONDS

    def _step(self) -> None:
        self._turns.look_after()
        if self._turns.current is None:
            self._log.follow()
        else:
            self._turns.current.take_up()
        self._place_arrivals()
        self._left.collect(following=self._turns.current is None)
        with self._changed:
            self._trouble = None
            refreshing, self._refreshing = self._refreshing, []
        for answer in refreshing:
            if self._turns.current is None:
                answer.set_result(None)
            else:
                self._turns.current.sequencer.refresh().add_done_callback(partial(_copy, answer))

    def _place_arrivals(self) -> None:
        turn = self._turns.current
        if turn is not None and not turn.is_ready:
            return
        with self._changed:
            arrivals, self._arrivals = self._arrivals, []
        if turn is not None:
            for submission in arrivals:
                self._pass_to(turn, submission)
        elif arrivals:
            try:
                self._left.leave(arrivals)
            except TallyError as error:
                for submission in arrivals:
                    submission.answer.set_exception(error)
                raise

    def _pass_to(self, turn: WritingTurn, submission: Submission) -> None:
        try:
            if not self._hand_over(submission, turn):
                self._arrive(submission)
        except TallyError as error:
            submission.answer.set_exception(error)

    def _note_trouble(self, error: TallyError) -> None:
        if error.code not in TRANSIENT:
            self._fail(error)
            return
        with self._changed:
            if self._trouble is None:
                _logger.warning("%s: this front end waits: %s", error.code.value, error)
            self._trouble = error
        self._refuse_all(error)

    def _fail(self, error: TallyError) -> None:
        with self._changed:
            self._failure = error
        detail = "%s: this front end writes and follows nothing any more: %s"
        _logger.critical(detail, error.code.value, error)
        self._refuse_all(error)

    def _refuse_all(self, error: TallyError) -> None:
        with self._changed:
            arrivals, self._arrivals = self._arrivals, []
            refreshing, self._refreshing = self._refreshing, []
        for submission in arrivals:
            submission.answer.set_exception(error)
        for answer in refreshing:
            answer.set_exception(error)
        self._left.refuse(error)


def _copy(answer: "Future[None]", source: "Future[None]") -> None:
    error = source.exception()
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
