"""The only reader of the clock. Everything below a door takes the time as an argument."""

import sys
import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware of its zone (UTC)."""
    return datetime.now(UTC)  # noqa: TID251 (this is the one door)


def stopwatch() -> float:
    """Seconds since some moment, whatever happens to the clock; a machine that sleeps counts them as well."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
