from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from tests.wallet.holder import ENTROPY, NO_LEDGERS, PASSPHRASE, Holder
from tests.wallet.holdings import PENDING
from tests.wallet.parties import NOW, URL, signed
from wallet.content import BackupNote
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.trust import load_ledgers

WORDS = encode_recovery_phrase(ENTROPY)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "wallet.backup")


@pytest.fixture
def newcomer(tmp_path: Path) -> Holder:
    """Somebody without a wallet."""
    home = tmp_path / "another"
    home.mkdir(0o700)
    return Holder(home)


def words_file(folder: Path, words: str = WORDS) -> str:
    file = folder / "words"
    file.touch(mode=0o600)
    file.write_text(f"{words}\n")
    return str(file)


def losses(document: dict[str, list[dict[str, object]]]) -> list[object]:
    return [loss["loss"] for loss in document["losses"]]


def test_backup_is_made_and_the_wallet_remembers_it(holder: Holder, file: str) -> None:
    holder.hold()
    ended = holder.run("backup", "make", file, "--json")
    assert (ended.status, ended.json) == (
        0,
        {
            "backup": file,
            "made_at": "2026-11-22T12:00:00Z",
            "credentials": 1,
            "ledgers": 1,
            "left_out": [],
        },
    )
    with holder.vault() as vault:
        assert vault.content.last_backup == BackupNote(made_at=NOW, credentials=1)
    assert Path(file).stat().st_mode & 0o777 == 0o600


def test_backup_says_what_is_not_in_it_and_what_to_try_next(holder: Holder, file: str) -> None:
    with holder.vault() as vault:
        vault.change(lambda content: content.with_pending(PENDING))
    ended = holder.run("backup", "make", file)
    assert "✓ 0 credentials and the trust in 1 ledger are in" in ended.stdout
    assert "tally backup rehearse" in ended.stdout
    assert "Not in it: what did not come yet from issuer.example." in ended.stderr


def test_existing_file_is_replaced_only_when_that_was_said(holder: Holder, file: str) -> None:
    Path(file).write_text("a letter")
    assert holder.run("backup", "make", file, "--json").error == "vault_exists"
    assert Path(file).read_text() == "a letter"
    assert holder.run("backup", "make", file, "--replace").status == 0


def test_rehearsal_compares_with_the_wallet_here_and_changes_nothing(
    holder: Holder, file: str, tmp_path: Path
) -> None:
    holder.hold()
    holder.run("backup", "make", file)
    holder.hold("degree-0002")
    holder.run("present", signed(), "--yes")
    before = {path: path.read_bytes() for path in holder.home.rglob("*") if path.is_file()}
    words = words_file(tmp_path)
    found = holder.run("backup", "rehearse", file, "--words-file", words, "--json").json
    assert {path: path.read_bytes() for path in before if path != Path(words)} == {
        path: data for path, data in before.items() if path != Path(words)
    }
    assert (found["same_words"], found["sound"], losses(found)) == (
        True,
        True,
        ["passphrase", "checkpoints", "received_since", "shown_since"],
    )
    assert [(each["id"], each["arrival"]) for each in found["credentials"]] == [("degree-0001", "here")]
    assert found["ledgers"] == [{"url": URL, "arrival": "here"}]
    shown = holder.run("backup", "rehearse", file, "--words-file", words).stdout
    assert "= here already" in shown
    assert "What you received after it was made: degree-0002." in shown
    assert "the words give the key of each of 2 copies" in shown


def test_rehearsal_needs_no_wallet_at_all(
    holder: Holder, newcomer: Holder, file: str, tmp_path: Path
) -> None:
    holder.hold()
    holder.run("backup", "make", file)
    ended = newcomer.run("backup", "rehearse", file, "--words-file", words_file(tmp_path))
    assert ended.status == 0
    assert "+ comes back" in ended.stdout
    assert f"trust in {URL}" in ended.stdout
    assert not newcomer.folder.path.exists()


def test_rehearsal_beside_a_damaged_wallet_says_so_and_goes_on(
    holder: Holder, file: str, tmp_path: Path
) -> None:
    holder.run("backup", "make", file)
    for path in holder.folder.path.glob("wallet.sealed*"):
        path.write_bytes(b"damaged")
    ended = holder.run("backup", "rehearse", file, "--words-file", words_file(tmp_path))
    assert (ended.status, "vault_damaged" in ended.stderr) == (0, True)


def test_rehearsal_of_a_backup_with_a_useless_copy_ends_with_3(
    holder: Holder, file: str, tmp_path: Path
) -> None:
    holder.hold()
    spoil(holder)
    holder.run("backup", "make", file)
    ended = holder.run("backup", "rehearse", file, "--words-file", words_file(tmp_path))
    assert ended.status == ExitCode.NOT_VALID
    assert "✗ cannot be used" in ended.stdout
    assert "holder_key_invalid" in ended.stdout


def spoil(holder: Holder) -> None:
    """Let each of the two copies of the credential be said to be bound to the other's key."""
    with holder.vault() as vault:
        (held,) = vault.content.credentials
        first, second = held.copies
        copies = (replace(first, key=second.key), replace(second, key=first.key))
        vault.change(lambda content: replace(content, credentials=(replace(held, copies=copies),)))


