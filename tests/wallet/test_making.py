import os
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.passphrase import TEST_ONLY, Passphrase
from tests.storage.place import refusal_of
from tests.wallet.holder import ENTROPY, PASSPHRASE, TRUSTED, Holder
from tests.wallet.parties import NOW
from wallet.making import make_wallet, require_place
from wallet.trust import load_ledgers
from wallet.vault import Vault


def made(holder: Holder, *, passphrase: str = PASSPHRASE, words_confirmed: bool = True) -> Vault:
    return make_wallet(
        holder.folder,
        entropy=ENTROPY,
        passphrase=Passphrase(passphrase),
        kdf=TEST_ONLY,
        ledgers=TRUSTED,
        words_confirmed=words_confirmed,
        now=NOW,
    )


@pytest.mark.parametrize("words_confirmed", [True, False])
def test_wallet_is_made_with_its_ledgers_and_knows_whether_its_words_came_back(
    tmp_path: Path, words_confirmed: bool
) -> None:
    holder = Holder(tmp_path)
    require_place(holder.folder)
    assert list(tmp_path.iterdir()) == []
    with made(holder, words_confirmed=words_confirmed) as vault:
        assert (vault.content.entropy, vault.content.credentials) == (ENTROPY, ())
        assert vault.content.words_confirmed_at == (NOW if words_confirmed else None)
    assert load_ledgers(holder.folder) == TRUSTED


def test_wallet_that_is_there_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    holder = Holder(tmp_path)
    holder.create()
    before = holder.folder.vault.read_bytes()
    assert refusal_of(lambda: require_place(holder.folder)).code is Code.VAULT_EXISTS
    assert refusal_of(lambda: made(holder)).code is Code.VAULT_EXISTS
    assert holder.folder.vault.read_bytes() == before


def test_refused_passphrase_leaves_no_wallet(tmp_path: Path) -> None:
    holder = Holder(tmp_path)
    assert refusal_of(lambda: made(holder, passphrase="")).code is Code.PASSPHRASE_WRONG
    assert not holder.folder.is_initialized()
    made(holder).close()


def test_folder_that_others_could_enter_is_refused(tmp_path: Path) -> None:
    holder = Holder(tmp_path)
    holder.folder.path.mkdir(mode=0o755)
    assert refusal_of(lambda: require_place(holder.folder)).code is Code.VAULT_PERMISSIONS


@pytest.mark.parametrize("forbidden", ["", "wallet", "state"])
def test_folder_that_cannot_be_written_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forbidden: str
) -> None:
    holder = Holder(tmp_path)
    (tmp_path / forbidden).mkdir(mode=0o700, exist_ok=True)
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path / forbidden)
    refusal = refusal_of(lambda: require_place(holder.folder))
    assert (refusal.code, refusal.detail) == (Code.FOLDER_NOT_WRITABLE, str(tmp_path / forbidden))
