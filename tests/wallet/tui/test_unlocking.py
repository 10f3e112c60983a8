"""The door of a wallet: wrong tries, forgotten passphrases, files that are not as they should be."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from textual.widgets import Button, Input

from doors.screen.dialog import Field, Notice
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import Passphrase
from storage.sealed_header import MasterKey
from tests.screen_stage import NARROW, WIDE
from tests.wallet.holder import ENTROPY, PASSPHRASE, Holder, open_cheaply
from tests.wallet.parties import NOW
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.agent.messages import AgentKey
from wallet.content import WalletContent
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Refusal, TypedQuestion
from wallet.tui.screens.doctor import DoctorScreen
from wallet.tui.screens.keys import KeysScreen
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.tui.screens.typed_words import TypedWords
from wallet.tui.screens.unlock import UnlockScreen
from wallet.tui.screens.word_check import WordCheck
from wallet.tui.screens.words import WordsDialog
from wallet.window import WindowHolder, WindowLock, take_window

WORDS = encode_recovery_phrase(ENTROPY)


def without_confirmation(content: WalletContent) -> WalletContent:
    return replace(content, words_confirmed_at=None)


async def give_words(stage: Stage, words: str = WORDS) -> None:
    dialog = await stage.screen(TypedWords)
    dialog.query_one(Input).value = words
    await stage.press("enter")


async def test_after_three_wrong_tries_nothing_can_be_typed_until_the_pause_is_over(ada: Holder) -> None:
    async with on_stage(ada, unlocked=False) as stage:
        door = await stage.screen(UnlockScreen)
        field = door.query_one(Input)
        for left in ("2 more tries", "one more try"):
            await stage.enter("a wrong one")
            await stage.shows(f"✗ That passphrase does not open it. You have {left} before a pause.")
        await stage.enter("a wrong one")
        await stage.shows("! Too many wrong passphrases. Wait 30 seconds.")
        assert field.disabled
        await stage.press(*"abc", "enter")
        assert (field.value, stage.app.screen) == ("", door)
        stage.stopwatch.seconds += 29
        door.count_down()
        await stage.shows("Wait 1 second.")
        # Looking away does not shorten it.
        stage.app.show_door()
        door = await stage.screen(UnlockScreen)
        assert door.query_one(Input).disabled
        stage.stopwatch.seconds += 1
        door.count_down()
        await stage.until(lambda: stage.app.focused is door.query_one(Input))
        await stage.enter(PASSPHRASE)
        await stage.screen(CredentialsScreen)


@pytest.mark.parametrize(("name", "size"), [("narrow", NARROW), ("wide", WIDE)])
async def test_what_is_typed_shows_on_demand_only(
    ada: Holder, name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ada.home)
    async with on_stage(Holder(ada.home.relative_to(ada.home)), unlocked=False, size=size) as stage:
        await stage.screen(UnlockScreen)
        await stage.press(*"secret")
        await stage.shows("••••••")
        assert_looks_like(f"unlock-{name}", stage.text())
        await stage.press("ctrl+r")
        await stage.shows("secret")


async def test_words_open_the_wallet_and_give_it_a_new_passphrase(ada: Holder) -> None:
    async with on_stage(ada, unlocked=False) as stage:
        door = await stage.screen(UnlockScreen)
        door.query_one("#forgotten", Button).press()
        await give_words(stage)
        await stage.screen(NewPassphrase)
        # Without a new passphrase nobody goes in.
        await stage.press("escape")
        await stage.screen(UnlockScreen)
        await stage.until(lambda: not stage.app.session.is_open)
        await stage.press("ctrl+g")
        await give_words(stage, encode_recovery_phrase(bytes(32)))
        await stage.screen(Refusal)
        await stage.shows("recovery_phrase_invalid")
        await stage.press("enter", "ctrl+g")
        await stage.screen(TypedWords)
        await stage.press("escape", "ctrl+g")
        await give_words(stage)
        await stage.screen(NewPassphrase)
        await stage.enter("another passphrase")
        await stage.until(lambda: stage.app.focused is stage.app.screen.query_one("#again"))
        await stage.enter("another passphrase")
        await stage.screen(CredentialsScreen)
        await stage.shows("Degree")
    with pytest.raises(RefusedError) as refusal:
        ada.vault()
    assert refusal.value.code is Code.PASSPHRASE_WRONG
    open_cheaply(ada.folder.vault, Passphrase("another passphrase"), mark_folder=ada.folder.state).close()


async def test_file_copied_back_from_yesterday_is_noticed_and_nothing_goes_on_silently(ada: Holder) -> None:
    yesterday = ada.folder.vault.read_bytes()
    ada.hold("degree-0002")
    ada.folder.vault.write_bytes(yesterday)
    ada.folder.vault.with_name("wallet.sealed.previous").unlink()
    async with on_stage(ada, unlocked=False) as stage:
        await stage.screen(UnlockScreen)
        await stage.enter(PASSPHRASE)
        await stage.screen(Refusal)
        await stage.shows("older than the one last used here", "--accept-rollback`.", "somebody may want")
        await stage.press("enter")
        await stage.screen(UnlockScreen)
        assert not stage.app.session.is_open


async def test_wallet_before_its_last_change_and_of_unknown_age_says_so_on_top(ada: Holder) -> None:
    ada.folder.vault.write_bytes(b"damaged")
    shutil.rmtree(ada.folder.state)
    async with on_stage(ada, size=WIDE) as stage:
        await stage.shows("! newest file damaged", "! age unknown")


async def test_second_window_looks_and_changes_nothing_and_says_who_has_it(ada: Holder) -> None:
    ada.hold("degree-0002")
    first = take_window(ada.folder, WindowHolder(4711, "/dev/pts/7", NOW))
    assert isinstance(first, WindowLock)
    async with on_stage(ada, unlocked=False) as stage:
        await stage.screen(UnlockScreen)
        await stage.enter(PASSPHRASE)
        await stage.screen(Notice)
        await stage.shows("Another window has this wallet: process 4711")
        await stage.press("enter")
        await stage.screen(CredentialsScreen)
        await stage.shows("! READ ONLY", "Degree")
        for key in ("x", "a", "R"):
            await stage.press(key)
            await stage.screen(Refusal)
            await stage.shows("process 4711", "/dev/pts/7", "vault_locked")
            await stage.press("enter")
            await stage.screen(CredentialsScreen)
        with pytest.raises(RefusedError), stage.app.session.opened():
            pass
        await stage.press("6")
        await stage.screen(DoctorScreen)
        await stage.shows("closed to others", "as new as the newest one seen here")
        # Once the other window has let it go, the next change is made here.
        first.close()
        await stage.press("1", "x")
        await stage.screen(TypedQuestion)
        await stage.press("escape")
        await stage.screen(CredentialsScreen)
        assert "READ ONLY" not in stage.text()
        # The window goes with the lock, too.
        await stage.press("ctrl+l")
        await stage.until(lambda: not stage.app.session.is_open)
        again = take_window(ada.folder, WindowHolder(4711, None, NOW))
        assert isinstance(again, WindowLock)
        again.close()


async def test_forgotten_passphrase_is_not_changed_in_a_second_window(ada: Holder) -> None:
    first = take_window(ada.folder, WindowHolder(4711, None, NOW))
    assert isinstance(first, WindowLock)
    async with on_stage(ada, unlocked=False) as stage:
        await stage.screen(UnlockScreen)
        await stage.press("ctrl+g")
        await give_words(stage)
        await stage.screen(Refusal)
        await stage.shows("4711, since")
        assert not stage.app.session.is_open
    first.close()


async def test_words_are_confirmed_later_and_the_reminder_is_gone(ada: Holder) -> None:
    with ada.vault() as vault:
        vault.change(without_confirmation)
    words = WORDS.split()
    async with on_stage(ada) as stage:
        await stage.shows("! words not confirmed")
        await stage.press("4", "w")
        await stage.screen(Field)
        await stage.enter(PASSPHRASE)
        await stage.screen(WordsDialog)
        assert words[0] not in stage.text()
        await stage.press("v", "enter")
        check = await stage.screen(WordCheck)
        assert not check.query("#skip")
        await stage.press("enter", "enter", "enter")
        await stage.shows(f"✗ Word {check.numbers[0]} is missing.")
        for number in check.numbers:
            check.query_one(f"#word-{number}", Input).value = words[number - 1]
        await stage.press("enter", "enter", "enter")
        await stage.screen(KeysScreen)
        await stage.until(lambda: stage.app.session.content.words_confirmed_at == NOW)
        await stage.until(lambda: "not confirmed" not in stage.text())


async def test_key_of_an_agent_opens_the_wallet_as_of_the_time_its_owner_was_there(
    ada: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ada.vault() as vault:
        key = AgentKey(vault.file.master_key, timedelta(minutes=3))
    monkeypatch.setattr("wallet.tui.flows.unlocking.key_of_agent", lambda: key)
    async with on_stage(ada, unlocked=False) as stage:
        await stage.screen(CredentialsScreen)
        assert stage.app.session.unlocked_for == timedelta(minutes=3)
        # Who locks means it.
        await stage.press("ctrl+l")
        await stage.screen(UnlockScreen)
        await stage.until(lambda: not stage.app.session.is_open)


async def test_key_of_another_time_leaves_the_wallet_locked(
    ada: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[AgentKey] = []

    def key_of_agent() -> AgentKey:
        asked.append(AgentKey(MasterKey(bytes(32)), timedelta(0)))
        return asked[0]

    monkeypatch.setattr("wallet.tui.flows.unlocking.key_of_agent", key_of_agent)
    async with on_stage(ada, unlocked=False) as stage:
        await stage.until(lambda: bool(asked))
        await stage.unlock()


async def test_escape_at_the_door_drops_what_was_typed_and_does_not_lead_out(ada: Holder) -> None:
    async with on_stage(ada, unlocked=False) as stage:
        door = await stage.screen(UnlockScreen)
        await stage.press("a", "b", "escape")
        assert door.query_one(Input).value == ""
        await stage.enter(PASSPHRASE)
        await stage.screen(CredentialsScreen)
