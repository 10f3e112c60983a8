from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.passphrase import Passphrase
from storage.sealed_archive import write_archive
from storage.sealed_format import MAX_FILE_BYTES
from tests.counted import NOW
from tests.storage.place import Place, refusal_of
from tests.wallet.counterparts import ENTROPY, open_vault
from tests.wallet.holder import NO_LEDGERS, TRUSTED
from tests.wallet.holdings import PENDING, with_held
from wallet.backup import (
    Backup,
    encode_backup,
    make_backup,
    open_backup,
    parse_backup,
    require_backup,
)
from wallet.content import ActivityEntry, ActivityKind, BackupNote, WalletContent
from wallet.recovery_phrase import derive_recovery_key, derive_seed
from wallet.stored_content import encode_content
from wallet.vault import Vault

LATER = NOW + timedelta(days=1)
ENTRY = ActivityEntry(time=NOW, kind=ActivityKind.DECLINED, party="shop.example")
WORDS_KEY = derive_recovery_key(derive_seed(ENTROPY))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wallet.backup"


@pytest.fixture
def filled(vault: Vault) -> Vault:
    vault.change(lambda content: with_held(content).with_activity(ENTRY))
    return vault


def test_backup_holds_what_the_wallet_holds_and_whom_it_trusts(filled: Vault, path: Path) -> None:
    before = filled.content
    made = make_backup(filled, TRUSTED, path, now=LATER)
    found = open_backup(path, ENTROPY)
    assert found == made
    assert found.content == replace(before, last_backup=BackupNote(made_at=LATER, credentials=1))
    assert (found.ledgers, found.made_at, found.left_out) == (TRUSTED, LATER, ())
    assert path.stat().st_mode & 0o777 == 0o600


def test_wallet_remembers_its_last_backup(filled: Vault, path: Path, tmp_path: Path) -> None:
    assert filled.content.last_backup is None
    make_backup(filled, TRUSTED, path, now=LATER)
    with open_vault(tmp_path) as reopened:
        assert reopened.content.last_backup == BackupNote(made_at=LATER, credentials=1)


def test_backup_has_what_another_process_saved_meanwhile(filled: Vault, path: Path, tmp_path: Path) -> None:
    with open_vault(tmp_path) as other:
        other.change(lambda content: with_held(content, id="degree-2"))
    make_backup(filled, TRUSTED, path, now=LATER)
    assert [held.id for held in open_backup(path, ENTROPY).content.credentials] == ["degree-1", "degree-2"]


def test_what_is_pending_is_left_out_and_its_issuers_named(filled: Vault, path: Path) -> None:
    filled.change(lambda content: content.with_pending(PENDING))
    make_backup(filled, TRUSTED, path, now=LATER)
    found = open_backup(path, ENTROPY)
    assert (found.content.pending, found.left_out) == ((), ("issuer.example",))
    assert filled.content.pending == (PENDING,)


def test_existing_file_is_replaced_only_when_that_was_said(filled: Vault, path: Path) -> None:
    path.write_text("a letter")
    assert refusal_of(lambda: make_backup(filled, TRUSTED, path, now=LATER)).code is Code.VAULT_EXISTS
    assert (path.read_text(), filled.content.last_backup) == ("a letter", None)
    make_backup(filled, TRUSTED, path, now=LATER, replacing=True)
    assert open_backup(path, ENTROPY).made_at == LATER


def test_backup_into_a_missing_folder_is_refused(filled: Vault, path: Path) -> None:
    error = refusal_of(lambda: make_backup(filled, TRUSTED, path / "there", now=LATER))
    assert (error.code, error.detail) == (Code.NOT_FOUND, "there is no such folder")


def test_folder_is_neither_a_place_for_a_backup_nor_one(filled: Vault, tmp_path: Path) -> None:
    for use in (
        lambda: make_backup(filled, TRUSTED, tmp_path, now=LATER, replacing=True),
        lambda: require_backup(tmp_path),
    ):
        assert refusal_of(use).code is Code.PATH_IS_FOLDER


def test_place_that_the_disk_cannot_tell_of_is_refused(filled: Vault, tmp_path: Path) -> None:
    error = refusal_of(lambda: make_backup(filled, TRUSTED, tmp_path / ("a" * 300), now=LATER))
    assert error.code is Code.DISK_ERROR


def test_backup_in_the_wallets_own_folder_is_refused(filled: Vault, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "wallet")
    for name in ("wallet/wallet.sealed", "wallet/backup", "link/wallet.sealed"):
        error = refusal_of(partial(make_backup, filled, TRUSTED, tmp_path / name, now=LATER, replacing=True))
        assert error.code is Code.USAGE_INVALID
    with open_vault(tmp_path) as reopened:
        assert reopened.content == filled.content


def test_wallet_that_another_one_holds_is_not_backed_up(filled: Vault, path: Path, tmp_path: Path) -> None:
    with open_vault(tmp_path) as other, other.file.hold():
        assert refusal_of(lambda: make_backup(filled, TRUSTED, path, now=LATER)).code is Code.VAULT_LOCKED
    assert not path.exists()


