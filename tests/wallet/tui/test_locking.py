"""What a lock takes away, and what no key, click or resize brings about at the wrong time."""

import asyncio
import gc
import os
import signal
import threading
from datetime import timedelta
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.widgets import Button

from doors.clipboard import Copied
from doors.screen.dialog import Field
from storage.passphrase import Passphrase
from tests.wallet.holder import PASSPHRASE, Holder
from tests.wallet.parties import NOW
from tests.wallet.tui.stage import Stage, on_stage
from wallet.settings import WalletSettings
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Question, Refusal, Working
from wallet.tui.screens.qr import QrScreen
from wallet.tui.screens.too_small import TooSmallScreen
from wallet.tui.screens.unlock import UnlockScreen
from wallet.tui.screens.words import WordsDialog
from wallet.tui.session import WalletSession
from wallet.window import WindowHolder, WindowLock, take_window


class Job:
    """A job of a flow that ends when a test says so."""

    def __init__(self, stage: Stage, *, fails: bool = False) -> None:
        self._app = stage.app
        self._fails = fails
        self._go = threading.Event()
        self.answers: list[bool] = []

    def start(self) -> None:
        self._app.start(self._flow())

    def end(self) -> None:
        self._go.set()

    async def _flow(self) -> None:
        await self._app.work("Sending …", self._wait, can_cancel=False)
        self.answers.append(await self._app.ask(Question("It is sent", yes="Good", no="Bad")))

    def _wait(self) -> None:
        self._go.wait()
        if self._fails:
            raise ZeroDivisionError


def look(session: WalletSession) -> None:
    with session.viewed():
        pass


