"""What a front end without the lease has left in the waiting room, and who waits for the answers."""

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta

from ledger.followed_log import FollowedLog
from ledger.placement import Logged
from ledger.waiting_room import WaitingRoom
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError
from protocol.records import Record

WAIT_FOR_WRITER = timedelta(seconds=30)
"""How long a submission waits for a front end that writes."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A record, and the answer somebody waits for."""

    record: Record
    answer: "Future[Logged]"
    since: float = field(default_factory=time.monotonic)


class LeftSubmissions:
    """Submissions in `room`; their answers are given when `log` shows what they say. For one thread."""

    def __init__(self, room: WaitingRoom, log: FollowedLog) -> None:
        self._room = room
        self._log = log
        self._left: dict[int, Submission] = {}

    def __len__(self) -> int:
        return len(self._left)

    def leave(self, submissions: Sequence[Submission]) -> None:
        """Leave `submissions` in the room.

        Raises:
            UnavailableError: the database's fault; the submissions are still the caller's.
        """
        tickets = self._room.enter([submission.record.leaf for submission in submissions])
        self._left |= dict(zip(tickets, submissions, strict=True))

    def collect(self, *, following: bool) -> None:
        """Give the answers that have come; if this process is `following`, it shows first what they tell of.

        Raises:
            TallyError: as `FollowedLog.follow`, or the database's fault.
        """
        if not self._left:
            return
        answers = self._room.answers(self._left)
        if following and answers:
            self._log.follow()
        # What is acknowledged is looked up where it is kept for good.
        hashes = {outcome.leaf_hash for outcome in answers.values() if isinstance(outcome, Logged)}
        places = self._log.store.find_leaves(hashes) if hashes else {}
        size = self._log.published.log.tree_size if self._log.is_published else 0
        before = time.monotonic() - WAIT_FOR_WRITER.total_seconds()
        late = UnavailableError(Code.NETWORK_BUSY, "no front end of the ledger has taken it up yet")
        done = []
        for ticket, submission in list(self._left.items()):
            outcome = answers.get(ticket, late)
            if isinstance(outcome, Logged) and places.get(outcome.leaf_hash) != outcome.leaf_index:
                outcome = UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the log has it elsewhere")
            if isinstance(outcome, Logged) and outcome.leaf_index < size:
                submission.answer.set_result(outcome)
            elif isinstance(outcome, TallyError) and (outcome is not late or submission.since <= before):
                submission.answer.set_exception(outcome)
            else:
                continue
            del self._left[ticket]
            done.append(ticket)
        if done:
            self._room.leave(done)

    def refuse(self, error: TallyError) -> None:
        """Give `error` to all who wait. What they submitted may be logged nevertheless."""
        for submission in self._left.values():
            submission.answer.set_exception(error)
        self._left.clear()
