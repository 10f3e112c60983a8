"""Full-screen programs on a stage: no terminal, and a pilot that presses keys and looks at what is shown."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from unittest import mock

from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

NARROW, WIDE = (80, 24), (120, 40)
_PATIENCE = 1000
_FRAME_SECONDS = 1 / 250
_QUIET_FRAMES = 2

S = TypeVar("S", bound=Screen[Any])


class ScreenStage:
    """A person in front of the program `app`."""

    def __init__(self, app: App[Any], pilot: Pilot[Any]) -> None:
        self._app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press these keys, one after the other."""
        await self.pilot.press(*keys)

    async def enter(self, text: str) -> None:
        """Type `text` into the field that has the focus, and Enter."""
        field = self._app.focused
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
        raise AssertionError(f"it never came to it; on the screen is {self._app.screen}:\n{self.text()}")

    async def screen(self, kind: type[S]) -> S:
        """Wait until a screen of this kind is in front, and take it."""
        await self.until(lambda: isinstance(self._app.screen, kind))
        screen = self._app.screen
        assert isinstance(screen, kind)
        return screen

    async def rests(self) -> None:
        """Wait until nothing is done in the background any more."""
        await self.until(lambda: not any(worker.is_running for worker in self._app.workers))

    async def gone(self, screen: Screen[Any]) -> None:
        """Wait until another screen is in front."""
        await self.until(lambda: self._app.screen is not screen)

    async def shows(self, *texts: str) -> None:
        """Wait until all of these can be read on the screen."""

        def are_shown() -> bool:
            shown = self.text()
            return all(text in shown for text in texts)

        await self.until(are_shown)

    def text(self) -> str:
        """What can be read on the screen, as the terminal would have it."""
        width, height = self._app.size
        lines = self._app.screen._compositor.render_strips()
        del width, height
        return "\n".join(strip.text.rstrip() for strip in lines)


_draw = Compositor.render_update


def _draw_on_demand(
    compositor: Compositor, full: bool = False, screen_stack: list[Screen[Any]] | None = None, **more: bool
) -> object:
    """Nothing for a terminal, of which there is none: `ScreenStage.text` draws what it looks at, and a
    screenshot asks for the `full` screen.
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


@contextmanager
def quick_screens() -> Iterator[None]:
    """Programs that draw only what a test looks at, and rest as soon as they have nothing to do."""
    with ExitStack() as stack:
        for patch in (
            mock.patch("textual.screen.UPDATE_PERIOD", _FRAME_SECONDS),
            mock.patch("textual.pilot.wait_for_idle", _come_to_rest),
            mock.patch("textual.app.wait_for_idle", _come_to_rest),
            mock.patch.object(Compositor, "render_update", _draw_on_demand),
        ):
            stack.enter_context(patch)
        yield
