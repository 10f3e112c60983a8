"""When the next try may be made, and when an unlock is too long ago to share on.

Both are about somebody at the keyboard. Whoever has a copy of the file tries passphrases without asking us;
what slows that down is the cost of one derivation (`storage.passphrase`), and nothing here.
"""

from collections.abc import Callable
from datetime import timedelta

SHARE_WITHIN = timedelta(minutes=2)
"""After an unlock longer ago than this, sharing asks for the passphrase again."""

_FREE_TRIES = 3
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=5)


def needs_passphrase_again(unlocked_for: timedelta) -> bool:
    """Whether a person who shares has to prove once more who they are.

    `unlocked_for` is how long ago they did, by a stopwatch: a clock can be set back.
    """
    return unlocked_for > SHARE_WITHIN


class UnlockAttempts:
    """Wrong passphrases in a row: three are free, then each costs a pause twice as long as the one before.

    It is kept in this process and nowhere else, so there is no file that could be edited to forget it; a new
    process starts anew.
    """

    def __init__(self, stopwatch: Callable[[], float]) -> None:
        """`stopwatch` counts seconds whatever happens to the clock, as `doors.clock.stopwatch` does."""
        self._stopwatch = stopwatch
        self._failures = 0
        self._open_at = stopwatch()

    @property
    def pause(self) -> timedelta:
        """How long to wait before the next try; nothing when it may be made now."""
        return timedelta(seconds=max(0.0, self._open_at - self._stopwatch()))

    @property
    def tries_left(self) -> int:
        """How many wrong passphrases there may be before the next pause; at least one after it began."""
        return max(1, _FREE_TRIES - self._failures)

    def fail(self) -> None:
        """Count a wrong passphrase."""
        self._failures += 1
        doublings = self._failures - _FREE_TRIES
        if doublings >= 0:
            # The longest is reached after four; more would only overflow.
            pause = min(_FIRST_PAUSE * 2 ** min(doublings, 4), _LONGEST_PAUSE)
            self._open_at = self._stopwatch() + pause.total_seconds()

    def succeed(self) -> None:
        """Forget the wrong ones: the right one was given."""
        self._failures = 0
        self._open_at = self._stopwatch()