def test_backup_is_restored_where_there_is_no_wallet(
    holder: Holder, newcomer: Holder, file: str, tmp_path: Path
) -> None:
    holder.hold()
    holder.run("backup", "make", file)
    ended = newcomer.run("backup", "restore", file, "--words-file", words_file(tmp_path), "--json")
    assert (ended.status, ended.json["same_words"], ended.json["wallet"]) == (
        0,
        None,
        str(newcomer.folder.path),
    )
    with holder.vault() as old, newcomer.vault() as new:
        assert new.content.credentials == old.content.credentials
    assert load_ledgers(newcomer.folder) == load_ledgers(holder.folder)
    assert newcomer.run("present", signed(), "--yes").status == 0


def test_backup_is_added_to_a_wallet_of_the_same_words_after_a_yes(
    holder: Holder, newcomer: Holder, file: str, tmp_path: Path
) -> None:
    holder.hold()
    holder.run("backup", "make", file)
    newcomer.create(ledgers=NO_LEDGERS)
    newcomer.hold("degree-0009")
    arguments = ("backup", "restore", file, "--words-file", words_file(tmp_path))
    unasked = newcomer.run(*arguments, "--json")
    assert (unasked.status, unasked.error) == (ExitCode.USAGE, "input_required")
    answers = [("[y/N]", "n\n")]
    assert newcomer.converse(*arguments, answers=answers).status == ExitCode.DECLINED
    with newcomer.vault() as vault:
        assert [held.id for held in vault.content.credentials] == ["degree-0009"]
    assert newcomer.run(*arguments, "--yes").status == 0
    with newcomer.vault() as vault:
        assert [held.id for held in vault.content.credentials] == ["degree-0009", "degree-0001"]
    assert load_ledgers(newcomer.folder) == load_ledgers(holder.folder)


def test_backup_of_another_wallet_is_told_by_a_rehearsal_and_never_added(
    holder: Holder, newcomer: Holder, file: str, tmp_path: Path
) -> None:
    holder.run("backup", "make", file)
    words = words_file(tmp_path)
    newcomer.run("init")
    found = newcomer.run("backup", "rehearse", file, "--words-file", words)
    assert "✗ It is of another wallet than the one here" in found.stdout
    ended = newcomer.run("backup", "restore", file, "--words-file", words, "--yes", "--json")
    assert (ended.status, ended.error) == (ExitCode.FAILURE, "backup_of_another_wallet")


def test_person_types_the_words_and_a_new_passphrase(holder: Holder, newcomer: Holder, file: str) -> None:
    holder.hold()
    holder.run("backup", "make", file)
    answers = [
        ("Words 1 to 24:", f"{WORDS}\n"),
        ("New passphrase:", f"{PASSPHRASE}\n"),
        ("The same again:", f"{PASSPHRASE}\n"),
    ]
    finished = newcomer.converse("backup", "restore", file, answers=answers, asks_passphrase=True)
    assert finished.status == 0
    assert WORDS.split()[3] not in finished.stdout.partition("\x1b[?1049l")[2]
    with newcomer.vault() as vault:
        assert len(vault.content.credentials) == 1


@pytest.mark.parametrize(
    ("words", "damage", "code"),
    [
        pytest.param(encode_recovery_phrase(bytes(32)), bytes, "recovery_phrase_invalid", id="NT-W27-words"),
        pytest.param(WORDS, lambda data: data[:-1], "backup_damaged", id="NT-W27-part"),
        pytest.param(
            WORDS, lambda data: data[:-1] + bytes([data[-1] ^ 1]), "backup_damaged", id="NT-W27-altered"
        ),
    ],
)
def test_backup_that_cannot_be_opened_leaves_no_wallet(
    holder: Holder,
    newcomer: Holder,
    file: str,
    tmp_path: Path,
    words: str,
    damage: Callable[[bytes], bytes],
    code: str,
) -> None:
    holder.run("backup", "make", file)
    Path(file).write_bytes(damage(Path(file).read_bytes()))
    arguments = (file, "--words-file", words_file(tmp_path, words), "--json")
    for command in ("rehearse", "restore"):
        ended = newcomer.run("backup", command, *arguments)
        assert (ended.status, ended.stdout, ended.error) == (ExitCode.FAILURE, "", code)
    assert not newcomer.folder.path.exists()


def test_missing_backup_is_not_found_before_anybody_types_words(newcomer: Holder, file: str) -> None:
    for command in ("rehearse", "restore"):
        ended = newcomer.run("backup", command, file, "--json")
        assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, "not_found")


def test_damaged_backup_is_told_before_anybody_types_words(
    holder: Holder, newcomer: Holder, file: str
) -> None:
    holder.run("backup", "make", file)
    Path(file).write_bytes(Path(file).read_bytes()[:-1])
    for command in ("rehearse", "restore"):
        ended = newcomer.run("backup", command, file)
        assert (ended.stdout, "Choose another copy of the backup." in ended.stderr) == ("", True)
