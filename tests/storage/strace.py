"""Kill -9, and errors of the kernel, at the system calls of a process: the real thing, with strace.

A victim is a module, run as `python -m MODULE FOLDER OPERATION`; see `tests.storage.victim`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.storage.victim import BEGIN, END

ROOT = Path(__file__).parents[2]
# How often memory is asked for differs from run to run.
MEMORY = {"brk", "mmap", "mprotect", "munmap", "madvise", "futex"}
_STRACE = shutil.which("strace")


@dataclass(frozen=True)
class Point:
    """The `when`-th system call `name` of the victim, and its place in the operation."""

    name: str
    when: int
    place: int


@dataclass(frozen=True)
class Victim:
    """The process that does `operation` in a folder."""

    module: str
    operation: str

    def points(self, folder: Path) -> list[Point]:
        """Every system call of the operation, which succeeds in `folder`."""
        if _STRACE is None:
            pytest.skip("strace is not installed; the same points are tested in one process elsewhere")
        process = self._run(folder)
        if process.returncode != 0 and not process.stderr:
            pytest.skip("strace may not trace here; the same points are tested in one process elsewhere")
        assert process.returncode == 0, process.stderr
        return _points(_trace(folder))

    def inject(
        self, prepare: Callable[[], Path], point: Point, fault: str
    ) -> subprocess.CompletedProcess[str]:
        """Do the operation with `fault` at `point`, in the folder that `prepare` makes, each time anew."""
        for _ in range(5):
            folder = prepare()
            process = self._run(folder, "-e", f"inject={point.name}:{fault}:when={point.when}")
            if _was_inside(_trace(folder)):
                return process
            # The start has more or fewer calls now: another process compiled a module, for example.
            point = self.points(prepare())[point.place]
        raise AssertionError(f"{point} was not reached")

    def kill(self, prepare: Callable[[], Path], point: Point) -> None:
        """Kill the operation at `point`."""
        process = self.inject(prepare, point, "signal=KILL")
        assert process.returncode in (-9, 137), (point, process)

    def _run(self, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        command = (sys.executable, "-m", self.module, str(folder), self.operation)
        return subprocess.run(
            [str(_STRACE), "-qq", "-o", str(_trace_file(folder)), *options, *command],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )


def decisive(points: Sequence[Point], kinds: tuple[str, ...]) -> list[Point]:
    """The first call of each kind, and the last of all."""
    first: dict[str, Point] = {}
    for point in points:
        if point.name.startswith(kinds):
            first.setdefault(point.name, point)
    return [*first.values(), points[-1]]


def _trace_file(folder: Path) -> Path:
    # Beside the folder, whose files are looked at.
    return folder.with_name(f"{folder.name}.trace")


def _trace(folder: Path) -> list[str]:
    return _trace_file(folder).read_text().splitlines()


def _was_inside(trace: Sequence[str]) -> bool:
    """Whether the fault came after the operation had begun."""
    begun = next((place for place, line in enumerate(trace) if f'"{BEGIN}"' in line), len(trace))
    return any("(INJECTED" in line or line.startswith("+++ killed") for line in trace[begun:])


def _points(trace: Sequence[str]) -> list[Point]:
    counts: dict[str, int] = {}
    found: list[Point] = []
    inside = False
    for line in trace:
        call = re.match(r"(\w+)\(", line)
        if call is None:
            continue
        name = call[1]
        counts[name] = counts.get(name, 0) + 1
        if name == "access" and f'"{BEGIN}"' in line:
            inside = True
        elif name == "access" and f'"{END}"' in line:
            return found
        elif inside and name not in MEMORY:
            found.append(Point(name, counts[name], len(found)))
    raise AssertionError("the operation did not end")
