"""What others wrote in Python, in a process and an environment (`.venv-interop`) of its own."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.processes import ROOT, SECONDS

_PYTHON = ROOT / ".venv-interop" / "bin" / "python"


class Stranger:
    """A running module of ours that asks a package of others."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **question: Any) -> Any:
        """What it finds.

        Raises:
            StrangerRefusedError: what the package says against it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Some packages never come back: did-webvh reads an empty file for ever.
        patience = threading.Timer(SECONDS, self._process.kill)
        patience.start()
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        finally:
            patience.cancel()
        if "refused" in answer:
            raise StrangerRefusedError(answer["refused"])
        return answer["found"]


class StrangerRefusedError(Exception):
    """What somebody else's package raised."""


@contextmanager
def stranger(module: str) -> Iterator[Stranger]:
    """Run `module` of this folder."""
    if not (ROOT / ".venv-interop" / ".ready").is_file():
        pytest.skip("there is no .venv-interop (`make interop` makes it)")
    arguments = [str(_PYTHON), "-m", f"tests.interop.{module}"]
    with subprocess.Popen(
        arguments, cwd=ROOT, encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Stranger(process)
