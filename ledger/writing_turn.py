"""What a front end does while it has the lease: it sequences, and serves the waiting room."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from pathlib import Path

from ledger.cosigners import Cosigners
from ledger.followed_log import FollowedLog
from ledger.placement import Logged
from ledger.sequencer import MAX_BATCH, Sequencer
from ledger.waiting_room import WaitingRoom
from protocol.errors import TallyError


class WritingTurn:
    """Writes `log` from now on; `room` is None where nobody else could leave anything. For one thread.

    Attributes:
        sequencer: The writer, for every thread.

    Raises:
        TallyError: as `FollowedLog.take_over`.
    """

    def __init__(
        self,
        log: FollowedLog,
        cosigners: Cosigners,
        room: WaitingRoom | None,
        *,
        evidence: Path,
        clock: Callable[[], datetime],
    ) -> None:
        log.take_over()
        self._room = room
        self._taken: set[int] = set()
        self._lock = threading.Lock()
        self._outcomes: dict[int, Logged | TallyError] = {}
        self.sequencer = Sequencer(log, cosigners, evidence=evidence, clock=clock)
        self._first = self.sequencer.start()

    @property
    def is_ready(self) -> bool:
        """Whether the nodes were heard once: before that the sequencer refuses everything."""
        return self._first.done()

    def take_up(self) -> None:
        """Leave in the waiting room what has come of what was taken up, and take up what has come.

        Raises:
            UnavailableError: the database's fault.
        """
        if self._room is None or not self.is_ready:
            return
        self._answer(self._room)
        for ticket, left in self._room.waiting(without=self._taken, limit=MAX_BATCH).items():
            self._taken.add(ticket)
            try:
                logged = self.sequencer.submit(left.record())
            except TallyError as error:
                self._note(ticket, error)
            else:
                logged.add_done_callback(partial(self._note_answer, ticket))

    def end(self, failure: TallyError | None) -> None:
        """Finish what was submitted, or refuse it all with `failure`; then stop."""
        if failure is not None:
            self.sequencer.halt(failure)
        self.sequencer.stop()

    def leave(self) -> None:
        """Leave the last answers, when everything was finished.

        Raises:
            UnavailableError: the database's fault.
        """
        if self._room is not None:
            self._answer(self._room)

    def _answer(self, room: WaitingRoom) -> None:
        with self._lock:
            outcomes = dict(self._outcomes)
        if outcomes:
            room.answer(outcomes)
            self._taken -= outcomes.keys()
            with self._lock:
                for ticket in outcomes:
                    del self._outcomes[ticket]

    def _note_answer(self, ticket: int, answer: "Future[Logged]") -> None:
        error = answer.exception()
        if error is None:
            self._note(ticket, answer.result())
        elif isinstance(error, TallyError):
            self._note(ticket, error)

    def _note(self, ticket: int, outcome: Logged | TallyError) -> None:
        # What only this front end could not do waits for whoever has the next turn.
        if isinstance(outcome, TallyError) and self.sequencer.failure is not None:
            return
        with self._lock:
            self._outcomes[ticket] = outcome