def test_missing_backup_is_not_found(path: Path) -> None:
    error = refusal_of(lambda: open_backup(path, ENTROPY))
    assert (error.code, error.detail) == (Code.NOT_FOUND, "there is no such file")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="NT-W27-empty"),
        pytest.param(lambda _: bytes(50 << 20), id="NT-W27-zeros"),
        pytest.param(lambda _: bytes(MAX_FILE_BYTES + 1), id="NT-W27-huge"),
        pytest.param(lambda data: data[:100], id="NT-W27-part-of-the-header"),
        pytest.param(lambda data: data[:-1], id="NT-W27-part"),
        pytest.param(lambda data: data[: len(data) // 2], id="NT-W27-half"),
        pytest.param(lambda data: data + b"\n", id="NT-W27-more"),
    ],
)
def test_file_that_is_no_whole_backup_is_refused_before_anybody_types_words(
    filled: Vault, path: Path, damage: Callable[[bytes], bytes]
) -> None:
    make_backup(filled, TRUSTED, path, now=LATER)
    require_backup(path)
    path.write_bytes(damage(path.read_bytes()))
    for look in (lambda: require_backup(path), lambda: open_backup(path, ENTROPY)):
        assert refusal_of(look).code is Code.BACKUP_DAMAGED


def test_file_that_no_words_open_is_refused_before_anybody_types_them(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.create().close()
    assert refusal_of(lambda: require_backup(place.path)).code is Code.BACKUP_DAMAGED


def test_other_words_do_not_open_it(filled: Vault, path: Path) -> None:
    make_backup(filled, TRUSTED, path, now=LATER)
    assert refusal_of(lambda: open_backup(path, bytes(32))).code is Code.RECOVERY_PHRASE_INVALID


def test_nothing_of_a_backup_is_readable_on_the_disk(filled: Vault, path: Path) -> None:
    make_backup(filled, TRUSTED, path, now=LATER)
    assert b"degree" not in path.read_bytes()


def test_wallet_is_no_backup(tmp_path: Path, vault: Vault) -> None:
    error = refusal_of(lambda: open_backup(tmp_path / "wallet" / "wallet.sealed", ENTROPY))
    assert (error.code, vault.file.generation) == (Code.BACKUP_DAMAGED, 1)


def test_backup_is_no_wallet(filled: Vault, path: Path, tmp_path: Path) -> None:
    make_backup(filled, TRUSTED, path, now=LATER)
    tmp_path.chmod(0o700)
    opened = refusal_of(lambda: Vault.open(path, WORDS_KEY, mark_folder=tmp_path / "state"))
    assert opened.code is Code.VAULT_DAMAGED
    by_passphrase = refusal_of(lambda: Vault.open(path, Passphrase("any"), mark_folder=tmp_path / "state"))
    assert by_passphrase.code is Code.PASSPHRASE_WRONG


def good() -> Backup:
    content = WalletContent(entropy=ENTROPY, next_key_index=1)
    return Backup(made_at=NOW, content=content, ledgers=NO_LEDGERS)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda body: body.replace(b":1,", b":2,", 1), Code.VAULT_VERSION, id="NT-W27-version"),
        pytest.param(lambda body: body[:-2], Code.BACKUP_DAMAGED, id="NT-W27-part"),
        pytest.param(lambda body: body.replace(b"made_at", b"made"), Code.BACKUP_DAMAGED, id="NT-W27-member"),
        pytest.param(lambda _: encode_content(good().content), Code.BACKUP_DAMAGED, id="NT-W27-wallet"),
        pytest.param(
            lambda body: body.replace(b"development =", b"deployment ="),
            Code.SETTINGS_INVALID,
            id="NT-W27-ledgers",
        ),
    ],
)
def test_backup_in_another_form_is_refused(path: Path, change: Callable[[bytes], bytes], code: Code) -> None:
    write_archive(path, change(encode_backup(good())), recovery_key=WORDS_KEY, replacing=False)
    assert refusal_of(lambda: open_backup(path, ENTROPY)).code is code


def test_backup_of_other_words_than_those_that_open_it_is_refused(path: Path) -> None:
    other = replace(good(), content=replace(good().content, entropy=bytes(32)))
    write_archive(path, encode_backup(other), recovery_key=WORDS_KEY, replacing=False)
    assert refusal_of(lambda: open_backup(path, ENTROPY)).code is Code.BACKUP_DAMAGED


def test_backup_is_the_same_after_writing_and_reading() -> None:
    assert parse_backup(encode_backup(good())) == good()


def test_backup_shows_no_secret_in_its_repr(filled: Vault, path: Path) -> None:
    shown = repr(make_backup(filled, TRUSTED, path, now=LATER))
    assert repr(ENTROPY) not in shown
    assert filled.content.credentials[0].copies[0].credential not in shown
