"""Starting the agent, in a process that has never seen the passphrase.

A fork would take the memory of the command along, and the passphrase in it. So a fresh interpreter is
started; it gets the key through a pipe, and the socket and its lock as open files.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import NoReturn

from wallet.agent.channel import listen
from wallet.agent.messages import Handover, encode_handover

_MODULE = "wallet.agent.process"
_SOURCES = Path(__file__).parent.parent.parent


def start_agent(folder: Path, handover: Handover) -> int:
    """Start an agent that listens in `folder` and outlives this process; its process id.

    Raises:
        TallyError: as `listen`.
    """
    with contextlib.ExitStack() as ours:
        arguments, key = _prepare(folder, handover, ours)
        return os.posix_spawn(
            sys.executable,
            arguments,
            _environment(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, key, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )


def become_agent(folder: Path, handover: Handover) -> NoReturn:
    """Turn this process into the agent, for who watches over it. Nothing of its memory stays.

    Raises:
        TallyError: as `listen`.
    """
    with contextlib.ExitStack() as ours:
        arguments, key = _prepare(folder, handover, ours)
        os.dup2(key, 0)
        os.execve(sys.executable, arguments, _environment())  # noqa: S606 (no shell is wanted)


def _prepare(folder: Path, handover: Handover, ours: contextlib.ExitStack) -> tuple[list[str], int]:
    """The command line of the agent, and the descriptor it reads its key from; `ours` closes all of them."""
    listener, lock = listen(folder)
    ours.callback(os.close, lock)
    listening = ours.enter_context(listener).fileno()
    for descriptor in (listening, lock):
        os.set_inheritable(descriptor, True)
    # It fits into the pipe, so nobody has to read at the same time.
    reading, writing = os.pipe()
    ours.callback(os.close, reading)
    os.write(writing, encode_handover(handover))
    os.close(writing)
    return [sys.executable, "-P", "-m", _MODULE, str(listening), str(lock), str(folder)], reading


def _environment() -> dict[str, str]:
    if _SOURCES.name in ("site-packages", "dist-packages"):
        return dict(os.environ)
    # A checkout, which is found from where the command was started, and perhaps from nowhere else.
    others = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{_SOURCES}{os.pathsep}{others}" if others else str(_SOURCES)}
