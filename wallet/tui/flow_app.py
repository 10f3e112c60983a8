"""How the program asks, works and fails: one thing at a time, with every failure told in one place."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from textual.events import Resize
from textual.screen import Screen

from doors.screen.quiet_app import QuietApp
from doors.screen.text import clean
from protocol.errors import TallyError
from wallet.tui.screens.dialog import Refusal, Telling, Working
from wallet.tui.screens.too_small import COLUMNS, LINES, TooSmallScreen

R = TypeVar("R")

_PATIENCE_SECONDS = 0.2


class GivenUpError(Exception):
    """The person did not want to wait any longer."""


class FlowApp(QuietApp):
    """A program whose flows ask with screens and work in threads."""

    def __init__(self) -> None:
        super().__init__()
        self._fits = asyncio.Event()
        self._fits.set()
        self._unbreakable = 0

    @property
    def is_unbreakable(self) -> bool:
        """Whether something is being done of which a person has to hear how it ended."""
        return bool(self._unbreakable)

    def start(self, flow: Coroutine[Any, Any, None]) -> None:
        """Run something that a person does; how it fails is shown, in one place.

        Nothing begins as long as something must not be broken off: how that ended would not be told.
        """
        if self._unbreakable:
            flow.close()
        else:
            self.run_worker(self._guard(flow), group="flow", exclusive=True)

    def start_beside(self, flow: Coroutine[Any, Any, None]) -> None:
        """Run something small while a flow waits for an answer; how it fails is shown as in `start`."""
        self.run_worker(self._guard(flow), group="beside", exclusive=True)

    async def ask(self, screen: Screen[R]) -> R:
        """What a person answers on `screen`, once it can be seen whole."""
        await self._fits.wait()
        # What was said in passing must not cover what is asked now.
        self.clear_notifications()
        return await self.push_screen_wait(screen)

    async def work(self, telling: str | Telling, job: Callable[[], R], *, can_cancel: bool = True) -> R:
        """Do `job` in a thread. When it takes long enough to notice, a screen says what is being done.

        Raises:
            GivenUpError: the person did not want to wait; what `job` gives is dropped.
            Exception: what `job` raises.
        """
        task = asyncio.create_task(asyncio.to_thread(job))
        # This may be broken off before the job ends.
        task.add_done_callback(_drop)
        waiting = Working(telling, can_cancel=can_cancel)
        self._unbreakable += not can_cancel
        try:
            done, _ = await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)
            if not done:
                await self.push_screen(waiting)
            while not done and not waiting.given_up:
                done, _ = await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)
        finally:
            self._unbreakable -= not can_cancel
            waiting.end()
        if not done:
            raise GivenUpError
        return task.result()

    def tell(self, text: str) -> None:
        """Say something in passing, that nobody needs to answer."""
        self.notify(clean(text), markup=False)

    def on_resize(self, event: Resize) -> None:
        """Cover what a small window would cut."""
        if event.size.width >= COLUMNS and event.size.height >= LINES:
            self._fits.set()
        else:
            self._fits.clear()
        self.cover_when_too_small()

    def cover_when_too_small(self) -> None:
        """Have a screen in front that says so as long as the window is too small."""
        is_covered = isinstance(self.screen, TooSmallScreen)
        if self._fits.is_set() and is_covered:
            self.pop_screen()
        elif not self._fits.is_set() and not is_covered:
            self.push_screen(TooSmallScreen())

    async def _guard(self, flow: Coroutine[Any, Any, None]) -> None:
        try:
            await flow
        except GivenUpError:
            self.tell("Nobody waits for it any longer.")
        except TallyError as error:
            await self.ask(Refusal(error))


def _drop(task: "asyncio.Task[Any]") -> None:
    # Otherwise asyncio complains of an exception that nobody looked at.
    if not task.cancelled():
        task.exception()
