"""Commands that begin at once, to be killed many times: `python -m tests.ledger.nursery`.

It has imported what they need, and orders come by its standard input, one JSON object in a line each:

    {"begin": ["ledger", "serve", …], "environment": {…}}   answers {"pid": …}; what the command says follows
    {"end": pid, "signal": 9}                               answers when the process is no more
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.processes import ROOT


class Nursery:
    """The process, from outside. For one thread at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """Begin a command of `tally`, and wait until it says that it is ready."""
        self._order({"begin": list(arguments), "environment": dict(environment)})
        pid: int = self._answer()["pid"]
        said = self._answer()
        assert said.get("ready"), said
        return pid

    def end(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the process, and wait until it is gone."""
        self._order({"end": pid, "signal": number})
        assert self._answer() == {"ended": pid}

    def _order(self, order: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the nursery is gone"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def nursery() -> Iterator[Nursery]:
    """One that runs until the block ends, and with it whatever it began."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.nursery"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Nursery(process)
    finally:
        process.communicate()


def _begin(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    pid = os.fork()
    if pid == 0:
        # It must not read the orders, nor go on with them.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(environment)
        sys.argv = ["tally", *arguments]
        status = tally.main()
        os.write(1, (json.dumps({"status": status}) + "\n").encode())
        os._exit(status)
    return pid


def _obey() -> None:
    children = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "begin" in order:
            pid = _begin(order["begin"], order["environment"])
            children.add(pid)
            # One write: the child says something into the same pipe.
            os.write(1, (json.dumps({"pid": pid}) + "\n").encode())
        else:
            pid = order["end"]
            os.kill(pid, order["signal"])
            os.waitpid(pid, 0)
            children.discard(pid)
            os.write(1, (json.dumps({"ended": pid}) + "\n").encode())
    for pid in children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    # What the commands import late is imported here once, and not in each process.
    import uvicorn.protocols.http.h11_impl  # noqa: F401

    import ledger.approvals.collector
    import ledger.folder
    import ledger.front_end
    import ledger.http
    import ledger.node.running  # noqa: F401
    import storage.postgresql
    import storage.sqlite  # noqa: F401
    import tally

    _obey()
