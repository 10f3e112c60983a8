"""The agent's own process: `python -m wallet.agent.process SOCKET LOCK FOLDER`, with the key on stdin.

It is a fresh interpreter that has never seen the passphrase. `launch` opened the socket and the lock, and
gives their descriptors.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from protocol.errors import TallyError
from wallet.agent.channel import adopt, remove, serve
from wallet.agent.keeper import Keeper
from wallet.agent.messages import MAX_BYTES, parse_handover

_PR_SET_DUMPABLE = 4
_STDIN, _FIRST_OTHER, _MOST_DESCRIPTORS = 0, 3, 4096


def main() -> None:
    """Keep the key until it is locked, or told by a signal to end."""
    listening, lock, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    _close_others({listening, lock})
    _hide_memory()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _end)
    os.chdir("/")
    handover = parse_handover(os.read(_STDIN, MAX_BYTES))
    _forget_stdin()
    keeper = Keeper(handover, stopwatch=_stopwatch)
    try:
        with adopt(listening) as listener:
            serve(listener, keeper)
    finally:
        # The folder may be gone, with the session or the home it belonged to.
        with contextlib.suppress(TallyError):
            remove(folder)


def _close_others(kept: set[int]) -> None:
    # Whatever the shell had open, a pipe that somebody waits to see closed for example.
    for descriptor in range(_FIRST_OTHER, max(kept)):
        if descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    os.closerange(max(kept) + 1, _MOST_DESCRIPTORS)


def _hide_memory() -> None:
    """Leave no core dump, and let no debugger of the same user in. Best effort: root can do both."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


def _forget_stdin() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)


def _stopwatch() -> float:
    # Unlike the monotonic clock, it goes on while the machine sleeps.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


if __name__ == "__main__":
    main()
