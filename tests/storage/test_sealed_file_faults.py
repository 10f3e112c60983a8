import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.passphrase import TEST_ONLY, Passphrase
from storage.sealed_file import SealedFile
from tests.storage import faults
from tests.storage.place import PASSPHRASE, Place, code_of, refusal_of, row
from tests.storage.power import LostCaches

OLD, NEW = b"old" * 1000, b"new" * 30_000
NEW_PASSPHRASE = Passphrase("another one")
PASSPHRASES = {"old": PASSPHRASE, "new": NEW_PASSPHRASE}
OPERATIONS: dict[str, Callable[[SealedFile], None]] = {
    "save": lambda opened: opened.save(NEW),
    "change-passphrase": lambda opened: opened.change_passphrase(NEW_PASSPHRASE, kdf=TEST_ONLY),
    "rekey": lambda opened: opened.rekey(passphrase=NEW_PASSPHRASE, kdf=TEST_ONLY),
}
BEFORE = ("old", OLD)
AFTER = {"save": ("old", NEW), "change-passphrase": ("new", OLD), "rekey": ("new", OLD)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "place")
    place.keep(b"older", OLD)
    return place


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> faults.FaultyDisk:
    return faults.install(monkeypatch)


def surviving(place: Place) -> tuple[str, bytes]:
    """Which passphrase opens the file, and what is in it; exactly one must, and the newest must be whole."""
    opening = {name: place_opener(place, passphrase) for name, passphrase in PASSPHRASES.items()}
    codes = {name: code_of(attempt) for name, attempt in opening.items()}
    assert sorted(codes.values(), key=str) == [None, Code.PASSPHRASE_WRONG]
    name = next(name for name, code in codes.items() if code is None)
    with place.open(PASSPHRASES[name]) as opened:
        assert not opened.recovered
        return name, opened.body


def place_opener(place: Place, passphrase: Passphrase) -> Callable[[], None]:
    return lambda: place.open(passphrase).close()


def count_calls(place: Place, disk: faults.FaultyDisk, operation: str) -> list[str]:
    with place.open() as opened, disk.failing(faults.none):
        OPERATIONS[operation](opened)
    assert surviving(place) == AFTER[operation]
    return list(disk.calls)


@pytest.mark.parametrize("code", faults.EVERY_ERRNO, ids=errno.errorcode.get)
@pytest.mark.parametrize("operation", OPERATIONS, ids="NT-W24-{}".format)
def test_an_error_of_the_disk_at_any_call_leaves_the_old_or_the_new_file(
    place: Place, tmp_path: Path, disk: faults.FaultyDisk, operation: str, code: int
) -> None:
    calls = count_calls(place.copy_to(tmp_path / "counted"), disk, operation)
    expected = Code.DISK_FULL if code in (errno.ENOSPC, errno.EDQUOT) else Code.DISK_ERROR
    for position, name in enumerate(calls):
        copy = place.copy_to(tmp_path / f"{position}")
        with copy.open() as opened, disk.failing(faults.error_at(position, code)):
            failure = code_of(partial(OPERATIONS[operation], opened))
        allowed = [AFTER[operation]] if failure is None else [BEFORE, AFTER[operation]]
        assert failure in (None, expected), f"{name}, call {position}"
        assert surviving(copy) in allowed, f"{name}, call {position}"
    assert len(calls) > 30


def test_after_a_full_disk_the_same_open_file_saves_when_there_is_room(
    place: Place, disk: faults.FaultyDisk
) -> None:
    with place.open() as opened:
        with disk.failing(faults.none):
            opened.save(OLD)
        reserving = disk.calls.index("posix_fallocate")
        with disk.failing(faults.error_at(reserving, errno.ENOSPC)):
            assert refusal_of(lambda: opened.save(NEW)).code is Code.DISK_FULL
        assert opened.body == OLD
        opened.save(NEW)
    assert place.body() == NEW


