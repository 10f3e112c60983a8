"""Strangers write names, labels, values and purposes; none of it may act on the terminal (NT-P36)."""

import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count, cycle
from unittest import mock

import pytest

from doors.terminal import Terminal
from protocol.openid4vp.request import MAX_PURPOSE_CHARACTERS, RequestStatement
from tests.processes import Finished
from tests.wallet.holder import ENTROPY, PASSPHRASE, Holder, staged
from tests.wallet.parties import HOSTILE, REQUEST, Outside, asking_for, signed, unsigned
from tests.wallet.strangers import ATTACKS, FORGED, fill, hostile_path
from wallet.cli.plain_menu import run_plain_menu
from wallet.recovery_phrase import encode_recovery_phrase

VCT = f"urn:stranger:{HOSTILE}"
WORDS = encode_recovery_phrase(ENTROPY)
STYLES = re.compile("\x1b\\[[0-9;]*m")
COMMANDS: dict[str, list[str]] = {
    "list": ["list"],
    "show": ["show", "hostile-0001"],
    "status": ["status"],
    "activity": ["activity"],
    "parties": ["party", "list"],
    "unknown party": ["party", "block", HOSTILE],
    "key": ["key"],
    "remove": ["remove", "hostile-0001", "--yes"],
    "unknown id": ["show", HOSTILE],
    "unknown url": ["trust", f"https://{HOSTILE}", "--remove", "--yes"],
    "no offer": ["add", HOSTILE],
    "no request": ["present", f"openid4vp://?{HOSTILE}"],
}


def harmless(text: str) -> bool:
    """Whether nothing in `text` acts on a terminal, turns text around or is invisible."""
    return all(
        character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        for character in text
    )


@pytest.fixture
def target(holder: Holder) -> Holder:
    """A holder who was given a credential that is hostile in every word."""
    claims = {HOSTILE: HOSTILE, "long": "x" * 10_000, "nested": {HOSTILE: [HOSTILE, {"\x07": HOSTILE}]}}
    holder.hold("hostile-0001", vct=VCT, claims=claims)
    purpose = (HOSTILE * 100)[:MAX_PURPOSE_CHARACTERS]
    statement = RequestStatement(purpose, timedelta(days=1))
    request = replace(asking_for(VCT, HOSTILE, "nested"), client_name=HOSTILE, statement=statement)
    ended = holder.run("present", signed(request), "--yes")
    assert ended.status == 0
    assert harmless(ended.stdout + ended.stderr)
    return holder


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["for-people", "for-programs"])
@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS.keys())
def test_strangers_text_does_not_reach_the_terminal_raw(
    target: Holder, arguments: list[str], flags: list[str]
) -> None:
    ended = target.run(*arguments, *flags)
    assert ended.stdout + ended.stderr
    assert harmless(ended.stdout + ended.stderr)


def test_hostile_offer_is_shown_harmlessly(holder: Holder) -> None:
    holder.outside.issuer_name = HOSTILE * 20
    holder.outside.type_title = HOSTILE * 20
    holder.outside.offered = (VCT,)
    holder.outside.claims = {HOSTILE: HOSTILE}
    ended = holder.run("add", holder.outside.offer(), "--yes")
    assert ended.status == 0
    assert harmless(ended.stdout + ended.stderr)
    assert max(map(len, ended.stderr.splitlines())) < 200


def test_hostile_words_of_a_verifier_that_refuses_are_shown_harmlessly(holder: Holder) -> None:
    holder.hold()
    holder.outside.acknowledgement = (400, {"error": "invalid_request", "error_description": HOSTILE * 100})
    for flags in ([], ["--json"]):
        ended = holder.run("present", signed(), "--yes", *flags)
        assert ended.status != 0
        assert harmless(ended.stdout + ended.stderr)


def test_consent_screen_in_a_terminal_has_no_control_characters_but_its_own_styles(holder: Holder) -> None:
    holder.hold()
    request = replace(REQUEST, client_name=HOSTILE)
    answers = [("Also share?", "\n"), ("[y/N]", "no\n"), ("Tell them", "n\n")]
    finished = holder.converse("present", unsigned(request), answers=answers)
    screen = STYLES.sub("", finished.stdout).replace("\r\n", "\n")
    assert "Who asks        “a\ufffd[2J\ufffdb\ufffd\ufffdc d”" in screen
    assert harmless(screen)


