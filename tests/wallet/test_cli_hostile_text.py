"""Strangers write names, labels, values and purposes; none of it may act on the terminal (NT-P36)."""

import re
import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.openid4vp.request import MAX_PURPOSE_CHARACTERS, RequestStatement
from tests.wallet.holder import Holder
from tests.wallet.parties import HOSTILE, REQUEST, Outside, asking_for, signed, unsigned

VCT = f"urn:stranger:{HOSTILE}"
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
