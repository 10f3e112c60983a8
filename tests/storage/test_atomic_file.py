import errno
import os
import stat
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, UnavailableError
from storage.atomic_file import Folder, make_private_folder, replace_file
from tests.storage import faults
from tests.storage.place import code_of


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> faults.FaultyDisk:
    return faults.install(monkeypatch)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_private_folder(tmp_path / "home")
    return tmp_path / "home"


def replace(home: Path, data: bytes, previous: str | None = "file.previous") -> None:
    with Folder(home, private=True) as folder:
        folder.replace("file", data, previous=previous)


def read(home: Path, name: str = "file") -> bytes:
    with Folder(home, private=True) as folder:
        return folder.read(name, max_bytes=1 << 20)


def test_a_replaced_file_is_private_and_keeps_the_one_before(home: Path) -> None:
    replace(home, b"one")
    replace(home, b"two")
    assert (read(home), read(home, "file.previous")) == (b"two", b"one")
    assert stat.S_IMODE((home / "file").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert sorted(path.name for path in home.iterdir()) == ["file", "file.previous"]


def test_an_empty_file_and_a_large_one_are_written_whole(home: Path) -> None:
    replace(home, b"")
    assert read(home) == b""
    replace(home, bytes(range(256)) * 4096)
    assert read(home) == bytes(range(256)) * 4096


def test_the_steps_come_in_the_order_that_survives_a_power_cut(home: Path, disk: faults.FaultyDisk) -> None:
    replace(home, b"one")
    with disk.failing(faults.none):
        replace(home, b"two")
    steps = [name for name in disk.calls if name not in ("stat", "fstat", "read")]
    assert steps == [
        "open",  # the folder
        *("open", "posix_fallocate", "write", "fsync", "close"),  # the new file
        *("open", "close"),  # read back
        *("unlink", "link", "rename", "fsync"),  # the names, then the folder
        "close",
    ]


def test_a_write_in_small_pieces_is_continued(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:3]))
    replace(home, b"0123456789")
    assert read(home) == b"0123456789"


@pytest.mark.parametrize("code", faults.EVERY_ERRNO, ids=errno.errorcode.__getitem__)
@pytest.mark.parametrize("operation", ["replace", "create", "remove"])
def test_every_failing_call_leaves_a_whole_file_and_no_leftover(
    home: Path, disk: faults.FaultyDisk, operation: str, code: int
) -> None:
    def run() -> None:
        with Folder(home, private=True) as folder:
            match operation:
                case "replace":
                    folder.replace("file", b"new", previous="file.previous")
                case "create":
                    folder.create("fresh", b"new")
                case _:
                    folder.remove("file.previous")

    def reset() -> None:
        for path in home.iterdir():
            path.unlink()
        (home / "file").write_bytes(b"old")
        (home / "file").chmod(0o600)

    reset()
    with disk.failing(faults.none):
        run()
    calls = list(disk.calls)
    expected = Code.DISK_FULL if code in (errno.ENOSPC, errno.EDQUOT) else Code.DISK_ERROR
    for position, name in enumerate(calls):
        reset()
        with disk.failing(faults.error_at(position, code)):
            # None: closing a file that was only read may fail, and it does not matter.
            assert code_of(run) in (expected, None), f"{name} at {position}"
        assert read(home) in (b"old", b"new")
        assert not [path for path in home.iterdir() if path.name.endswith(".new") and name != "unlink"]
    assert len(calls) >= 4


def test_what_does_not_read_back_as_written_is_not_put_in_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(home, b"old")
    real_write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real_write(fd, b"X" * len(data)))
        with pytest.raises(UnavailableError) as refusal:
            replace(home, b"new")
    assert refusal.value.code is Code.DISK_ERROR
    assert read(home) == b"old"


def test_create_never_takes_the_place_of_a_file(home: Path) -> None:
    replace(home, b"old")
    with Folder(home, private=True) as folder, pytest.raises(RefusedError) as refusal:
        folder.create("file", b"new")
    assert refusal.value.code is Code.VAULT_EXISTS
    assert [path.name for path in home.iterdir()] == ["file"]


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(home: Path) -> None:
    for name in (".file.0123.new", ".file.abcd.new", ".other.0123.new", "file.new"):
        (home / name).touch()
    with Folder(home, private=True) as folder:
        folder.remove_leftovers("file")
    assert sorted(path.name for path in home.iterdir()) == [".other.0123.new", "file.new"]


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o750, 0o755, 0o777], ids=oct)
def test_a_folder_open_to_others_is_refused(home: Path, mode: int) -> None:
    home.chmod(mode)
    with pytest.raises(RefusedError) as refusal:
        Folder(home, private=True)
    assert refusal.value.code is Code.VAULT_PERMISSIONS
    Folder(home, private=False).close()


@pytest.mark.parametrize("mode", [0o601, 0o620, 0o640, 0o604, 0o644, 0o666], ids=oct)
def test_a_file_open_to_others_is_refused(home: Path, mode: int) -> None:
    replace(home, b"one")
    (home / "file").chmod(mode)
    with pytest.raises(RefusedError) as refusal:
        read(home)
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_files_and_folders_of_another_user_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(home, b"one")
    monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)
    with pytest.raises(RefusedError, match="another user"):
        Folder(home, private=True)
    with Folder(home, private=False) as folder:
        assert folder.read("file", max_bytes=10) == b"one"


def test_a_symbolic_link_in_place_of_a_file_is_refused(home: Path) -> None:
    replace(home, b"one")
    (home / "link").symlink_to(home / "file")
    with pytest.raises(RefusedError) as refusal:
        read(home, "link")
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_what_is_no_file_is_refused_without_waiting_for_it(home: Path) -> None:
    os.mkfifo(home / "pipe", 0o600)
    (home / "folder").mkdir(0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(MalformedError) as refusal:
            read(home, name)
        assert refusal.value.code is Code.VAULT_DAMAGED


def test_a_missing_file_and_a_missing_folder_are_reported_as_missing(home: Path) -> None:
    for path in (home, home / "nowhere"):
        with pytest.raises(RefusedError) as refusal:
            read(path, "nothing")
        assert refusal.value.code is Code.VAULT_MISSING


def test_a_file_of_the_limit_is_read_and_one_byte_more_is_refused(home: Path) -> None:
    replace(home, b"12345")
    with Folder(home, private=True) as folder:
        assert folder.read("file", max_bytes=5) == b"12345"
        with pytest.raises(MalformedError) as refusal:
            folder.read("file", max_bytes=4)
    assert refusal.value.code is Code.SIZE_EXCEEDED


def test_replace_file_works_in_any_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    replace_file(tmp_path / "policy.json", b"{}")
    replace_file(tmp_path / "policy.json", b"[]")
    assert (tmp_path / "policy.json").read_bytes() == b"[]"


def test_make_private_folder_makes_the_ones_above_and_leaves_one_that_is_there(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o700, 0o700]
    (tmp_path / "a").chmod(0o755)
    make_private_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755


def test_a_file_in_place_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(UnavailableError) as refusal:
        make_private_folder(tmp_path / "a" / "b")
    assert refusal.value.code is Code.DISK_ERROR
