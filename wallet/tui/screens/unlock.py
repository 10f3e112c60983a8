"""The door of a wallet that is there: its passphrase."""

from math import ceil
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Button, Input

from doors.screen.text import Line, Text, content
from doors.terminal import bad, dim, warning
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import Passphrase
from wallet.door.wording import plural
from wallet.tui.actions import bindings
from wallet.tui.flows.unlocking import reset_passphrase, tell_of_other_window, unlock
from wallet.tui.screens.frame import WalletScreen

_TICK_SECONDS = 0.5


class UnlockScreen(WalletScreen):
    """Asks for the passphrase until it opens the wallet."""

    NAME: ClassVar[str] = "Unlock"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Type the passphrase of this wallet. Opening it takes about a second, so that nobody can try many; "
        "after three wrong ones there is a pause, and a longer one after each that follows.",
        "If you have forgotten it, ctrl+g opens the wallet with your 24 words and lets you choose a new one. "
        "Nobody else can help: there is no second key anywhere.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("reveal", "unlock.clear", "unlock.forgotten")]

    def action_leave(self) -> None:
        """Go away: nothing is open here that could be lost."""
        self.app.exit()

    def action_clear(self) -> None:
        """Drop what was typed. Escape does not lead out: what is typed next may be a passphrase."""
        self.query_one(Input).value = ""

    def compose_body(self) -> ComposeResult:
        """The field."""
        with Vertical(classes="middle"), Vertical(classes="box") as box:
            box.border_title = content("Your wallet is locked")
            yield Text((dim(str(self.wallet_app.session.folder.path)),))
            yield Input(password=True, placeholder="Passphrase")
            yield Text(classes="outcome")
            yield Text((dim("Enter to unlock, ctrl+r to show what you type"),), classes="hint")
            forgotten = Button(content("Forgotten? Use the 24 words (ctrl+g)"), id="forgotten", compact=True)
            # Or it would get the focus during a pause, and the Enter that somebody types blindly.
            forgotten.can_focus = False
            yield forgotten

    def on_mount(self) -> None:
        """Count down while there is a pause."""
        self.query_one(Input).focus()
        self.set_interval(_TICK_SECONDS, self.count_down)
        self.count_down()

    def count_down(self) -> None:
        """Let nothing be typed during a pause, and say how long it is."""
        field = self.query_one(Input)
        pause = self.wallet_app.session.attempts.pause
        if pause:
            field.disabled = True
            seconds = plural(ceil(pause.total_seconds()), "second")
            self._say((warning("! "), f"Too many wrong passphrases. Wait {seconds}."))
        elif field.disabled:
            field.disabled = False
            field.focus()
            self._say()

    @on(Input.Submitted)
    def try_it(self, event: Input.Submitted) -> None:
        """Try what was typed."""
        if event.value:
            typed, event.input.value = Passphrase(event.value), ""
            self.wallet_app.start(self._unlock(typed))

    @on(Input.Changed)
    def begin_again(self, event: Input.Changed) -> None:
        """Say no longer what was wrong with the one before."""
        if event.value:
            self._say()

    @on(Button.Pressed)
    def action_forgotten(self) -> None:
        """Open the wallet with its words."""
        self.wallet_app.start(reset_passphrase(self.wallet_app))

    def action_reveal(self) -> None:
        """Show what is typed, or dots for it."""
        field = self.query_one(Input)
        field.password = not field.password

    async def _unlock(self, typed: Passphrase) -> None:
        app = self.wallet_app
        try:
            if await unlock(app, typed):
                await tell_of_other_window(app)
                app.enter()
        except RefusedError as error:
            if error.code is not Code.PASSPHRASE_WRONG:
                raise
            left = app.session.attempts.tries_left
            tries = "one more try" if left == 1 else f"{left} more tries"
            self._say((bad("✗ "), f"{error.code.meaning} You have {tries} before a pause."))
            self.count_down()

    def _say(self, *lines: Line) -> None:
        self.query_one(".outcome", Text).show(*lines)
