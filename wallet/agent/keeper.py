"""What the agent decides: what it answers, and when it has rested for too long."""

import os
from collections.abc import Callable
from datetime import timedelta

from wallet.agent.messages import (
    AgentKey,
    AgentStatus,
    Ask,
    Handover,
    encode_key,
    encode_locked,
    encode_status,
)


class Keeper:
    """Who has the key. Once `is_locked` it gives it to nobody; then its process has to end."""

    def __init__(self, handover: Handover, *, stopwatch: Callable[[], float]) -> None:
        """`stopwatch` counts seconds whatever happens to the clock, also while the machine sleeps."""
        self._handover = handover
        self._stopwatch = stopwatch
        self._unlocked_at = self._wanted_at = stopwatch()
        self._told_to_lock = False

    @property
    def locks_in(self) -> timedelta:
        """How long it still waits for somebody to want the key."""
        rested = timedelta(seconds=self._stopwatch() - self._wanted_at)
        return max(timedelta(0), self._handover.idle - rested)

    @property
    def is_locked(self) -> bool:
        """Whether it was told to lock, or rested for too long."""
        return self._told_to_lock or not self.locks_in

    def answer(self, ask: Ask) -> bytes | None:
        """The answer in one line; None when it is locked already."""
        if self.is_locked:
            return None
        unlocked_for = timedelta(seconds=self._stopwatch() - self._unlocked_at)
        match ask:
            case Ask.KEY:
                # Only this keeps it awake: who looks how it is does not work with the wallet.
                self._wanted_at = self._stopwatch()
                return encode_key(AgentKey(self._handover.master_key, unlocked_for))
            case Ask.STATUS:
                return encode_status(AgentStatus(os.getpid(), unlocked_for, self.locks_in))
            case Ask.LOCK:
                self._told_to_lock = True
                return encode_locked()
