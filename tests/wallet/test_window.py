import errno
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import RefusedError
from tests.processes import ROOT
from tests.wallet.holder import Holder
from wallet.folder import WalletFolder
from wallet.window import WindowHolder, WindowLock, WindowTaken, take_window

FIRST = WindowHolder(4711, "/dev/pts/3", datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
SECOND = WindowHolder(4712, None, datetime(2026, 11, 22, 9, 5, tzinfo=UTC))
TAKE_AND_WAIT = """
import sys
from pathlib import Path
from tests.wallet.test_window import FIRST
from wallet.folder import WalletFolder
from wallet.window import take_window
lock = take_window(WalletFolder(Path(sys.argv[1]), Path(sys.argv[1])), FIRST)
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> WalletFolder:
    (tmp_path / "wallet").mkdir(mode=0o700)
    return WalletFolder(tmp_path / "wallet", tmp_path / "state")


def taken(folder: WalletFolder, holder: WindowHolder = FIRST) -> WindowLock:
    lock = take_window(folder, holder)
    assert isinstance(lock, WindowLock)
    return lock


@pytest.mark.parametrize((), [pytest.param(id="NT-W22-second-window")])
def test_second_window_learns_who_has_the_first(folder: WalletFolder) -> None:
    with taken(folder):
        assert take_window(folder, SECOND) == WindowTaken(FIRST)
    with taken(folder, SECOND):
        assert take_window(folder, FIRST) == WindowTaken(SECOND)


def test_window_is_taken_by_one_and_its_file_is_private(folder: WalletFolder) -> None:
    file = folder.path / "wallet.window"
    with taken(folder):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_bytes()
    assert file.read_bytes() == b""


def test_window_that_is_closed_twice_closes_nothing_else(folder: WalletFolder) -> None:
    lock = taken(folder)
    lock.close()
    with taken(folder, SECOND):
        lock.close()
        assert take_window(folder, FIRST) == WindowTaken(SECOND)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"pid":1}', b'{"pid":"1"}', b"x" * 2000])
def test_holder_that_cannot_be_read_is_nobody_and_still_has_the_window(
    text: bytes, folder: WalletFolder
) -> None:
    with taken(folder):
        (folder.path / "wallet.window").write_bytes(text)
        assert take_window(folder, SECOND) == WindowTaken(None)


@pytest.mark.parametrize((), [pytest.param(id="NT-W22-edited-lock")])
def test_what_the_file_says_without_its_lock_keeps_nobody_out(folder: WalletFolder) -> None:
    with taken(folder):
        says = (folder.path / "wallet.window").read_bytes()
    (folder.path / "wallet.window").write_bytes(says)
    taken(folder, SECOND).close()


@pytest.mark.parametrize((), [pytest.param(id="NT-W22-dead-process")])
def test_window_of_a_process_that_was_killed_is_free(folder: WalletFolder) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_AND_WAIT, str(folder.path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        assert take_window(folder, SECOND) == WindowTaken(FIRST)
        os.kill(process.pid, signal.SIGKILL)
    taken(folder, SECOND).close()


def test_window_file_that_others_can_write_is_refused(folder: WalletFolder) -> None:
    taken(folder).close()
    (folder.path / "wallet.window").chmod(0o666)
    with pytest.raises(RefusedError) as refusal:
        take_window(folder, FIRST)
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_full_disk_keeps_nobody_from_the_window_and_names_nobody(
    folder: WalletFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("wallet.window.os.write", write)
        window = taken(folder)
    with window:
        assert take_window(folder, SECOND) == WindowTaken(None)


def test_commands_work_beside_an_open_window(holder: Holder) -> None:
    with taken(holder.folder):
        holder.hold("degree-0001")
        assert holder.run("remove", "degree-0001", "--yes").status == 0
        assert holder.run("list", "--json").json["credentials"] == []
