"""Kill -9, and errors of the kernel, at the system calls of a save: the real thing, with strace."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.passphrase import Passphrase
from tests.storage.place import PASSPHRASE, Place, code_of, row

STRACE = shutil.which("strace")
ROOT = Path(__file__).parents[2]
NEW_PASSPHRASE = Passphrase("another one")
# `access` of two names that do not exist tells the trace where the operation begins and ends.
VICTIM = """
import os, sys
from pathlib import Path
from protocol.errors import TallyError
from storage.passphrase import TEST_ONLY, Passphrase
from storage.sealed_file import SealedFile

root, secret, operation = Path(sys.argv[1]), Passphrase(sys.argv[2]), sys.argv[3]
try:
    opened = SealedFile.open(
        root / "home" / "wallet.sealed", secret, mark_folder=root / "state", weakest_kdf=TEST_ONLY
    )
    os.access("/begin", os.F_OK)
    match operation:
        case "save":
            opened.save(b"new")
        case "change-passphrase":
            opened.change_passphrase(Passphrase("another one"), kdf=TEST_ONLY)
        case _:
            opened.rekey(passphrase=Passphrase("another one"), kdf=TEST_ONLY)
except TallyError as error:
    print(error.code)
os.access("/end", os.F_OK)
"""
OPERATIONS = ("save", "change-passphrase", "rekey")
# How often memory is asked for differs from run to run.
MEMORY = {"brk", "mmap", "mprotect", "munmap", "madvise", "futex"}
ERRNOS = ("ENOSPC", "EIO", "EDQUOT", "EMFILE", "EINTR")


@dataclass(frozen=True)
class Point:
    """The `when`-th system call `name` of the victim, and its place in the operation."""

    name: str
    when: int
    place: int


def run_victim(place: Place, operation: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    arguments = (sys.executable, "-c", VICTIM, str(place.root), PASSPHRASE.text, operation)
    return subprocess.run(
        [str(STRACE), "-qq", "-o", str(place.root / "trace"), *options, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def inject(place: Place, operation: str, point: Point, fault: str) -> subprocess.CompletedProcess[str]:
    """Run the operation with `fault` at `point`."""
    for _ in range(5):
        process = run_victim(place, operation, "-e", f"inject={point.name}:{fault}:when={point.when}")
        # A start-up with one call more or less (a module compiled anew) was hit before it began; once more.
        if '"/begin"' in (place.root / "trace").read_text():
            return process
    raise AssertionError(f"{point} was not reached")


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Point]]:
    """Every system call of every operation."""
    if STRACE is None:
        pytest.skip("strace is not installed; the same points are tested in one process elsewhere")
    found = {}
    for operation in OPERATIONS:
        place = Place(tmp_path_factory.mktemp(operation))
        place.keep(b"older", b"old")
        if run_victim(place, operation).returncode != 0:
            pytest.skip("strace may not trace here; the same points are tested in one process elsewhere")
        found[operation] = points_of((place.root / "trace").read_text().splitlines())
        assert len(found[operation]) > 50
    return found


def points_of(trace: Sequence[str]) -> list[Point]:
    counts: dict[str, int] = {}
    found: list[Point] = []
    inside = False
    for line in trace:
        call = re.match(r"(\w+)\(", line)
        if call is None:
            continue
        name = call[1]
        counts[name] = counts.get(name, 0) + 1
        if name == "access" and '"/begin"' in line:
            inside = True
        elif name == "access" and '"/end"' in line:
            return found
        elif inside and name not in MEMORY:
            found.append(Point(name, counts[name], len(found)))
    raise AssertionError("the operation did not end")


def survivor(place: Place) -> tuple[str, bytes]:
    """Which passphrase opens the file, and what is in it."""
    (place.root / "trace").unlink()
    if code_of(place.body) is None:
        return "old", place.body()
    assert code_of(place.body) is Code.PASSPHRASE_WRONG
    return "new", place.body(NEW_PASSPHRASE)


def kill_at(place: Place, operation: str, point: Point) -> str:
    """Kill the operation at `point` and say what is there then."""
    place.keep(b"older", b"old")
    process = inject(place, operation, point, "signal=KILL")
    assert process.returncode in (-9, 137), (point, process)
    after = {"save": ("old", b"new")}.get(operation, ("new", b"old"))
    found = survivor(place)
    assert found in (("old", b"old"), after), point
    # The lock went with the process, and the next save clears what it left.
    with place.open(PASSPHRASE if found[0] == "old" else NEW_PASSPHRASE) as restarted:
        restarted.save(b"and on")
    assert [path for path in place.path.parent.iterdir() if path.suffix == ".new"] == []
    return "before" if found == ("old", b"old") else "after"


@row("NT-W25")
def test_a_save_killed_at_its_decisive_calls_leaves_the_old_or_the_new_file(
    tmp_path: Path, points: dict[str, list[Point]]
) -> None:
    decisive: dict[str, Point] = {}
    for point in points["save"]:
        if point.name.startswith(("fallocate", "write", "fsync", "rename", "link")):
            decisive.setdefault(point.name, point)
    last = points["save"][-1]
    outcomes = [kill_at(Place(tmp_path / point.name), "save", point) for point in [*decisive.values(), last]]
    assert outcomes == ["before"] * len(decisive) + ["after"]


@pytest.mark.stress
@pytest.mark.parametrize("operation", OPERATIONS, ids="FI-K2-{}".format)
def test_an_operation_killed_at_any_call_leaves_the_old_or_the_new_file(
    tmp_path: Path, points: dict[str, list[Point]], operation: str
) -> None:
    outcomes = [kill_at(Place(tmp_path / str(point.place)), operation, point) for point in points[operation]]
    assert outcomes == sorted(outcomes, key=["before", "after"].index)
    assert set(outcomes) == {"before", "after"}


@pytest.mark.stress
@pytest.mark.parametrize("error", ERRNOS, ids="FI-E1-{}".format)
def test_an_error_of_the_kernel_at_any_call_leaves_the_old_or_the_new_file(
    tmp_path: Path, points: dict[str, list[Point]], error: str
) -> None:
    cannot_fail = {"geteuid", "getrandom", "lseek"}
    for point in points["save"]:
        if point.name in cannot_fail:
            continue
        place = Place(tmp_path / str(point.place))
        place.keep(b"older", b"old")
        process = inject(place, "save", point, f"error={error}")
        # A typed error or none; a traceback would make it 1.
        assert process.returncode == 0, (point, process.stderr)
        assert process.stdout.strip() in ("", "disk_full", "disk_error"), point
        assert survivor(place) in ([("old", b"old")] * bool(process.stdout) + [("old", b"new")]), point
