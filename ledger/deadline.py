"""One deadline for everything a fetch does.

It cannot be an argument: between the fetcher and the socket lies the connection pool, which knows only time
limits per operation, and a server that sends a byte now and then satisfies those for ever.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from protocol.codes import Code
from protocol.errors import UnavailableError

_end: ContextVar[float] = ContextVar("end")


@contextmanager
def deadline(duration: timedelta) -> Iterator[None]:
    """Let the block, in this thread, run against a deadline `duration` from now."""
    reset = _end.set(time.monotonic() + duration.total_seconds())
    try:
        yield
    finally:
        _end.reset(reset)


def remaining_seconds() -> float:
    """What is left until the deadline; more than zero.

    Raises:
        UnavailableError: nothing is left.
    """
    remaining = _end.get() - time.monotonic()
    if remaining <= 0:
        raise UnavailableError(Code.NETWORK_TIMEOUT)
    return remaining
