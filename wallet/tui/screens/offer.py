"""An offer before anything is sent: who makes it, and of what."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button

from doors.screen.dialog import Buttons, Dialog
from doors.screen.text import Line
from wallet.tui.screens.qr import QrScreen


class OfferDialog(Dialog[bool]):
    """Asks whether to get what is offered. Of a stranger's offer, the no has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape,q", "answer(False)", show=False),
        Binding("Q", "show_code", show=False),
    ]

    def __init__(self, lines: Sequence[Line], *, is_known: bool, link: str) -> None:
        super().__init__("Is this who you expect?", *lines)
        self._is_known = is_known
        self._link = link

    def compose_answers(self) -> ComposeResult:
        """No first."""
        yield Buttons(("no", "Cancel (n)"), ("yes", "Get it (y)"), ("code", "As QR code (Q)"))

    def on_mount(self) -> None:
        """Let Enter be the answer that can do no harm."""
        if self._is_known:
            self.call_after_refresh(self.query_one("#yes").focus)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons do what the keys do."""
        if event.button.id == "code":
            self.action_show_code()
        else:
            self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)

    def action_show_code(self) -> None:
        """Show the link for another device to read."""
        self.app.push_screen(QrScreen(self._link))
