"""Running the program as people and scripts do: in a process of its own, with or without a terminal."""

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.canary import look_at_output

ROOT = Path(__file__).parent.parent
SECONDS = 30
_OURS = ("tally", "tests.wallet.holder")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        return str(json.loads(self.stderr)["error"]["code"])


def run_module(
    module: str,
    *arguments: str,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> Finished:
    """Run `python -m module` without a terminal."""
    finished = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        input=stdin,
        env=plain_environment(environment),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        pass_fds=descriptors,
        check=False,
    )
    return _looked_at(module, arguments, Finished(finished.returncode, finished.stdout, finished.stderr))


def converse(
    module: str,
    *arguments: str,
    answers: Sequence[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
    columns: int = 100,
    lines: int = 40,
) -> Finished:
    """Run `python -m module` in a terminal; for each pair wait for the first text, then type the second."""
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=plain_environment({"TERM": "xterm-256color", **(environment or {})}),
        start_new_session=True,
    )
    os.close(terminal)
    seen, start = b"", 0
    try:
        for expected, answer in answers:
            while expected.encode() not in seen[start:]:
                chunk = _read(screen)
                assert chunk, f"it ended without asking {expected!r}: {seen[start:]!r}"
                seen += chunk
            start = len(seen)
            os.write(screen, answer.encode())
        while chunk := _read(screen):
            seen += chunk
        ended = Finished(process.wait(SECONDS), seen.decode("utf-8", "replace"), "")
        return _looked_at(module, arguments, ended)
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def _looked_at(module: str, arguments: Sequence[str], finished: Finished) -> Finished:
    if module in _OURS:
        look_at_output(arguments, finished.stdout, finished.stderr)
    return finished


def _read(screen: int) -> bytes:
    readable, _, _ = select.select([screen], [], [], SECONDS)
    assert readable, "the program says nothing"
    try:
        return os.read(screen, 65_536)
    except OSError:  # how Linux says that the other side has closed
        return b""


def plain_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment that says nothing about how Python or the terminal should behave."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, **(changes or {})}
