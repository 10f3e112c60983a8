import shutil
from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from tests.wallet.holder import ENTROPY, PASSPHRASE, Holder
from tests.wallet.parties import signed
from wallet.recovery_phrase import encode_recovery_phrase

WORDS = encode_recovery_phrase(ENTROPY)
NEW = "another passphrase"


def secret_file(folder: Path, text: str) -> str:
    file = folder / f"secret-{len(list(folder.iterdir()))}"
    file.touch(mode=0o600)
    file.write_text(f"{text}\n")
    return str(file)


def opens_with(holder: Holder, passphrase: str) -> bool:
    holder.passphrase_file.write_text(f"{passphrase}\n")
    return holder.run("list").status == 0


def test_every_copy_has_a_key_of_its_own(holder: Holder) -> None:
    assert holder.run("key", "--json").json["keys"] == []
    holder.hold(copies=2)
    holder.run("present", signed(), "--yes")
    listed = holder.run("key", "--json").json
    used, fresh = listed["keys"]
    assert fresh == {
        "index": used["index"] + 1,
        "key_type": "Ed25519",
        "credential": "degree-0001",
        "type": "degree",
        "used_at": None,
    }
    assert used["used_at"] == "2026-11-22T12:00:00Z"
    assert listed["next_index"] == fresh["index"] + 1
    assert [line.split()[-1] for line in holder.run("key").stdout.splitlines()] == [used["used_at"], "yet"]


def test_words_are_not_printed_unless_they_are_to_be_revealed(holder: Holder) -> None:
    for flag in ("--json", "--no-input"):
        ended = holder.run("key", "words", flag)
        assert (ended.status, ended.stdout) == (ExitCode.USAGE, "")
        assert "--reveal" in ended.stderr
    assert holder.run("key", "words", "--reveal").stdout == f"{WORDS}\n"
    assert holder.run("key", "words", "--reveal", "--json").json == {"words": WORDS}


def test_words_are_shown_on_the_other_screen_of_a_terminal(holder: Holder) -> None:
    finished = holder.converse("key", "words", answers=[("Press Enter when you have them.", "\n")])
    assert finished.status == 0
    before, _, rest = finished.stdout.partition("\x1b[?1049h")
    shown, left, after = rest.partition("\x1b[?1049l")
    assert left
    for number, word in enumerate(WORDS.split(), 1):
        assert f"{number:>2} {word} " in shown
        assert f" {word} " not in before + after


def test_new_passphrase_opens_the_wallet_and_the_old_one_does_not(holder: Holder, tmp_path: Path) -> None:
    holder.hold()
    ended = holder.run("passwd", "--new-passphrase-file", secret_file(tmp_path, NEW), "--json")
    assert (ended.status, ended.json) == (0, {"changed": True})
    assert not opens_with(holder, PASSPHRASE)
    assert opens_with(holder, NEW)
    # The file that is left over from before says nothing to who knows the old passphrase.
    assert not (holder.folder.path / "wallet.sealed.previous").exists()


def test_new_passphrase_is_asked_for_twice(holder: Holder) -> None:
    answers = [
        ("Passphrase:", f"{PASSPHRASE}\n"),
        ("New passphrase:", f"{NEW}\n"),
        ("The same again:", f"{NEW}\n"),
    ]
    finished = holder.converse("passwd", answers=answers, asks_passphrase=True)
    assert finished.status == 0
    assert NEW not in finished.stdout
    assert opens_with(holder, NEW)


def test_new_passphrase_is_not_asked_for_without_a_person(holder: Holder) -> None:
    ended = holder.run("passwd", "--json")
    assert (ended.status, ended.error) == (ExitCode.USAGE, "input_required")
    assert "--new-passphrase-file" in ended.stderr


def test_forgotten_passphrase_is_replaced_with_the_words(holder: Holder, tmp_path: Path) -> None:
    holder.hold()
    words, new = secret_file(tmp_path, WORDS), secret_file(tmp_path, NEW)
    holder.passphrase_file.write_text("forgotten\n")
    ended = holder.run("passwd", "--recover", "--words-file", words, "--new-passphrase-file", new)
    assert ended.status == 0
    assert opens_with(holder, NEW)
    # The words open it again.
    assert (
        holder.run(
            "passwd",
            "--recover",
            "--words-file",
            words,
            "--new-passphrase-file",
            secret_file(tmp_path, "a third passphrase"),
        ).status
        == 0
    )
    assert opens_with(holder, "a third passphrase")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (encode_recovery_phrase(bytes(32)), "recovery_phrase_invalid"),
        (WORDS.rpartition(" ")[0], "recovery_phrase_invalid"),
        (f"tally {WORDS.partition(' ')[2]}", "recovery_phrase_invalid"),
    ],
    ids=["of-another-wallet", "one-short", "not-in-the-list"],
)
def test_wrong_words_open_nothing(holder: Holder, tmp_path: Path, words: str, code: str) -> None:
    arguments = (
        "--words-file",
        secret_file(tmp_path, words),
        "--new-passphrase-file",
        secret_file(tmp_path, NEW),
    )
    ended = holder.run("passwd", "--recover", *arguments, "--json")
    assert (ended.stdout, ended.error) == ("", code)
    assert words not in ended.stderr
    assert opens_with(holder, PASSPHRASE)


def test_words_file_that_others_can_read_is_refused(holder: Holder, tmp_path: Path) -> None:
    words = Path(secret_file(tmp_path, WORDS))
    words.chmod(0o644)
    new = secret_file(tmp_path, NEW)
    ended = holder.run(
        "passwd", "--recover", "--words-file", str(words), "--new-passphrase-file", new, "--json"
    )
    assert (ended.status, ended.error) == (ExitCode.LOCKED, "vault_permissions")


def test_old_copy_of_the_wallet_is_noticed_and_can_be_accepted(holder: Holder, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(holder.folder.path, copy)
    holder.hold()
    shutil.rmtree(holder.folder.path)
    shutil.copytree(copy, holder.folder.path)
    ended = holder.run("list", "--json")
    assert (ended.stdout, ended.error) == ("", "vault_rollback")
    assert "tally doctor --accept-rollback" in ended.stderr
    assert holder.run("doctor").status == ExitCode.FAILURE
    assert holder.run("doctor", "--accept-rollback").status == 0
    assert holder.run("list", "--json").json["credentials"] == []
