"""The program around the screens: locking, leaving, help, palette, and what a failure shows."""

import contextlib
from datetime import timedelta

import pytest
from textual.widgets import Input
from textual.worker import WorkerFailed

from doors.clipboard import Copied
from doors.screen.dialog import Field
from doors.screen.key_line import KeyLine
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import TEST_ONLY, Passphrase
from tests.wallet.holder import PASSPHRASE, Holder
from tests.wallet.tui.stage import on_stage
from wallet.settings import WalletSettings
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Refusal
from wallet.tui.screens.help import HelpScreen
from wallet.tui.screens.keys import KeysScreen
from wallet.tui.screens.unlock import UnlockScreen


async def test_wrong_passphrase_says_so_and_the_right_one_opens_the_wallet(ada: Holder) -> None:
    async with on_stage(ada, unlocked=False) as stage:
        await stage.screen(UnlockScreen)
        await stage.enter("a wrong one")
        await stage.shows("✗ That passphrase does not open it.")
        await stage.press("a")
        assert "✗" not in stage.text()
        await stage.enter(PASSPHRASE)
        await stage.screen(CredentialsScreen)
        await stage.shows("✓ valid", "Degree")


async def test_ctrl_l_locks_at_once_and_nothing_of_the_wallet_stays_on_the_screen(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("ctrl+l")
        await stage.screen(UnlockScreen)
        await stage.until(lambda: not stage.app.session.is_open)
        assert "Degree" not in stage.text()
        await stage.press("1")
        assert isinstance(stage.app.screen, UnlockScreen)


async def test_wallet_that_nobody_touches_for_the_idle_time_locks_itself(ada: Holder) -> None:
    settings = WalletSettings(idle_lock=timedelta(minutes=3))
    async with on_stage(ada, settings=settings) as stage:
        stage.stopwatch.seconds += 179
        stage.app._lock_when_idle()
        await stage.pilot.pause()
        assert stage.app.session.is_open
        await stage.press("down")
        stage.stopwatch.seconds += 179
        stage.app._lock_when_idle()
        await stage.pilot.pause()
        assert stage.app.session.is_open
        stage.stopwatch.seconds += 1
        stage.app._lock_when_idle()
        await stage.screen(UnlockScreen)
        await stage.until(lambda: not stage.app.session.is_open)


async def test_help_explains_the_screen_and_does_what_is_chosen_in_it(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("question_mark")
        await stage.screen(HelpScreen)
        await stage.shows("Help: Credentials", "Each row is a credential", "tally add OFFER")
        await stage.press("slash", *"lock now", "enter", "enter")
        await stage.screen(UnlockScreen)


async def test_palette_names_the_key_and_the_command_of_each_action(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("ctrl+p", *"remove")
        await stage.shows("Remove the credential.", "tally remove CREDENTIAL")


async def test_palette_leads_to_what_is_done_on_another_screen(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("ctrl+p", *"show the recovery")
        await stage.shows("Keys: Show the recovery words.", "4, then w   tally key words")
        await stage.press("enter")
        await stage.screen(KeysScreen)


async def test_keys_of_the_settings_take_the_place_of_ours(ada: Holder) -> None:
    async with on_stage(ada, settings=WalletSettings(keys={"lock": "ctrl+k"})) as stage:
        await stage.press("ctrl+l")
        assert stage.app.session.is_open
        await stage.press("ctrl+k")
        await stage.screen(UnlockScreen)


async def test_q_on_the_first_screen_leaves_and_the_wallet_is_locked(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("q")
    assert not stage.app.session.is_open


async def test_failure_that_nobody_foresaw_ends_the_program_without_a_word(
    ada: Holder, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail() -> None:
        passphrase = PASSPHRASE
        raise ZeroDivisionError(passphrase)

    stage = None
    with contextlib.suppress(WorkerFailed):  # the pilot raises what the program keeps to itself
        async with on_stage(ada) as stage:
            stage.app.start(fail())
            await stage.until(lambda: stage.app.failure is not None)
    assert stage is not None
    assert isinstance(stage.app.failure, ZeroDivisionError)
    assert PASSPHRASE not in "".join(capsys.readouterr())


async def test_small_window_says_so_until_it_is_large_enough_again(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.pilot.resize_terminal(50, 15)
        await stage.shows("smaller than 60 by 18", "tally --plain")
        await stage.pilot.resize_terminal(80, 24)
        await stage.shows("✓ valid")


async def test_click_on_a_key_presses_it_and_help_is_the_last_to_have_no_room(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        line = stage.text().splitlines()[-1]
        assert line.startswith(" ? Help")
        await stage.pilot.click(KeyLine, offset=(line.index("? Help") + 1, 0))
        await stage.screen(HelpScreen)
        await stage.press("escape")
        await stage.pilot.resize_terminal(60, 24)
        await stage.shows(" ? Help")
        shorter = stage.text().splitlines()[-1]
        assert len(shorter) < len(line)
        assert line.startswith(shorter)


async def test_what_a_command_adds_beside_the_open_window_is_shown_in_it(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.rests()
        ada.hold("degree-0002")
        stage.app._look_around()
        await stage.until(lambda: stage.text().count("✓ valid") == 2)


async def test_wallet_that_was_given_another_key_beside_the_window_is_locked_in_it(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.rests()
        with ada.vault() as vault:
            vault.rekey(Passphrase("another long one"), kdf=TEST_ONLY)
        stage.app._look_around()
        await stage.screen(UnlockScreen)
        assert not stage.app.session.is_open


async def test_refusal_says_which_keys_do_what_its_remedy_has_a_command_for(ada: Holder) -> None:
    async with on_stage(ada, settings=WalletSettings(keys={"parties": "7"})) as stage:
        stage.app.push_screen(Refusal(RefusedError(Code.PARTY_BLOCKED, "did:example:1")))
        await stage.shows("`tally party unmark`", "In this window: 7 for People & places, then u.")
        await stage.press("escape")
        stage.app.push_screen(Refusal(RefusedError(Code.LEDGER_NOT_TRUSTED, "no ledger")))
        await stage.shows("`tally trust URL`")
        assert "In this window" not in stage.text()


async def test_what_is_marked_is_copied_for_a_while_but_nothing_out_of_a_hidden_field(
    ada: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[tuple[str, bool]] = []

    def copy(text: str, *, secret: bool) -> Copied:
        copied.append((text, secret))
        return Copied.CLEARS

    async with on_stage(ada) as stage:
        monkeypatch.setattr(stage.app.outer_clipboard, "copy", copy)
        await stage.press("slash", "d", "e", "shift+home", "ctrl+c")
        await stage.until(lambda: copied == [("de", True)])
        stage.app.push_screen(Field("Who is there?", hidden=True))
        await stage.screen(Field)
        await stage.press("x", "y", "shift+home", "ctrl+c", "ctrl+x")
        await stage.until(lambda: not stage.app.screen.query_one(Input).value)
        assert len(copied) == 1
