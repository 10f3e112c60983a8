from pathlib import Path

import pytest
from sqlalchemy import MetaData

from ledger.client import TOKEN_PREFIX
from ledger.institution_folder import InstitutionFolder
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from storage.database_address import REGISTER
from storage.management_key import create_management_key

URL = "http://institution.localhost:1"


@pytest.fixture
def folder(tmp_path: Path) -> InstitutionFolder:
    (tmp_path / "institution").mkdir(mode=0o700)
    return InstitutionFolder(tmp_path / "institution", tmp_path / "state", key_prefix="tally_institution")


def failure(folder: InstitutionFolder) -> TallyError:
    """How it fails to reach a server that does not run."""
    with pytest.raises(TallyError) as failed, folder.running_server() as server:
        server.get("anything")
    return failed.value


def test_server_is_reached_where_it_was_last_with_the_key_of_the_register(folder: InstitutionFolder) -> None:
    folder.create_register(REGISTER, MetaData(), seal_key=bytes(32))
    folder.save_address(URL)
    with folder.running_server() as server, pytest.raises(UnavailableError) as unreachable:
        server.get("anything")
    assert (unreachable.value.code, unreachable.value.detail) == (
        Code.NETWORK_UNREACHABLE,
        "institution.localhost:1",
    )
    assert {file.stat().st_mode & 0o777 for file in folder.path.iterdir()} == {0o600}


def test_server_that_was_never_started_is_said_to_be_unreachable(folder: InstitutionFolder) -> None:
    folder.create_register(REGISTER, MetaData(), seal_key=bytes(32))
    assert failure(folder).code is Code.NETWORK_UNREACHABLE


def test_folder_without_an_institution_says_so(folder: InstitutionFolder) -> None:
    assert failure(folder).code is Code.NOT_INITIALIZED
    with pytest.raises(RefusedError) as refusal:
        folder.load_onboarding_token()
    assert refusal.value.code is Code.NOT_INITIALIZED


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_management_key_that_others_could_read_is_refused(folder: InstitutionFolder, mode: int) -> None:
    folder.create_register(REGISTER, MetaData(), seal_key=bytes(32))
    folder.save_address(URL)
    folder.management_key.chmod(mode)
    assert failure(folder).code is Code.VAULT_PERMISSIONS


@pytest.mark.parametrize("text", ["", "\n", "garbage", "\udcff", "tally_other_7f3a09c2_" + "x" * 43])
def test_file_that_holds_no_key_or_token_is_refused_by_its_name(folder: InstitutionFolder, text: str) -> None:
    for name in ("management.key", "onboarding.token"):
        (folder.path / name).touch(mode=0o600)
        (folder.path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    refusal = failure(folder)
    assert (refusal.code, refusal.detail) == (Code.MANAGEMENT_KEY_INVALID, "management.key holds none")
    with pytest.raises(RefusedError) as refused:
        folder.load_onboarding_token()
    assert (refused.value.code, refused.value.detail) == (
        Code.WRITER_NOT_AUTHORIZED,
        "onboarding.token holds none",
    )


def test_line_end_behind_a_token_is_no_part_of_it(folder: InstitutionFolder) -> None:
    token, _ = create_management_key(TOKEN_PREFIX)
    folder.write("onboarding.token", f"{token}\r\n")
    assert folder.load_onboarding_token() == token


@pytest.mark.both_engines
def test_register_belongs_to_the_institution_that_made_it(folder: InstitutionFolder, database: str) -> None:
    for _ in range(2):
        folder.create_register(database, MetaData(), seal_key=bytes(32))
    with pytest.raises(RefusedError) as refused:
        folder.create_register(database, MetaData(), seal_key=bytes([1]) * 32)
    assert refused.value.code is Code.VAULT_EXISTS
    folder.open_register(database, MetaData(), seal_key=bytes(32)).dispose()


@pytest.mark.parametrize(
    "database", ["mysql://db/x", "sqlite:///:memory:", "postgresql://db:port/x", "\udcff"]
)
def test_database_that_cannot_hold_a_register_is_refused(folder: InstitutionFolder, database: str) -> None:
    with pytest.raises(RefusedError) as refused:
        folder.create_register(database, MetaData(), seal_key=bytes(32))
    assert refused.value.code is Code.SETTINGS_INVALID
