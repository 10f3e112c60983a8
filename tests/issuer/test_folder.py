from pathlib import Path

import pytest

from issuer.folder import IssuerFolder
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.errors import RefusedError
from tests.issuer.test_settings import SETTINGS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "issuer"
    path.mkdir(mode=0o700)
    return path


def test_what_was_saved_is_loaded(path: Path) -> None:
    folder = IssuerFolder(path)
    assert not folder.is_initialized()
    folder.save_settings(SETTINGS)
    folder.save_ledgers(TrustedLedgers((), development=True))
    folder.save_management_key("tally_issuer_key")
    assert folder.is_initialized()
    assert folder.load_settings() == SETTINGS
    assert folder.load_ledgers() == TrustedLedgers((), development=True)
    assert folder.load_management_key() == "tally_issuer_key"
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o600}


def test_address_is_the_one_of_the_settings_until_the_server_has_run(path: Path) -> None:
    folder = IssuerFolder(path)
    folder.save_settings(SETTINGS)
    assert folder.load_address() == SETTINGS.url
    folder.save_address("http://issuer.localhost:40123")
    assert folder.load_address() == "http://issuer.localhost:40123"


def test_folder_without_an_institution_says_so(path: Path) -> None:
    folder = IssuerFolder(path)
    for load in (folder.load_settings, folder.load_ledgers, folder.load_management_key, folder.load_address):
        with pytest.raises(RefusedError) as refusal:
            load()
        assert refusal.value.code is Code.NOT_INITIALIZED


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_management_key_that_others_could_read_is_refused(path: Path, mode: int) -> None:
    folder = IssuerFolder(path)
    folder.save_management_key("tally_issuer_key")
    (path / "management.key").chmod(mode)
    with pytest.raises(RefusedError) as refusal:
        folder.load_management_key()
    assert refusal.value.code is Code.VAULT_PERMISSIONS


def test_ledgers_that_are_no_toml_are_refused(path: Path) -> None:
    folder = IssuerFolder(path)
    folder.save_ledgers(TrustedLedgers(()))
    (path / "ledgers.toml").write_text("[[")
    with pytest.raises(RefusedError) as refusal:
        folder.load_ledgers()
    assert refusal.value.code is Code.SETTINGS_INVALID
