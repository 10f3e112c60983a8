"""A backup or a restore whose process is killed, or whose disk fails, at any call."""

import errno
import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.passphrase import TEST_ONLY
from tests.storage import faults
from tests.storage.place import code_of
from tests.storage.strace import Point, Victim, decisive
from tests.wallet.holder import NO_LEDGERS, TRUSTED
from tests.wallet.holdings import EMPTY, with_held
from tests.wallet.victim import (
    ENTROPY,
    NOW,
    PASSPHRASE,
    backup_of,
    do,
    merge,
    open_wallet,
    restore,
    wallet_of,
)
from wallet.backup import make_backup, open_backup
from wallet.trust import load_ledgers, save_ledgers
from wallet.vault import Vault

OPERATIONS = ("backup", "backup-replacing", "restore", "merge")
STATES = ("before", "half", "after")
LONG_AGO = NOW - timedelta(days=30)
ONE = with_held(EMPTY)
TWO = with_held(ONE, id="degree-2")


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is there before each of the operations."""
    return {operation: prepare(tmp_path_factory.mktemp(operation), operation) for operation in OPERATIONS}


def prepare(root: Path, operation: str) -> Path:
    folder = wallet_of(root)
    backup_of(root).parent.mkdir()
    # The wallet has one credential, the backup that comes back has both.
    for content, ledgers in ((TWO, TRUSTED), (ONE, NO_LEDGERS)):
        with Vault.create_with(
            folder.vault, content, passphrase=PASSPHRASE, kdf=TEST_ONLY, mark_folder=folder.state
        ) as vault:
            save_ledgers(folder, ledgers)
            if content is TWO:
                make_backup(vault, ledgers, backup_of(root), now=LONG_AGO)
        if content is TWO or operation == "restore":
            shutil.rmtree(folder.path)
            shutil.rmtree(folder.state)
    if operation == "backup":
        backup_of(root).unlink()
    return root


def copied(stage: Path, root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(stage, root)
    return root


def state(root: Path, operation: str) -> str:
    """How far the operation came, once all that is there was found to be whole."""
    strays = [path.name for path in backup_of(root).parent.iterdir() if path != backup_of(root)]
    assert all(name.startswith(".") and name.endswith(".new") for name in strays)
    if operation in ("backup", "backup-replacing"):
        return state_of_backup(root)
    assert open_backup(backup_of(root), ENTROPY).content.credentials == TWO.credentials
    if not wallet_of(root).is_initialized():
        assert operation == "restore"
        return "before"
    with open_wallet(root) as vault:
        held = vault.content.credentials
    if operation == "merge" and held == ONE.credentials:
        return "before"
    assert held == TWO.credentials
    return "after" if load_ledgers(wallet_of(root)) == TRUSTED else "half"


def state_of_backup(root: Path) -> str:
    with open_wallet(root) as vault:
        assert vault.content.credentials == ONE.credentials
        noted = vault.content.last_backup
    if not backup_of(root).exists():
        return "before"
    opened = open_backup(backup_of(root), ENTROPY)
    if opened.made_at == LONG_AGO:
        assert opened.content.credentials == TWO.credentials
        return "before"
    assert opened.content.credentials == ONE.credentials
    return "half" if noted is None else "after"


def finish(root: Path, operation: str) -> None:
    """What a person does next: the same again."""
    match operation:
        case "restore" if wallet_of(root).is_initialized():
            merge(root)
        case "restore":
            restore(root)
        case "merge":
            merge(root)
        case _:
            do(root, "backup-replacing")
            assert [path.name for path in backup_of(root).parent.iterdir()] == ["wallet.backup"]
    assert state(root, operation) == "after"


def victim(operation: str) -> Victim:
    return Victim("tests.wallet.victim", operation)


def kill_at(stage: Path, root: Path, operation: str, point: Point) -> str:
    victim(operation).kill(partial(copied, stage, root), point)
    found = state(root, operation)
    finish(root, operation)
    return found


@pytest.mark.parametrize("operation", ["backup", "restore"], ids="NT-W25-{}".format)
def test_backup_or_restore_killed_at_its_decisive_calls_leaves_none_or_a_whole_one(
    tmp_path: Path, stages: dict[str, Path], operation: str
) -> None:
    points = victim(operation).points(copied(stages[operation], tmp_path / "counted"))
    outcomes = [
        kill_at(stages[operation], tmp_path / point.name, operation, point)
        # With the link the file has its name.
        for point in decisive(points, ("link",))
    ]
    assert outcomes == ["before", "after"]


@pytest.mark.stress
@pytest.mark.parametrize("operation", OPERATIONS, ids="FI-K2-{}".format)
def test_backup_or_restore_killed_at_any_call_leaves_none_or_a_whole_one(
    tmp_path: Path,
    stages: dict[str, Path],
    operation: str,
    record_property: Callable[[str, object], None],
) -> None:
    points = victim(operation).points(copied(stages[operation], tmp_path / "counted"))
    outcomes = [kill_at(stages[operation], tmp_path / str(point.place), operation, point) for point in points]
    assert outcomes == sorted(outcomes, key=STATES.index)
    assert {"before", "after"} <= set(outcomes)
    record_property(f"kills in {operation}", len(outcomes))


@pytest.mark.stress
@pytest.mark.parametrize("operation", ["backup", "restore", "merge"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EINTR"], ids="FI-E1-{}".format)
def test_error_of_the_kernel_in_a_backup_or_restore_is_told_and_leaves_what_was_there(
    tmp_path: Path,
    stages: dict[str, Path],
    operation: str,
    error: str,
    record_property: Callable[[str, object], None],
) -> None:
    cannot_fail = {"geteuid", "getrandom", "lseek"}
    points = victim(operation).points(copied(stages[operation], tmp_path / "counted"))
    points = [point for point in points if point.name not in cannot_fail]
    for point in points:
        root = tmp_path / str(point.place)
        process = victim(operation).inject(partial(copied, stages[operation], root), point, f"error={error}")
        assert process.returncode == 0, (point, process.stderr)
        assert process.stdout in ("", "disk_full", "disk_error"), point
        assert state(root, operation) == "after" or process.stdout, point
        finish(root, operation)
    record_property(f"{error} in {operation}", len(points))


def fail_at(root: Path, disk: faults.FaultyDisk, operation: str, position: int, code: int) -> None:
    with disk.failing(faults.error_at(position, code)):
        failure = code_of(partial(do, root, operation))
    expected = Code.DISK_FULL if code in (errno.ENOSPC, errno.EDQUOT) else Code.DISK_ERROR
    assert failure in (None, expected), position
    assert state(root, operation) == "after" or failure is not None, position


def count_calls(root: Path, disk: faults.FaultyDisk, operation: str) -> int:
    with disk.failing(faults.none):
        do(root, operation)
    assert state(root, operation) == "after"
    return len(disk.calls)


@pytest.mark.parametrize("operation", ["backup", "restore", "merge"], ids="NT-W24-{}".format)
def test_error_of_the_disk_at_any_call_of_a_backup_or_restore_is_told_and_loses_nothing(
    tmp_path: Path, stages: dict[str, Path], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    disk = faults.install(monkeypatch)
    calls = count_calls(copied(stages[operation], tmp_path / "counted"), disk, operation)
    for position in range(calls):
        # Each kind of call stands there several times, so each meets each error.
        code = faults.EVERY_ERRNO[position % len(faults.EVERY_ERRNO)]
        root = copied(stages[operation], tmp_path / f"{position}")
        fail_at(root, disk, operation, position, code)
        shutil.rmtree(root)
    assert calls > 40


@pytest.mark.stress
@pytest.mark.parametrize("operation", OPERATIONS, ids="FI-D1-{}".format)
def test_every_error_of_the_disk_at_every_call_of_a_backup_or_restore_loses_nothing(
    tmp_path: Path,
    stages: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    record_property: Callable[[str, object], None],
) -> None:
    disk = faults.install(monkeypatch)
    calls = count_calls(copied(stages[operation], tmp_path / "counted"), disk, operation)
    for position in range(calls):
        for code in faults.EVERY_ERRNO:
            root = copied(stages[operation], tmp_path / f"{position}-{code}")
            fail_at(root, disk, operation, position, code)
            finish(root, operation)
    record_property(f"disk errors in {operation}", calls * len(faults.EVERY_ERRNO))
