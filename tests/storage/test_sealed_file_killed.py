"""Kill -9, and errors of the kernel, at the system calls of a save: the real thing, with strace."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from protocol.codes import Code
from tests.storage.place import Place, code_of
from tests.storage.strace import Point, Victim, decisive
from tests.storage.victim import NEW, OLD

OPERATIONS = ("save", "change-passphrase", "rekey")
ERRNOS = ("ENOSPC", "EIO", "EDQUOT", "EMFILE", "EINTR")


def victim(operation: str) -> Victim:
    return Victim("tests.storage.victim", operation)


def prepare(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    Place(root).keep(b"older", b"old")
    return root


def points_of(root: Path, operation: str) -> list[Point]:
    points = victim(operation).points(prepare(root))
    assert len(points) > 50
    return points


def survivor(place: Place) -> tuple[str, bytes]:
    """Which passphrase opens the file, and what is in it."""
    if code_of(place.body) is None:
        return "old", place.body()
    assert code_of(place.body) is Code.PASSPHRASE_WRONG
    return "new", place.body(NEW)


def kill_at(root: Path, operation: str, point: Point) -> str:
    """Kill the operation at `point` and say what is there then."""
    place = Place(root)
    victim(operation).kill(partial(prepare, root), point)
    after = {"save": ("old", b"new")}.get(operation, ("new", b"old"))
    found = survivor(place)
    assert found in (("old", b"old"), after), point
    # The lock went with the process, and the next save clears what it left.
    with place.open(OLD if found[0] == "old" else NEW) as restarted:
        restarted.save(b"and on")
    assert [path for path in place.path.parent.iterdir() if path.suffix == ".new"] == []
    return "before" if found == ("old", b"old") else "after"


@pytest.mark.parametrize(
    ("operation", "kinds"),
    [
        pytest.param("save", ("fallocate", "write", "fsync", "rename", "link"), id="NT-W25-save"),
        pytest.param("change-passphrase", ("rename",), id="NT-W26-change-passphrase"),
    ],
)
def test_an_operation_killed_at_its_decisive_calls_leaves_the_old_or_the_new_file(
    tmp_path: Path, operation: str, kinds: tuple[str, ...]
) -> None:
    points = decisive(points_of(tmp_path / "counted", operation), kinds)
    outcomes = [kill_at(tmp_path / f"{point.place}", operation, point) for point in points]
    assert outcomes == ["before"] * (len(points) - 1) + ["after"]


@pytest.mark.stress
@pytest.mark.parametrize("operation", OPERATIONS, ids="FI-K2-{}".format)
def test_an_operation_killed_at_any_call_leaves_the_old_or_the_new_file(
    tmp_path: Path, operation: str, record_property: Callable[[str, object], None]
) -> None:
    points = points_of(tmp_path / "counted", operation)
    outcomes = [kill_at(tmp_path / str(point.place), operation, point) for point in points]
    assert outcomes == sorted(outcomes, key=["before", "after"].index)
    assert set(outcomes) == {"before", "after"}
    record_property(f"kills in {operation}", len(outcomes))


@pytest.mark.stress
@pytest.mark.parametrize("error", ERRNOS, ids="FI-E1-{}".format)
def test_an_error_of_the_kernel_at_any_call_leaves_the_old_or_the_new_file(
    tmp_path: Path, error: str, record_property: Callable[[str, object], None]
) -> None:
    cannot_fail = {"geteuid", "getrandom", "lseek"}
    points = [point for point in points_of(tmp_path / "counted", "save") if point.name not in cannot_fail]
    for point in points:
        place = Place(tmp_path / str(point.place))
        process = victim("save").inject(partial(prepare, place.root), point, f"error={error}")
        # A typed error or none; a traceback would make it 1.
        assert process.returncode == 0, (point, process.stderr)
        assert process.stdout.strip() in ("", "disk_full", "disk_error"), point
        assert survivor(place) in ([("old", b"old")] * bool(process.stdout) + [("old", b"new")]), point
    record_property(f"{error} in save", len(points))
