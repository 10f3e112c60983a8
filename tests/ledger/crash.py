"""A command of `tally ledger` killed at its steps: `python -m tests.ledger.crash FOLDER EVERY COMMAND…`.

For each step whose number EVERY divides there is a process and a home, named by the number, and the process
is killed before the step as from a power cut; the last home is that of the process that came to the end. A
step is whatever changes the disk: a file opened to be written, renamed, linked or removed, a folder made, a
statement or a commit.
"""

import os
import signal
import sys
from pathlib import Path
from time import perf_counter

from sqlalchemy import Engine, event

# What `init` imports late is imported here once, and not in each process.
import ledger.client
import ledger.folder
import ledger.node.folder  # noqa: F401
from doors.command import run
from ledger.cli import commands
from storage import passphrase
from storage.passphrase import WEAKEST_ACCEPTED

_CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir"}


def kill_at(step: int) -> None:
    """Let this process be killed when it comes to this step."""
    left = step

    def count(*_arguments: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(happening: str, arguments: tuple[object, ...]) -> None:
        writes = happening == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
        if writes or happening in _CHANGES:
            count()

    sys.addaudithook(watch)
    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)


def found(home: Path, arguments: list[str], *, killed_at: int) -> None:
    """Run the command with an empty `home`, and end."""
    home.mkdir(mode=0o700)
    os.environ["TALLY_HOME"] = str(home)
    kill_at(killed_at)
    os._exit(run(commands, arguments))


if __name__ == "__main__":
    passphrase.calibrate_kdf = lambda stopwatch=perf_counter: WEAKEST_ACCEPTED
    status, number = -1, 0
    while status != 0:
        number += int(sys.argv[2])
        child = os.fork()
        if child == 0:
            found(Path(sys.argv[1], str(number)), sys.argv[3:], killed_at=number)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), status
