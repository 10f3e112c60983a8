"""What came from an issuer, and what it says."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button

from doors.screen.dialog import Buttons, Notice
from doors.screen.text import Text
from wallet.held import HeldCredential
from wallet.tui.credential_lines import received_lines


class ReceivedDialog(Notice):
    """Shows the credentials in `added`; v shows and hides what they say."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("v", "toggle_values", show=False)]

    def __init__(self, title: str, added: Sequence[HeldCredential], *, shows_values: bool) -> None:
        super().__init__(title, *received_lines(added, shows_values=shows_values))
        self._added = added
        self._shows_values = shows_values

    def compose_answers(self) -> ComposeResult:
        """What can be done with it."""
        yield Buttons(("go-on", "Go on"), ("values", "Show or hide values (v)"))

    @on(Button.Pressed, "#values")
    def press_values(self, pressed: Button.Pressed) -> None:
        """Stay, with or without values."""
        pressed.prevent_default()
        self.action_toggle_values()

    def action_toggle_values(self) -> None:
        """Show or hide what they say."""
        self._shows_values = not self._shows_values
        lines = received_lines(self._added, shows_values=self._shows_values)
        self.query_one(".lines Text", Text).show(*lines)
