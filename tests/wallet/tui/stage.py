"""The full-screen wallet on a stage: a real wallet in a folder, no network, and a pilot that presses keys."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest import mock

from textual.events import Key
from textual.pilot import Pilot

from storage.passphrase import TEST_ONLY
from tests.screen_stage import NARROW, ScreenStage, quick_screens
from tests.wallet.holder import PASSPHRASE, Holder, staged
from tests.wallet.parties import NOW
from wallet.settings import WalletSettings
from wallet.tui.app import WalletApp
from wallet.tui.session import WalletSession

_KEYS = {" ": "space", "\r": "enter"}


class Stopwatch:
    """Seconds that pass when a test says so."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Stage(ScreenStage):
    """A person in front of the wallet."""

    def __init__(self, app: WalletApp, pilot: Pilot[None], holder: Holder, stopwatch: Stopwatch) -> None:
        super().__init__(app, pilot)
        self.app = app
        self.holder = holder
        self.stopwatch = stopwatch

    async def type_at_once(self, text: str) -> None:
        """Type `text`, blanks and Enters with it, faster than anything can happen in between."""
        driver = self.app._driver
        assert driver is not None
        for character in text:
            key = Key(_KEYS.get(character, character), character)
            key.set_sender(self.app)
            driver.send_message(key)
        await self.pilot.pause()

    async def unlock(self) -> None:
        """Type the passphrase at the door."""
        from wallet.tui.screens.credentials import CredentialsScreen
        from wallet.tui.screens.unlock import UnlockScreen

        await self.screen(UnlockScreen)
        await self.enter(PASSPHRASE)
        await self.screen(CredentialsScreen)


@asynccontextmanager
async def on_stage(
    holder: Holder,
    *,
    size: tuple[int, int] = NARROW,
    settings: WalletSettings | None = None,
    link: str | None = None,
    unlocked: bool = True,
) -> AsyncIterator[Stage]:
    """The program in a terminal of this size, with the wallet of `holder` open."""
    stopwatch = Stopwatch()
    session = WalletSession(
        holder.folder, clock=lambda: NOW, stopwatch=stopwatch, choose_kdf=lambda: TEST_ONLY
    )
    app = WalletApp(session, settings or WalletSettings(), link=link)
    app.animation_level = "none"
    if unlocked:
        session.adopt(holder.vault())
    with (
        staged(holder.outside),
        mock.patch.dict(os.environ, TALLY_HOME=str(holder.home)),
        quick_screens(),
    ):
        async with app.run_test(size=size) as pilot:
            yield Stage(app, pilot, holder, stopwatch)
        session.lock()
