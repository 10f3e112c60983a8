"""When it is the turn of a front end to write: taking the lease, keeping it, and stepping back."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from ledger.cosigners import Cosigners
from ledger.followed_log import FollowedLog
from ledger.lease import LEASE_FOR, RENEW_AFTER, Lease
from ledger.waiting_room import WaitingRoom
from ledger.writing_turn import WritingTurn
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError

STEP_BACK_AFTER = timedelta(seconds=30)
"""How long a front end that can publish nothing keeps others from trying."""


class Turns:
    """The turns of one front end to write `log`, who goes by the name `holder`. For one thread.

    Attributes:
        current: The turn it has now, for every thread to read.
        is_shared: Whether others could have one.
    """

    def __init__(
        self,
        log: FollowedLog,
        cosigners: Cosigners,
        room: WaitingRoom,
        *,
        holder: str,
        evidence: Path,
        clock: Callable[[], datetime],
    ) -> None:
        self.current: WritingTurn | None = None
        self._log = log
        self._lease = Lease(log.store.engine, log.store.turn, holder=holder)
        self.is_shared = self._lease.is_shared
        shared_room = room if self.is_shared else None
        self._new_turn = partial(WritingTurn, log, cosigners, shared_room, evidence=evidence, clock=clock)
        self._due = self._worked = time.monotonic()

    def look_after(self) -> None:
        """Keep the turn, or try to get one; step back from one that is over.

        Raises:
            TallyError: why this front end must not write any more; or the database's fault, for now.
        """
        if self.current is not None and (failure := self.current.sequencer.failure) is not None:
            self.end(failure)
        if time.monotonic() < self._due or (self.current is not None and not self.is_shared):
            return
        now = time.monotonic()
        self._due = now + RENEW_AFTER.total_seconds()
        if self.current is None:
            if self._lease.take():
                self._worked = now
                self._begin()
            return
        if self.current.sequencer.trouble is None:
            self._worked = now
        if now - self._worked > STEP_BACK_AFTER.total_seconds():
            # Perhaps only this machine is cut off from the nodes, or has a full disk. Others are first then.
            self._due += LEASE_FOR.total_seconds()
            self.end(UnavailableError(Code.LOG_LEASE_LOST))
        elif self._lease.renew():
            try:
                self._log.require_kept()
            except RefusedError as failure:
                self.end(failure)
        else:
            self.end(UnavailableError(Code.LOG_LEASE_LOST))

    def end(self, failure: TallyError | None) -> None:
        """End the turn, if there is one, because of `failure`, or in good order.

        Raises:
            TallyError: the failure, unless the turn is lost by it.
        """
        turn = self.current
        if turn is not None:
            turn.end(failure)
            self.current = None
            with suppress(TallyError):
                if failure is None:
                    turn.leave()
                self._lease.give_back()
        if failure is not None and not self.is_lost(failure):
            raise failure

    def is_lost(self, failure: TallyError) -> bool:
        """Whether a turn ended with `failure` because another has it. For every thread."""
        # An old row of the lease that was put back lets two have one epoch. The first to write goes on.
        lost = {Code.LOG_LEASE_LOST, Code.VAULT_CHANGED} if self.is_shared else {Code.LOG_LEASE_LOST}
        return failure.code in lost

    def _begin(self) -> None:
        try:
            self.current = self._new_turn()
        except BaseException:
            self._lease.give_back()
            raise
