"""Which ledger to trust."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Input

from doors.screen.dialog import Buttons, Dialog
from doors.screen.text import Line, Text
from doors.terminal import dim


class LedgerDialog(Dialog[str | None]):
    """Asks for the address of a ledger: empty for none now, None when the person would rather not go on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False)]

    def __init__(self, *lines: Line, address: str = "") -> None:
        """`address` is what stands in the field at first."""
        super().__init__(
            "Which ledger do you trust?",
            (
                "A ledger says which keys belong to whom. What the one you trust says about issuers and "
                "verifiers, your wallet believes; without one it can neither get nor show anything.",
            ),
            ("Whoever gives you credentials tells you its address. You can also trust one later.",),
            *lines,
        )
        self._address = address

    def compose_answers(self) -> ComposeResult:
        """The field."""
        yield Input(self._address, placeholder="https://ledger.example")
        yield Buttons(("look", "Look at it"), ("later", "Later"))
        yield Text((dim("Enter to look at it, Escape to go back"),), classes="hint")

    def on_mount(self) -> None:
        """Begin in the field."""
        self.call_after_refresh(self.query_one(Input).focus)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look at what was typed."""
        event.stop()
        self._look()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Look at what was typed, or at none."""
        if event.button.id == "look":
            self._look()
        else:
            self.dismiss("")

    def action_give_up(self) -> None:
        """Give nothing back."""
        self.dismiss(None)

    def _look(self) -> None:
        address = self.query_one(Input).value.strip()
        if address:
            self.dismiss(address)
