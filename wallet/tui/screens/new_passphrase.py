"""Choosing a passphrase: typed twice, with an honest word about how long it would hold out."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from doors.prompts import MIN_NEW_CHARACTERS, require_long_enough
from doors.screen.dialog import Dialog
from doors.screen.text import Line, Text
from doors.terminal import bad, dim
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import Passphrase
from wallet.door.strength import ASSUMPTION, strength_line
from wallet.passphrase_strength import estimate_strength
from wallet.tui.actions import bindings

_NOTHING_YET: Line = (dim("Type it, and see how long it would hold out."),)


class NewPassphrase(Dialog[Passphrase | None]):
    """Asks for a new passphrase; None when the person would rather not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False), *bindings("reveal")]

    def __init__(self, title: str, *lines: Line) -> None:
        super().__init__(
            title,
            *lines,
            (f"It has at least {MIN_NEW_CHARACTERS} characters; what they are is yours to choose.",),
            ("A few words that have nothing to do with each other are easy to remember.",),
        )

    def compose_answers(self) -> ComposeResult:
        """Two fields, and what is to be said about them."""
        yield Input(password=True, placeholder="New passphrase", id="new")
        yield Text(_NOTHING_YET, id="strength")
        yield Input(password=True, placeholder="The same again", id="again")
        yield Text(classes="outcome")
        yield Text((dim("Enter to go on, ctrl+r to show what you type, Escape to go back"),), classes="hint")

    def on_mount(self) -> None:
        """Begin with the first field."""
        self.query_one("#new", Input).focus()

    @on(Input.Changed, "#new")
    def estimate(self, event: Input.Changed) -> None:
        """Say what the passphrase is worth so far."""
        estimate = [strength_line(estimate_strength(event.value)), (dim(ASSUMPTION),)]
        self.query_one("#strength", Text).show(*(estimate if event.value else [_NOTHING_YET]))

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """To the second field, and from there on, if both say the same."""
        event.stop()
        new, again = self.query_one("#new", Input), self.query_one("#again", Input)
        try:
            require_long_enough(new.value)
            if event.input is new:
                again.focus()
                self._say()
            elif new.value != again.value:
                raise RefusedError(Code.PASSPHRASE_UNREPEATED)
            else:
                self.dismiss(Passphrase(new.value))
        except RefusedError as error:
            self._say((bad("✗ "), error.code.meaning))
            again.value = ""

    def action_reveal(self) -> None:
        """Show what is typed, or dots for it."""
        for field in self.query(Input):
            field.password = not field.password

    def action_give_up(self) -> None:
        """Give nothing back."""
        self.dismiss(None)

    def _say(self, *lines: Line) -> None:
        self.query_one(".outcome", Text).show(*lines)
