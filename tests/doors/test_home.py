import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from doors.clock import now
from doors.home import data_folder, runtime_folder, state_folder
from protocol.codes import Code
from protocol.errors import RefusedError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_clock_tells_the_time_in_utc(tmp_path: Path) -> None:
    assert now().utcoffset() == timedelta(0)
    assert abs(now() - datetime.fromtimestamp(tmp_path.stat().st_mtime, UTC)) < timedelta(hours=1)


def test_home_is_moved_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path / "a" / "home"))
    assert data_folder("wallet") == tmp_path / "a" / "home" / "wallet"
    assert state_folder("wallet") == tmp_path / "a" / "home" / "state" / "wallet"
    for made in (tmp_path / "a", tmp_path / "a" / "home", data_folder("wallet"), state_folder("wallet")):
        assert mode(made) == 0o700


def test_nothing_is_made_for_a_command_that_only_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path / "home"))
    assert data_folder("wallet", make=False) == tmp_path / "home" / "wallet"
    assert state_folder("wallet", make=False) == tmp_path / "home" / "state" / "wallet"
    assert list(tmp_path.iterdir()) == []


def test_home_is_the_platforms_own_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALLY_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert data_folder("issuer") == tmp_path / "data" / "tallystick" / "issuer"
    assert state_folder("issuer") == tmp_path / "state" / "tallystick" / "issuer"
    assert mode(data_folder("issuer")) == 0o700


def test_home_that_is_there_already_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    (data_folder("wallet") / "file").touch()
    assert (data_folder("wallet") / "file").exists()


@pytest.mark.parametrize("others", [0o750, 0o705, 0o777])
def test_folder_that_others_may_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    data_folder("wallet").chmod(others)
    with pytest.raises(RefusedError) as refusal:
        data_folder("wallet")
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_folder_that_is_a_link_to_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "home" / "wallet").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError) as refusal:
        data_folder("wallet")
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    data_folder("wallet")
    someone_else = os.getuid() + 1
    monkeypatch.setattr("os.getuid", lambda: someone_else)
    with pytest.raises(RefusedError) as refusal:
        data_folder("wallet")
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    (tmp_path / "wallet").touch()
    with pytest.raises(RefusedError) as refusal:
        data_folder("wallet")
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TALLY_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(RefusedError) as refusal:
        data_folder("wallet")
    assert refusal.value.code is Code.DISK_ERROR


def test_folder_that_its_user_may_not_make_is_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mkdir(*_arguments: object, **_more: object) -> None:
        raise PermissionError

    monkeypatch.setenv("TALLY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(RefusedError) as refusal:
        data_folder("wallet")
    assert refusal.value.code is Code.FOLDER_NOT_WRITABLE


def test_home_that_is_a_file_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").touch()
    monkeypatch.setenv("TALLY_HOME", str(tmp_path / "home"))
    for folder in (data_folder, state_folder):
        with pytest.raises(RefusedError) as refusal:
            folder("wallet")
        assert refusal.value.code is Code.SETTINGS_INVALID
        assert refusal.value.detail == f"TALLY_HOME: {tmp_path / 'home'} is not a folder"


def test_sockets_are_where_the_platform_has_a_place_of_this_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TALLY_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    assert runtime_folder("wallet") == tmp_path / "run" / "tallystick" / "wallet"
    assert mode(runtime_folder("wallet")) == 0o700
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert runtime_folder("wallet", make=False) == tmp_path / "state" / "tallystick" / "wallet"


def test_sockets_are_moved_with_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "elsewhere"))
    assert runtime_folder("wallet") == tmp_path / "run" / "wallet"
    runtime_folder("wallet").chmod(0o755)
    with pytest.raises(RefusedError) as refusal:
        runtime_folder("wallet")
    assert refusal.value.code is Code.VAULT_PERMISSIONS
