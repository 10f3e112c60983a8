from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from storage.passphrase import TEST_ONLY, Passphrase
from storage.sealed_file import SealedFile
from storage.sealed_header import RecoveryKey
from tests.storage.place import refusal_of
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.recovery_phrase import derive_recovery_key, derive_seed, first_key_index
from wallet.stored_content import encode_content
from wallet.vault import Vault

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ENTROPY = bytes(range(32))
PASSPHRASE = Passphrase("correct horse battery staple")
WORDS_KEY = derive_recovery_key(derive_seed(ENTROPY))


def create_vault(folder: Path) -> Vault:
    return Vault.create(
        folder / "home" / "wallet.sealed",
        passphrase=PASSPHRASE,
        entropy=ENTROPY,
        kdf=TEST_ONLY,
        mark_folder=folder / "state",
        now=NOW,
    )


def open_vault(folder: Path, secret: Passphrase | RecoveryKey = PASSPHRASE) -> Vault:
    return Vault.open(
        folder / "home" / "wallet.sealed", secret, mark_folder=folder / "state", weakest_kdf=TEST_ONLY
    )


def test_a_new_wallet_is_empty_and_counts_its_keys_from_now(tmp_path: Path) -> None:
    with create_vault(tmp_path) as vault:
        assert vault.content == WalletContent(entropy=ENTROPY, next_key_index=first_key_index(NOW))


def test_a_change_is_there_after_a_restart(tmp_path: Path) -> None:
    with create_vault(tmp_path) as vault:
        vault.change(lambda content: content.with_keys_reserved(5))
        changed = vault.content
    with open_vault(tmp_path) as vault:
        assert vault.content == changed
        assert changed.next_key_index == first_key_index(NOW) + 5


def test_changes_of_two_open_wallets_are_both_kept(tmp_path: Path) -> None:
    with create_vault(tmp_path) as one, open_vault(tmp_path) as other:
        one.change(lambda content: content.with_keys_reserved(1))
        other.change(lambda content: content.with_keys_reserved(2))
        assert one.reload() == other.content
        assert one.content.next_key_index == first_key_index(NOW) + 3


def test_a_change_whose_mark_could_not_be_noted_is_seen_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise UnavailableError(Code.DISK_ERROR)

    with create_vault(tmp_path) as vault:
        with monkeypatch.context() as broken:
            broken.setattr("storage.sealed_file.save_mark", fail)
            refusal_of(lambda: vault.change(lambda content: content.with_keys_reserved(3)))
        assert vault.reload().next_key_index == first_key_index(NOW) + 3


def test_a_wallet_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    with create_vault(tmp_path) as vault:
        vault.change(lambda content: content.with_keys_reserved(1))
        before = vault.content
        assert vault.reload() is before


def test_a_change_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    with create_vault(tmp_path) as vault:
        before = vault.content
        with pytest.raises(RefusedError):
            vault.change(lambda content: content.without_credential("nothing"))
        assert (vault.content, vault.file.generation) == (before, 1)
        vault.change(lambda content: content.with_keys_reserved(1))


def test_a_change_that_makes_the_wallet_larger_than_it_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create_vault(tmp_path) as vault:
        before = vault.content
        monkeypatch.setattr("wallet.vault.MAX_BODY_BYTES", len(encode_content(before)))
        entry = ActivityEntry(time=NOW, kind=ActivityKind.REMOVED, party="did:example:1")
        error = refusal_of(lambda: vault.change(lambda content: content.with_activity(entry)))
        assert error.code is Code.VAULT_FULL
        assert (vault.reload(), vault.file.generation) == (before, 1)


def test_a_wallet_that_another_one_holds_is_not_changed(tmp_path: Path) -> None:
    with create_vault(tmp_path) as one, open_vault(tmp_path) as other, one.file.hold():
        error = refusal_of(lambda: other.change(lambda content: content.with_keys_reserved(1)))
        assert error.code is Code.VAULT_LOCKED


def test_a_wallet_that_another_one_holds_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.vault.PATIENCE", timedelta(seconds=30))
    with create_vault(tmp_path) as one, open_vault(tmp_path) as other, ThreadPoolExecutor(1) as pool:
        with one.file.hold():
            changed = pool.submit(other.change, lambda content: content.with_keys_reserved(1))
            with pytest.raises(TimeoutError):
                changed.result(0.1)
        changed.result(30)
        assert one.reload() == other.content


def test_the_words_open_the_wallet_when_the_passphrase_is_forgotten(tmp_path: Path) -> None:
    create_vault(tmp_path).close()
    with open_vault(tmp_path, WORDS_KEY) as vault:
        vault.file.change_passphrase(Passphrase("new"), kdf=TEST_ONLY)
    with open_vault(tmp_path, Passphrase("new")) as vault:
        assert vault.content.entropy == ENTROPY
    other_words = derive_recovery_key(derive_seed(bytes(32)))
    assert refusal_of(lambda: open_vault(tmp_path, other_words)).code is Code.RECOVERY_PHRASE_INVALID


def test_a_renewed_key_keeps_the_content_and_the_words(tmp_path: Path) -> None:
    with create_vault(tmp_path) as vault:
        vault.rekey(Passphrase("new"), kdf=TEST_ONLY)
    assert refusal_of(lambda: open_vault(tmp_path)).code is Code.PASSPHRASE_WRONG
    for secret in (Passphrase("new"), WORDS_KEY):
        with open_vault(tmp_path, secret) as vault:
            assert vault.content.entropy == ENTROPY


def test_a_sealed_file_that_is_no_wallet_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "wallet.sealed"
    SealedFile.create(
        path, passphrase=PASSPHRASE, body=b"keys", kdf=TEST_ONLY, mark_folder=tmp_path / "state"
    ).close()
    before = path.read_bytes()
    assert refusal_of(lambda: open_vault(tmp_path)).code is Code.VAULT_DAMAGED
    assert path.read_bytes() == before


def test_the_history_survives_and_shows_nothing_on_the_disk(tmp_path: Path) -> None:
    entry = ActivityEntry(time=NOW, kind=ActivityKind.DECLINED, party="shop.example", claim_names=(("age",),))
    with create_vault(tmp_path) as vault:
        vault.change(lambda content: content.with_activity(entry))
    assert b"shop" not in (tmp_path / "home" / "wallet.sealed").read_bytes()
    with open_vault(tmp_path) as vault:
        assert vault.content.activity == (entry,)
