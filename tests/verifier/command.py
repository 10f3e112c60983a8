"""The command `tally verifier`, with a home of its own: in this process, or in one of its own."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import tally
from doors.command import run
from tests.processes import ROOT

_CALL = "import sys, tally; sys.argv = ['tally', 'verifier', *sys.argv[1:]]; sys.exit(tally.main())"


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        return str(json.loads(self.stderr)["error"]["code"])


def tally_verifier(home: Path, *arguments: str, stdin: str = "") -> Ended:
    """Run a command in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    typed = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    with (
        mock.patch.dict(os.environ, _environment(home), clear=True),
        mock.patch("sys.stdin", typed),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        status = run(tally.commands, ["verifier", *arguments])
    return Ended(status, stdout.getvalue(), stderr.getvalue())


def tally_verifier_alone(home: Path, *arguments: str, stdin: str = "") -> Ended:
    """Run a command in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", _CALL, *arguments],
        cwd=ROOT,
        env=_environment(home),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[str]:
    """A server in a process of its own; gives its URL, and asserts that it ends well when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CALL, "serve", "--port", "0", "--json", *arguments],
        cwd=ROOT,
        env=_environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=20)
        ready = json.loads(line)
        assert ready["ready"] is True
        yield ready["url"]
    finally:
        process.terminate()
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (0, "", "")


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TALLY_HOME": str(home)}
