"""Making a wallet: from the first screen to the open wallet, and nothing on the disk before that."""

import os
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from doors.screen.dialog import Notice
from storage.passphrase import Passphrase
from tests.screen_stage import WIDE
from tests.wallet.holder import ENTROPY, PASSPHRASE, TRUSTED, Holder, open_cheaply
from tests.wallet.parties import KEYS, URL
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.trust import load_ledgers
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Question, Refusal
from wallet.tui.screens.ledger import LedgerDialog
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.tui.screens.typed_words import TypedWords
from wallet.tui.screens.welcome import WelcomeScreen
from wallet.tui.screens.word_check import WordCheck
from wallet.tui.screens.words import WordsDialog

WORDS = encode_recovery_phrase(ENTROPY).split()


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Holder:
    """Somebody without a wallet, whose folder looks the same on every screen."""
    monkeypatch.chdir(tmp_path)
    return Holder(Path())


@pytest.fixture(autouse=True)
def known_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new wallet has the words of the tests, and this terminal is watched by tmux alone."""
    monkeypatch.setattr("secrets.token_bytes", lambda count: ENTROPY[:count])
    for name in ("SSH_CONNECTION", "STY", "SCRIPT", "ASCIINEMA_REC", "ASCIINEMA_SESSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")


async def choose_passphrase(stage: Stage, passphrase: str = PASSPHRASE) -> None:
    await stage.screen(NewPassphrase)
    await stage.enter(passphrase)
    await stage.until(lambda: stage.app.focused is stage.app.screen.query_one("#again"))
    await stage.enter(passphrase)


async def write_words_down(stage: Stage) -> None:
    await stage.screen(WordsDialog)
    await stage.press("v")
    await stage.shows(WORDS[0])
    await stage.press("enter")


async def give_words_back(stage: Stage, *, wrong: bool = False) -> None:
    check = await stage.screen(WordCheck)
    for number in check.numbers:
        check.query_one(f"#word-{number}", Input).value = "zoo" if wrong else f" {WORDS[number - 1].upper()} "
    check.query_one("#check", Button).press()


async def test_person_makes_a_wallet_with_words_and_ledger_and_nothing_is_written_before(
    newcomer: Holder,
) -> None:
    async with on_stage(newcomer, unlocked=False) as stage:
        await stage.screen(WelcomeScreen)
        assert_looks_like("welcome-narrow", stage.text())
        await stage.press("n")
        await choose_passphrase(stage)
        await stage.screen(WordsDialog)
        await stage.shows("in tmux", "••••••")
        assert not any(word in stage.text() for word in WORDS if len(word) > 4)
        await stage.press("enter")
        await stage.shows(*WORDS)
        assert_looks_like("words-narrow", stage.text())
        await stage.press("v")
        await stage.shows("••••••")
        await write_words_down(stage)
        await give_words_back(stage, wrong=True)
        await stage.shows("not what was shown")
        await stage.press("enter")
        await write_words_down(stage)
        await give_words_back(stage)
        await stage.screen(LedgerDialog)
        await stage.enter(URL)
        await stage.screen(Question)
        await stage.shows("compare its keys", KEYS.origin)
        assert list(newcomer.home.iterdir()) == []
        await stage.press("y")
        await stage.screen(CredentialsScreen)
        assert stage.app.session.other_window is None
        assert "not confirmed" not in stage.text()
    with newcomer.vault() as vault:
        assert vault.content.entropy == ENTROPY
        assert vault.content.words_confirmed_at is not None
    assert load_ledgers(newcomer.folder) == TRUSTED


async def test_words_that_are_skipped_are_missed_on_top_and_a_ledger_can_wait(newcomer: Holder) -> None:
    async with on_stage(newcomer, unlocked=False) as stage:
        await stage.screen(WelcomeScreen)
        await stage.press("n")
        await choose_passphrase(stage)
        await write_words_down(stage)
        check = await stage.screen(WordCheck)
        await stage.press("enter", "escape")
        await write_words_down(stage)
        check = await stage.screen(WordCheck)
        check.query_one("#skip", Button).press()
        await stage.screen(Notice)
        await stage.press("enter")
        ledger = await stage.screen(LedgerDialog)
        ledger.query_one("#later", Button).press()
        await stage.screen(CredentialsScreen)
        await stage.shows("! words not confirmed")
    with newcomer.vault() as vault:
        assert vault.content.words_confirmed_at is None
    assert load_ledgers(newcomer.folder).ledgers == ()


async def test_person_who_gives_up_leaves_nothing_behind(newcomer: Holder) -> None:
    async with on_stage(newcomer, unlocked=False) as stage:
        await stage.screen(WelcomeScreen)
        await stage.press("n")
        await choose_passphrase(stage)
        await stage.screen(WordsDialog)
        await stage.press("escape")
        await stage.screen(Question)
        await stage.press("n")
        await write_words_down(stage)
        await give_words_back(stage)
        await stage.screen(LedgerDialog)
        await stage.enter("ledger.example")
        await stage.shows("https:// is missing", "ledger_address_invalid")
        await stage.enter("https://elsewhere.example")
        await stage.shows("✗ The ledger could not be reached", "network_ledger_unreachable")
        await stage.press("escape")
        await stage.screen(Question)
        await stage.press("y")
        await stage.screen(WelcomeScreen)
        assert list(newcomer.home.iterdir()) == []
        await stage.press("n")
        await stage.screen(NewPassphrase)
        await stage.press("escape")
        await stage.screen(WelcomeScreen)
        await stage.press("d")
        await stage.shows("tally demo")
    assert list(newcomer.home.iterdir()) == []


async def test_passphrase_is_weighed_in_words_shown_on_demand_and_typed_twice(newcomer: Holder) -> None:
    async with on_stage(newcomer, unlocked=False, size=WIDE) as stage:
        await stage.screen(WelcomeScreen)
        assert_looks_like("welcome-wide", stage.text())
        await stage.press("n")
        dialog = await stage.screen(NewPassphrase)
        new, again = dialog.query_one("#new", Input), dialog.query_one("#again", Input)
        await stage.enter("1234567")
        await stage.shows("✗ A program guesses this at once", "✗ A new passphrase has at least 8 characters.")
        await stage.enter(PASSPHRASE)
        await stage.until(lambda: stage.app.focused is again)
        assert PASSPHRASE not in stage.text()
        assert_looks_like("new-passphrase-wide", stage.text())
        await stage.enter(PASSPHRASE + "x")
        await stage.shows("✗ The two passphrases are not alike.")
        assert again.value == ""
        await stage.press("ctrl+r")
        await stage.shows(PASSPHRASE)
        new.value = ""
        await stage.shows("how long it would hold out")


async def test_wallet_is_made_anew_from_words_that_are_looked_up_as_they_are_typed(newcomer: Holder) -> None:
    async with on_stage(newcomer, unlocked=False) as stage:
        await stage.screen(WelcomeScreen)
        await stage.press("r")
        await stage.screen(TypedWords)
        await stage.press("escape")
        await stage.screen(WelcomeScreen)
        await stage.press("down", "enter")
        dialog = await stage.screen(TypedWords)
        field = dialog.query_one(Input)
        await stage.press(*WORDS[0][:4], "space")
        await stage.until(lambda: field.placeholder == "Word 2")
        await stage.enter("zzzzz")
        await stage.shows("✗ Word 2, “zzzzz”, is not in the list.")
        field.insert_text_at_cursor("\n".join([*WORDS[1:6], WORDS[7], WORDS[6], *WORDS[8:]]) + " ")
        await stage.shows("✗ The words do not belong together in this order.")
        assert_looks_like("typed-words-narrow", stage.text())
        await stage.enter(f"7 {WORDS[6]}")
        await stage.press(*"8 ")
        await stage.until(lambda: field.value == "8 ")
        await stage.enter(f"8 {WORDS[7]}")
        await choose_passphrase(stage, "another passphrase")
        ledger = await stage.screen(LedgerDialog)
        ledger.query_one("#later", Button).press()
        await stage.screen(CredentialsScreen)
    with open_cheaply(
        newcomer.folder.vault, Passphrase("another passphrase"), mark_folder=newcomer.folder.state
    ) as vault:
        assert vault.content.entropy == ENTROPY
        assert vault.content.words_confirmed_at is not None


async def test_words_typed_faster_than_they_are_taken_all_arrive_in_their_order(newcomer: Holder) -> None:
    async with on_stage(newcomer, unlocked=False) as stage:
        await stage.screen(WelcomeScreen)
        await stage.press("r")
        dialog = await stage.screen(TypedWords)
        await stage.type_at_once(f"{' '.join(WORDS[:5])} 7 {WORDS[6]} {WORDS[5]}\r{WORDS[7]}\r9")
        field = dialog.query_one(Input)
        await stage.until(lambda: field.value == "9")
        assert dialog._entry.words == (*WORDS[:8], *[None] * 16)
        assert field.placeholder == "Word 9"
        await stage.type_at_once(f"\r{WORDS[8]}\r\r{' '.join(WORDS[9:])}\r")
        await stage.screen(NewPassphrase)


async def test_words_given_back_faster_than_the_fields_change_are_right(newcomer: Holder) -> None:
    async with on_stage(newcomer, unlocked=False) as stage:
        await stage.screen(WelcomeScreen)
        await stage.press("n")
        await choose_passphrase(stage)
        await write_words_down(stage)
        check = await stage.screen(WordCheck)
        first, second, third = (WORDS[number - 1] for number in check.numbers)
        await stage.type_at_once(f"{first}\r\r{third}\r")
        await stage.shows(f"Word {check.numbers[1]} is missing.")
        await stage.type_at_once(f"{second}\r\r")
        await stage.screen(LedgerDialog)


async def test_folder_that_cannot_be_used_says_why_and_what_to_do_before_anything_is_asked(
    newcomer: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(newcomer, unlocked=False) as stage:
        await stage.screen(WelcomeScreen)
        with monkeypatch.context() as forbidden:
            forbidden.setattr(os, "access", lambda *_arguments: False)
            stage.app.show_door()
            await stage.shows("✗ You may not write", "set TALLY_HOME", "folder_not_writable")
            await stage.press("n")
            await stage.screen(Refusal)
            await stage.press("enter")
        newcomer.folder.path.mkdir(mode=0o755)
        for key in ("r", "i"):
            await stage.screen(WelcomeScreen)
            await stage.press(key)
            await stage.screen(Refusal)
            await stage.shows("Others on this machine could read or replace it", "vault_permissions")
            await stage.press("enter")
