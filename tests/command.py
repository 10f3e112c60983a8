"""The command `tally`: in this process, in one of its own, or in one that serves."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import tally
from doors.command import run
from tests.canary import look_at_output
from tests.processes import ROOT, Finished, run_module


def run_tally(
    home: Path, *arguments: str, stdin: str | bytes = "", environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a command in this process, without a terminal."""
    stdout, stderr = io.StringIO(), io.StringIO()
    typed = io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin)
    with (
        mock.patch.dict(os.environ, {**environment_of(home), **(environment or {})}, clear=True),
        mock.patch("sys.stdin", io.TextIOWrapper(typed, encoding="utf-8")),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        status = run(tally.commands, arguments)
    look_at_output(arguments, stdout.getvalue(), stderr.getvalue())
    return Finished(status, stdout.getvalue(), stderr.getvalue())


def run_tally_alone(home: Path, *arguments: str, stdin: str = "") -> Finished:
    """Run a command in a process of its own, without a terminal."""
    return run_module("tally", *arguments, stdin=stdin, environment=environment_of(home))


@contextmanager
def serving(home: Path, role: str, *arguments: str) -> Iterator[str]:
    """A server in a process of its own; gives its URL, and asserts that it ends well when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tally", role, "serve", "--port", "0", "--json", *arguments],
        cwd=ROOT,
        env=environment_of(home),
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


def environment_of(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TALLY_HOME": str(home)}
