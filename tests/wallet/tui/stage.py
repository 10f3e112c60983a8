"""The full-screen wallet on a stage: a real wallet in a folder, no network, and a pilot that presses keys."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest import mock

from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.events import Key
from textual.pilot import Pilot
from textual.screen import Screen

from storage.passphrase import TEST_ONLY
from tests.wallet.holder import PASSPHRASE, Holder, staged
from tests.wallet.parties import NOW
from wallet.settings import WalletSettings
from wallet.tui.app import WalletApp
from wallet.tui.session import WalletSession

NARROW, WIDE = (80, 24), (120, 40)
_PATIENCE = 1000
_FRAME_SECONDS = 1 / 250
_QUIET_FRAMES = 2
_KEYS = {" ": "space", "\r": "enter"}

S = TypeVar("S", bound=Screen[Any])


class Stopwatch:
    """Seconds that pass when a test says so."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Stage:
    """A person in front of the wallet."""

    app: WalletApp
    pilot: Pilot[None]
    holder: Holder
    stopwatch: Stopwatch

    async def press(self, *keys: str) -> None:
        """Press these keys, one after the other."""
        await self.pilot.press(*keys)

    async def type_at_once(self, text: str) -> None:
        """Type `text`, blanks and Enters with it, faster than anything can happen in between."""
        driver = self.app._driver
        assert driver is not None
        for character in text:
            key = Key(_KEYS.get(character, character), character)
            key.set_sender(self.app)
            driver.send_message(key)
        await self.pilot.pause()

    async def enter(self, text: str) -> None:
        """Type `text` into the field that has the focus, and Enter."""
        from textual.widgets import Input

        field = self.app.focused
        assert isinstance(field, Input), f"{field} has the focus"
        field.value = text
        await self.pilot.press("enter")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what a thread or a flow brings about."""
        for _ in range(_PATIENCE):
            if condition():
                await self.pilot.pause()
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"it never came to it; on the screen is {self.app.screen}:\n{self.text()}")

    async def screen(self, kind: type[S]) -> S:
        """Wait until a screen of this kind is in front, and take it."""
        await self.until(lambda: isinstance(self.app.screen, kind))
        screen = self.app.screen
        assert isinstance(screen, kind)
        return screen

    async def rests(self) -> None:
        """Wait until nothing is done in the background any more."""
        await self.until(lambda: not any(worker.is_running for worker in self.app.workers))

    async def gone(self, screen: Screen[Any]) -> None:
        """Wait until another screen is in front."""
        await self.until(lambda: self.app.screen is not screen)

    async def shows(self, *texts: str) -> None:
        """Wait until all of these can be read on the screen."""

        def are_shown() -> bool:
            shown = self.text()
            return all(text in shown for text in texts)

        await self.until(are_shown)

    def text(self) -> str:
        """What can be read on the screen, as the terminal would have it."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        del width, height
        return "\n".join(strip.text.rstrip() for strip in lines)

    async def unlock(self) -> None:
        """Type the passphrase at the door."""
        from wallet.tui.screens.credentials import CredentialsScreen
        from wallet.tui.screens.unlock import UnlockScreen

        await self.screen(UnlockScreen)
        await self.enter(PASSPHRASE)
        await self.screen(CredentialsScreen)


_draw = Compositor.render_update


def _draw_on_demand(
    compositor: Compositor, full: bool = False, screen_stack: list[Screen[Any]] | None = None, **more: bool
) -> object:
    """Nothing for a terminal, of which there is none: `Stage.text` draws what it looks at, and a screenshot
    asks for the `full` screen.
    """
    if full:
        return _draw(compositor, full, screen_stack, **more)
    visible_screen_stack.set(screen_stack or [])
    compositor._dirty_regions.clear()
    return None


async def _come_to_rest(_min_seconds: float = 0, max_seconds: float = 5) -> None:
    """Wait until the program has nothing to do but wait for a thread or a timer, for longer than a frame.

    Textual goes by the time of the processor instead, which says nothing on a busy machine.
    """
    loop: Any = asyncio.get_running_loop()
    quiet, ends = 0, loop.time() + max_seconds
    while quiet < _QUIET_FRAMES and loop.time() < ends:
        await asyncio.sleep(_FRAME_SECONDS)
        quiet = 0 if loop._ready else quiet + 1


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
        mock.patch("textual.screen.UPDATE_PERIOD", _FRAME_SECONDS),
        mock.patch("textual.pilot.wait_for_idle", _come_to_rest),
        mock.patch("textual.app.wait_for_idle", _come_to_rest),
        mock.patch.object(Compositor, "render_update", _draw_on_demand),
    ):
        async with app.run_test(size=size) as pilot:
            yield Stage(app, pilot, holder, stopwatch)
        session.lock()