def test_code_that_an_issuer_describes_is_asked_for_harmlessly(holder: Holder) -> None:
    offer = Outside(transaction_code="1").offer()
    finished = holder.converse("add", offer, answers=[("[y/N]", "y\n"), ("Transaction code", "\n")])
    assert harmless(STYLES.sub("", finished.stdout).replace("\r\n", "\n"))


def said_of_strangers(holder: Holder, attack: Iterator[str]) -> Iterator[tuple[str, Finished]]:
    """What every command says where strangers have filled the wallet, and what was typed is theirs too."""
    files = holder.home / "files"
    files.mkdir()
    words = files / "words"
    words.touch(mode=0o600)
    words.write_text(WORDS)
    history, backup = (str(files / hostile_path(f"{name} {next(attack)}")) for name in ("history", "backup"))
    holder.outside.transaction_code = None
    offer, request = holder.outside.offer(), f"openid4vp://?{next(attack)}"
    own = [
        ["list"],
        ["show", "hostile-0001"],
        ["status"],
        ["refill", "hostile-0001"],
        ["activity", "list"],
        ["activity", "export", history],
        ["activity", "verify", history],
        ["party", "list"],
        ["key", "list"],
        ["doctor"],
        ["trust"],
        ["backup", "make", backup],
        ["backup", "rehearse", backup, "--words-file", str(words)],
        ["add", offer, "--yes"],
        ["open", offer],
        ["open", request],
        ["remove", "hostile-0002", "--yes"],
        ["backup", "restore", backup, "--words-file", str(words), "--yes"],
    ]
    named = [
        ["show"],
        ["refill"],
        ["remove", "--yes"],
        ["add"],
        ["open"],
        ["present"],
        ["activity", "list", "--party"],
        ["activity", "verify"],
        ["party", "trust"],
        ["party", "block"],
        ["party", "unmark"],
        ["party", "forget", "--yes"],
        ["settings"],
        ["settings", "theme"],
        ["settings", "keys.lock"],
        ["backup", "rehearse", "--words-file", str(words)],
        ["trust", "--yes"],
    ]
    for arguments in [*own, *([*line, next(attack)[:2000].replace("\0", "")] for line in named)]:
        for flags in ([], ["--json"]):
            yield " ".join(arguments[:2]), holder.run(*arguments, *flags, "--no-input")
    settings = holder.folder.path / "settings.toml"
    settings.touch(mode=0o600)
    for line in ('theme = "{}"', "{} = 1", '[keys]\n"{}" = "x"', '[keys]\nlock = "{}"'):
        settings.write_text(line.format(next(attack)), "utf-8", "backslashreplace")
        yield f"settings with {line}", holder.run("settings", "--no-input")


def assert_harmless_to_people(what: str, ended: Finished) -> None:
    text = ended.stdout + ended.stderr
    assert text, what
    assert harmless(text), what
    assert "internal_error" not in text, (what, text[-300:])
    for line in text.splitlines():
        assert not line.lstrip().startswith(FORGED), (what, line)


def test_commands_say_nothing_of_strangers_that_acts_or_looks_like_us(holder: Holder) -> None:
    attack = cycle(ATTACKS.values())
    fill(holder, attack)
    for what, ended in said_of_strangers(holder, attack):
        assert_harmless_to_people(what, ended)


@pytest.mark.stress
@pytest.mark.parametrize("name", ATTACKS)
def test_commands_say_nothing_of_each_attack_in_every_field(holder: Holder, name: str) -> None:
    attack = (f"{number} {ATTACKS[name]}" for number in count())
    fill(holder, attack)
    for what, ended in said_of_strangers(holder, attack):
        assert_harmless_to_people(what, ended)


def test_numbered_questions_show_strangers_harmlessly(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(holder, cycle(ATTACKS.values()))
    monkeypatch.setenv("TALLY_HOME", str(holder.home))
    for typed, seen in (("1\n1\n", "hostile-0001"), ("5\n", "evil.example"), ("5\n2\n", "blocked")):
        screen = io.StringIO()
        terminal = Terminal(
            json=False,
            interactive=True,
            color=False,
            ascii=False,
            stdin=io.StringIO(typed),
            stdout=screen,
            stderr=screen,
        )
        with staged(holder.outside), mock.patch("getpass.getpass", return_value=PASSPHRASE):
            run_plain_menu(terminal, lambda _words: 0)
        assert_harmless_to_people("--plain", Finished(0, screen.getvalue(), ""))
        assert seen in screen.getvalue()
