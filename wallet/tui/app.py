"""The full-screen wallet: which screen is up, what every screen can do, and when it locks itself."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, ClassVar

from textual.actions import ActionParseResult
from textual.app import InvalidThemeError
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.events import Event, Key, MouseEvent
from textual.screen import ModalScreen
from textual.widgets import Input

from doors.clipboard import Clipboard
from doors.screen import STYLE
from doors.screen.dialog import Notice
from doors.screen.text import Signs
from doors.terminal import bold
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from wallet.settings import WalletSettings
from wallet.tui.actions import active_actions, bindings, is_change
from wallet.tui.flow_app import FlowApp
from wallet.tui.palette import ActionsProvider
from wallet.tui.screens.dialog import Refusal
from wallet.tui.screens.frame import AnsweringScreen, WalletScreen
from wallet.tui.session import WalletSession
from wallet.tui.views import VIEWS

_TICK_SECONDS = 5


class WalletApp(FlowApp):
    """The program. It asks and shows; what happens is in `flows`, and what is true in the session."""

    TITLE = "Tallystick"
    CSS_PATH: ClassVar[list[str | PurePath]] = [STYLE, "wallet.tcss"]
    COMMANDS: ClassVar[set[Any]] = {ActionsProvider}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("credentials", "activity", "parties", "keys", "settings", "doctor", "command"),
        *bindings("lock", "quit", anywhere=True),
    ]

    def __init__(
        self,
        session: WalletSession,
        settings: WalletSettings,
        *,
        link: str | None = None,
        ascii: bool = False,
    ) -> None:
        """`link` is an offer or a request to go on with once the wallet is open; `ascii` makes marks and
        frames of plain letters, whatever the settings say.
        """
        super().__init__()
        self._ascii = ascii
        self.session = session
        self.settings = settings
        self.link = link
        self.asked_in_vain: frozenset[str] = frozenset()
        self.bad_news: frozenset[str] = frozenset()
        self.shows_values = False
        self.outer_clipboard = Clipboard(
            lifetime=settings.clipboard,
            terminal=lambda text: self.call_from_thread(self._copy_to_terminal, text),
        )

    def on_mount(self) -> None:
        """Dress, and ask who is there; with a session that is open already, go in."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Else the terminal would be left with the wallet on it, and the clipboard with a secret.
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.apply_settings(self.settings)
        self.set_interval(_TICK_SECONDS, self._look_around)
        if self.session.is_open:
            self.enter()
            return
        self.show_door()
        if self.session.folder.is_initialized():
            from wallet.tui.flows.unlocking import unlock_with_agent

            self.start(unlock_with_agent(self))

    def apply_settings(self, settings: WalletSettings) -> None:
        """Look and behave as `settings` say, at once."""
        self.settings = settings
        Signs.ascii = settings.ascii or self._ascii
        self.set_class(Signs.ascii, "ascii")
        try:
            self.theme = settings.theme
        except InvalidThemeError:
            self.tell(f"There is no theme {settings.theme}.")
        self.set_keymap(dict(settings.keys))

    def show_door(self) -> None:
        """The first screen: of a wallet to be unlocked, or of none yet."""
        from wallet.tui.screens.unlock import UnlockScreen
        from wallet.tui.screens.welcome import WelcomeScreen

        is_there = self.session.folder.is_initialized()
        self._start_with(UnlockScreen() if is_there else WelcomeScreen())

    def enter(self) -> None:
        """Go in, now that the wallet is open, and on with the link that the program was called with."""
        from wallet.tui.flows.link import follow_link
        from wallet.tui.flows.standings import watch_standings

        self._start_with(VIEWS["credentials"]())
        self.run_worker(watch_standings(self), group="standings", exclusive=True)
        if self.link is not None:
            link, self.link = self.link, None
            self.start(follow_link(self, link))

    def refresh_view(self) -> None:
        """Show the wallet as it is now on the screen in front."""
        # A screen that is not there yet shows it when it is.
        if isinstance(self.screen, WalletScreen) and self.screen.is_mounted and self.session.is_open:
            self.screen.show_status()
            self.screen.show_wallet()

    def action_view(self, name: str) -> None:
        """Go to one of the main screens."""
        if isinstance(self.screen, ModalScreen):
            return
        self._catch_up()
        if self.session.is_open:
            self._start_with(VIEWS[name]())

    def go_back(self) -> bool:
        """Back to the screen before, if there is one; whether there was."""
        has_more = len(self.screen_stack) > 2
        if has_more:
            self.pop_screen()
        return has_more

    def action_lock(self) -> None:
        """Lock now, and forget what is on the screens."""
        if self.session.is_open:
            self.workers.cancel_group(self, "flow")
            self.workers.cancel_group(self, "beside")
            self.workers.cancel_group(self, "standings")
            self.clear_notifications()
            self.bad_news, self.shows_values = frozenset(), False
            # What a field would paste is Textual's own copy of what went to the terminal.
            self._clipboard = ""
            self.session.shut()
            self.show_door()
            self.run_worker(self._lock(), group="lock")

    def action_help(self) -> None:
        """Explain the screen in front."""
        from wallet.tui.screens.help import HelpScreen

        if isinstance(self.screen, AnsweringScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_command_palette(self) -> None:
        """Search for an action, on a screen that has some; never over a dialog, nor twice."""
        if isinstance(self.screen, AnsweringScreen):
            super().action_command_palette()

    def action_show_command(self) -> None:
        """Say which command does the same as the screen in front."""
        screen = self.screen
        if isinstance(screen, AnsweringScreen):
            lines = [
                (bold(active.action.command), f"   {active.action.meaning}")
                for active in active_actions(screen)
                if active.action.command
            ]
            self.push_screen(Notice("The same as a command", *lines))

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key, the help or the palette asks for, unless it changes a wallet another window has."""
        if is_change(action):
            try:
                self.session.require_own_window()
            except RefusedError as error:
                self.push_screen(Refusal(error))
                return True
        return await super().run_action(action, default_namespace, namespaces)

    async def on_event(self, event: Event) -> None:
        """Notice that somebody is there; after too long a time, to lock before they do anything."""
        if isinstance(event, Key | MouseEvent):
            if self._lock_when_idle():
                return
            self.session.touch()
        await super().on_event(event)

    def _start_with(self, screen: WalletScreen) -> None:
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)
        self.cover_when_too_small()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what a person marked with Textual's own keys, to be taken off again like all else from here;
        nothing out of a field that hides what is in it.
        """
        from wallet.tui.flows.copying import copy

        if not (isinstance(self.focused, Input) and self.focused.password):
            self.start_beside(copy(self, text))

    def _copy_to_terminal(self, text: str) -> None:
        # Not what was to be copied just before the wallet was locked.
        if self.session.is_open:
            super().copy_to_clipboard(text)

    def _lock_when_idle(self) -> bool:
        idle = self.session.untouched_for >= self.settings.idle_lock
        # Who waits for the end of something touches nothing, and would not hear of it.
        locks = self.session.is_open and idle and not self.is_unbreakable
        if locks:
            self.action_lock()
        return locks

    def _look_around(self) -> None:
        if not self._lock_when_idle() and self._catch_up():
            self.refresh_view()

    def _catch_up(self) -> bool:
        try:
            return self.session.catch_up()
        except TallyError as error:
            # Gone, or with another key: the door says what to do. What else is wrong with the file, the
            # doctor says, and whatever has to be saved; what is here may be the last that is left of it.
            if error.code is Code.VAULT_CHANGED:
                self.action_lock()
            return False

    async def _lock(self) -> None:
        await asyncio.to_thread(self.session.lock)
        await asyncio.to_thread(self.outer_clipboard.clear)
