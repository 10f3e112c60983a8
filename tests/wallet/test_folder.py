from pathlib import Path

import pytest

from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Code
from tests.storage.place import refusal_of
from tests.wallet.parties import POLICY, URL
from wallet.folder import WalletFolder
from wallet.trust import load_ledgers, save_ledgers

LEDGER = TrustedLedger(URL, POLICY)


@pytest.fixture
def folder(tmp_path: Path) -> WalletFolder:
    for place in (tmp_path / "wallet", tmp_path / "state"):
        place.mkdir(mode=0o700)
    return WalletFolder(tmp_path / "wallet", tmp_path / "state")


def test_trusted_ledgers_are_there_after_they_were_saved(folder: WalletFolder) -> None:
    trusted = TrustedLedgers((LEDGER,), development=True)
    save_ledgers(folder, trusted)
    assert load_ledgers(folder) == trusted
    assert (folder.path / "ledgers.toml").stat().st_mode & 0o777 == 0o600


def test_without_a_file_no_ledger_is_trusted(folder: WalletFolder) -> None:
    assert load_ledgers(folder) == TrustedLedgers(())


@pytest.mark.parametrize("text", ["development = ", "development = 1", "[[ledger]]\npolicy = 'none'"])
def test_file_that_cannot_be_used_is_refused(folder: WalletFolder, text: str) -> None:
    file = folder.path / "ledgers.toml"
    file.write_text(text)
    file.chmod(0o600)
    assert refusal_of(lambda: load_ledgers(folder)).code is Code.SETTINGS_INVALID


def test_file_that_others_can_change_is_refused(folder: WalletFolder) -> None:
    save_ledgers(folder, TrustedLedgers(()))
    (folder.path / "ledgers.toml").chmod(0o620)
    assert refusal_of(lambda: load_ledgers(folder)).code is Code.VAULT_PERMISSIONS


@pytest.mark.parametrize("name", ["wallet.sealed", "wallet.sealed.previous"])
def test_wallet_is_there_when_any_generation_of_it_is(folder: WalletFolder, name: str) -> None:
    assert not folder.is_initialized()
    (folder.path / name).touch()
    assert folder.is_initialized()