@pytest.mark.parametrize("which", [0, 1], ids=["of-the-file", "of-the-folder"])
def test_after_a_failed_flush_nothing_more_is_saved_until_it_is_opened_again(
    place: Place, disk: faults.FaultyDisk, which: int
) -> None:
    with place.open() as opened, disk.failing(faults.none):
        opened.save(OLD)
    flush = [position for position, name in enumerate(disk.calls) if name == "fsync"][which]
    with place.open() as opened:
        with disk.failing(faults.error_at(flush, errno.EIO)):
            assert refusal_of(lambda: opened.save(NEW)).code is Code.DISK_ERROR
        assert refusal_of(lambda: opened.save(NEW)).code is Code.DISK_ERROR
    with place.open() as opened:
        opened.save(NEW)
    assert place.body() == NEW


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param("save", id="NT-W25-save"),
        pytest.param("change-passphrase", id="NT-W26-change-passphrase"),
        pytest.param("rekey", id="NT-W26-rekey"),
    ],
)
def test_a_machine_that_dies_at_any_call_leaves_the_old_or_the_new_file(
    place: Place, tmp_path: Path, disk: faults.FaultyDisk, operation: str
) -> None:
    calls = count_calls(place.copy_to(tmp_path / "counted"), disk, operation)
    outcomes = []
    for position in range(len(calls)):
        copy = place.copy_to(tmp_path / f"{position}")
        with (
            copy.open() as opened,
            disk.failing(faults.power_cut_at(position)),
            pytest.raises(faults.PowerCut),
        ):
            OPERATIONS[operation](opened)
        outcomes.append(surviving(copy))
        with copy.open(PASSPHRASES[outcomes[-1][0]]) as restarted:
            restarted.save(b"and on")
        assert [path for path in copy.path.parent.iterdir() if path.suffix == ".new"] == []
    # It happens at one call, the rename, and never goes back.
    moment = calls.index("rename") + 1
    assert outcomes == [BEFORE] * moment + [AFTER[operation]] * (len(calls) - moment)


def test_a_machine_that_dies_while_a_file_is_made_leaves_none_or_a_whole_one(
    tmp_path: Path, disk: faults.FaultyDisk
) -> None:
    with disk.failing(faults.none):
        Place(tmp_path / "counted").create()
    for position in range(len(disk.calls)):
        place = Place(tmp_path / f"{position}")
        with disk.failing(faults.power_cut_at(position)), pytest.raises(faults.PowerCut):
            place.create(b"one")
        assert code_of(place.body) in (None, Code.VAULT_MISSING)
        if code_of(place.body) is Code.VAULT_MISSING:
            place.keep(b"one")
        assert place.body() == b"one"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one megabyte."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(mounted)]
    if mount is None or os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root; the same errors are injected by other tests")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


@row("NT-W24, FI-D1")
def test_a_really_full_disk_leaves_the_old_file_and_lets_it_be_read(small_disk: Path) -> None:
    place, filler = Place(small_disk), small_disk / "filler"
    place.keep(OLD)
    refused = 0
    for pages in range(65):
        free = os.statvfs(small_disk)
        filler.write_bytes(bytes(max(0, free.f_bavail - pages) * free.f_bsize))
        body = os.urandom(90_000)
        with place.open() as opened:
            outcome = code_of(partial(opened.save, body))
            assert outcome in (None, Code.DISK_FULL)
            assert place.body() == opened.body
            assert opened.body == body or outcome is Code.DISK_FULL
            refused += outcome is Code.DISK_FULL
        filler.unlink()
        with place.open() as opened:
            opened.save(OLD)
    assert 0 < refused < 65


@pytest.mark.parametrize("names_lost", [False, True], ids=["FI-P1-data-lost", "FI-P1-names-lost"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_power_cut_that_takes_what_was_not_flushed_leaves_the_old_or_the_new_file(
    place: Place, tmp_path: Path, disk: faults.FaultyDisk, operation: str, names_lost: bool
) -> None:
    calls = count_calls(place.copy_to(tmp_path / "counted"), disk, operation)
    reports = []
    for position in range(len(calls) + 1):
        copy = place.copy_to(tmp_path / f"{position}")
        power = LostCaches(position, names_lost=names_lost)
        with copy.open() as opened, disk.failing(power):
            reports.append(reports_success(partial(OPERATIONS[operation], opened)))
            power.cut()
        allowed = [AFTER[operation]] if reports[-1] else [BEFORE, AFTER[operation]]
        assert surviving(copy) in allowed, position
    assert reports == [False] * len(calls) + [True]


def reports_success(attempt: Callable[[], None]) -> bool:
    """Whether `attempt` reported success before the power went."""
    try:
        attempt()
    except faults.PowerCut:
        return False
    return True


@row("FI-P2")
def test_a_disk_that_lies_about_flushing_is_caught_by_the_test_above(
    place: Place, disk: faults.FaultyDisk
) -> None:
    power = LostCaches(1000, names_lost=False, honest=False)
    with place.open() as opened, disk.failing(power):
        opened.save(NEW)
        power.cut()
    # What was reported as saved is gone; the generation before it is what is left.
    assert place.body() == OLD
