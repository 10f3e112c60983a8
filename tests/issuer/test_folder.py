from pathlib import Path

import pytest

from issuer.folder import IssuerFolder
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.errors import RefusedError
from tests.issuer.test_settings import SETTINGS


@pytest.fixture
def folder(tmp_path: Path) -> IssuerFolder:
    (tmp_path / "issuer").mkdir(mode=0o700)
    return IssuerFolder(tmp_path / "issuer", tmp_path / "state")


def test_what_was_saved_is_loaded(folder: IssuerFolder) -> None:
    assert not folder.is_initialized()
    folder.save_settings(SETTINGS)
    folder.save_ledgers(TrustedLedgers((), development=True))
    assert folder.is_initialized()
    assert folder.load_settings() == SETTINGS
    assert folder.load_ledgers() == TrustedLedgers((), development=True)
    assert {file.stat().st_mode & 0o777 for file in folder.path.iterdir()} == {0o600}


def test_folder_without_an_institution_says_so(folder: IssuerFolder) -> None:
    for load in (folder.load_settings, folder.load_ledgers):
        with pytest.raises(RefusedError) as refusal:
            load()
        assert refusal.value.code is Code.NOT_INITIALIZED


def test_ledgers_that_are_no_toml_are_refused(folder: IssuerFolder) -> None:
    folder.write("ledgers.toml", "[[")
    with pytest.raises(RefusedError) as refusal:
        folder.load_ledgers()
    assert refusal.value.code is Code.SETTINGS_INVALID