async def test_ctrl_l_locks_from_within_a_dialog_with_the_words_on_it(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("4", "w")
        await stage.screen(Field)
        await stage.enter(PASSPHRASE)
        await stage.screen(WordsDialog)
        await stage.press("ctrl+l")
        await stage.screen(UnlockScreen)
        assert not stage.app.session.is_open


async def test_what_was_copied_cannot_be_pasted_at_the_door(
    ada: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(ada) as stage:
        monkeypatch.setenv("PATH", "")
        copied = await asyncio.to_thread(stage.app.outer_clipboard.copy, "1999-12-31", secret=True)
        assert (copied, stage.app.clipboard) == (Copied.SENT, "1999-12-31")
        await stage.press("ctrl+l")
        await stage.screen(UnlockScreen)
        # Nor what a thread was about to copy.
        await asyncio.to_thread(stage.app.outer_clipboard.copy, "1999-12-31", secret=True)
        await stage.press("ctrl+v", "ctrl+r")
        assert "1999" not in stage.text()
        assert not stage.app.clipboard


async def test_first_key_after_a_long_sleep_finds_the_wallet_locked(ada: Holder) -> None:
    async with on_stage(ada, settings=WalletSettings(idle_lock=timedelta(minutes=3))) as stage:
        stage.stopwatch.seconds += 8 * 3600
        await stage.press("x")
        await stage.screen(UnlockScreen)
        assert not stage.app.session.is_open


async def test_wallet_is_shut_at_once_also_while_a_job_has_it(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        session, begun, go = stage.app.session, threading.Event(), threading.Event()

        def job() -> None:
            with session.opened() as vault:
                begun.set()
                go.wait()
                vault.reload()

        working = asyncio.create_task(asyncio.to_thread(job))
        await stage.until(begun.is_set)
        await stage.press("ctrl+l")
        assert isinstance(stage.app.screen, UnlockScreen)
        assert not session.is_open
        # Who proves to be there while it is locked does not open it, and who opens it again keeps it.
        proof = asyncio.create_task(asyncio.to_thread(session.prove, Passphrase(PASSPHRASE)))
        await stage.pilot.pause()
        go.set()
        await working
        await proof
        assert not session.is_open
        await stage.unlock()
        await asyncio.to_thread(look, session)
        assert session.is_open
        assert session.other_window is None


async def test_failure_of_a_job_that_a_lock_left_behind_is_not_printed(ada: Holder) -> None:
    complaints: list[dict[str, Any]] = []
    async with on_stage(ada) as stage:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        job = Job(stage, fails=True)
        job.start()
        await stage.screen(Working)
        await stage.press("ctrl+l")
        await stage.screen(UnlockScreen)
        job.end()
        await stage.unlock()
    gc.collect()
    assert not complaints


async def test_nothing_begins_before_it_is_told_how_something_unbreakable_ended(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        job, second = Job(stage), Job(stage)
        job.start()
        await stage.pilot.pause()
        second.start()
        # Nor does it lock because somebody waits without touching anything.
        stage.stopwatch.seconds += 3600
        await stage.press("down")
        assert stage.app.session.is_open
        job.end()
        await stage.screen(Question)
        await stage.press("y")
        assert (job.answers, second.answers) == ([True], [])


@pytest.mark.parametrize("resized_first", [True, False])
async def test_what_ends_in_a_small_window_is_asked_in_a_large_one_and_leaves_nothing_behind(
    ada: Holder, resized_first: bool
) -> None:
    async with on_stage(ada) as stage:
        job = Job(stage)
        job.start()
        if not resized_first:
            await stage.screen(Working)
        await stage.pilot.resize_terminal(50, 15)
        await stage.screen(Working if resized_first else TooSmallScreen)
        job.end()
        await stage.screen(TooSmallScreen)
        await stage.pilot.resize_terminal(80, 24)
        await stage.screen(Question)
        await stage.press("y")
        await stage.screen(CredentialsScreen)
        assert job.answers == [True]


async def test_window_that_became_large_behind_a_job_is_covered_no_more(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        job = Job(stage)
        job.start()
        await stage.pilot.resize_terminal(50, 15)
        await stage.screen(Working)
        await stage.pilot.resize_terminal(80, 24)
        job.end()
        await stage.screen(Question)
        await stage.press("n")
        await stage.screen(CredentialsScreen)


async def test_lock_in_a_small_window_leaves_it_covered(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.pilot.resize_terminal(50, 15)
        await stage.screen(TooSmallScreen)
        await stage.press("ctrl+l")
        assert not stage.app.session.is_open
        await stage.screen(TooSmallScreen)
        await stage.pilot.resize_terminal(80, 24)
        await stage.screen(UnlockScreen)


async def test_wallet_that_opens_in_a_small_window_is_not_behind_its_door(ada: Holder) -> None:
    async with on_stage(ada, unlocked=False) as stage:
        await stage.pilot.resize_terminal(50, 15)
        await stage.screen(TooSmallScreen)
        stage.app.session.unlock(Passphrase(PASSPHRASE))
        stage.app.enter()
        await stage.screen(TooSmallScreen)
        await stage.pilot.resize_terminal(80, 24)
        await stage.screen(CredentialsScreen)


async def test_palette_opens_once_and_over_no_dialog(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("ctrl+p")
        palette = await stage.screen(CommandPalette)
        await stage.pilot.resize_terminal(50, 15)
        await stage.screen(TooSmallScreen)
        await stage.press("ctrl+p")
        await stage.pilot.resize_terminal(80, 24)
        await stage.until(lambda: stage.app.screen is palette)
        await stage.press("ctrl+l")
        await stage.screen(UnlockScreen)


async def test_copying_that_is_given_up_ends_nothing_else(
    ada: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def copy(_text: str, *, secret: bool) -> Copied:
        del secret
        go.wait()
        return Copied.KEPT

    async with on_stage(ada) as stage:
        monkeypatch.setattr(stage.app.outer_clipboard, "copy", copy)
        code = QrScreen("openid-credential-offer://?a=b")
        stage.app.push_screen(code)
        await stage.screen(QrScreen)
        await stage.press("y")
        await stage.screen(Working)
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is code)
        go.set()
        assert stage.app.failure is None


async def test_button_pressed_twice_ends_its_own_question_only(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        job = Job(stage)
        job.end()
        job.start()
        question = await stage.screen(Question)
        button = question.query_one("#yes", Button)
        button.press()
        button.press()
        await stage.screen(CredentialsScreen)
        assert job.answers == [True]


async def test_settings_are_not_changed_in_a_second_window(ada: Holder) -> None:
    first = take_window(ada.folder, WindowHolder(4711, "/dev/pts/7", NOW))
    assert isinstance(first, WindowLock)
    async with on_stage(ada) as stage:
        await stage.press("5", "down", "enter")
        await stage.screen(Refusal)
        await stage.shows("4711", "vault_locked")
    first.close()
    assert not (ada.folder.path / "settings.toml").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_program_that_is_told_to_end_leaves_in_good_order(ada: Holder, number: signal.Signals) -> None:
    async with on_stage(ada) as stage:
        os.kill(os.getpid(), number)
        await stage.until(lambda: stage.app._exit)
    assert not stage.app.session.is_open
