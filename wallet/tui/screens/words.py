"""The 24 words on the screen, hidden until somebody presses a key."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button

from doors.screen.dialog import Buttons, Dialog
from doors.screen.text import Line, Text, content
from doors.terminal import bold, warning

_COLUMNS = 4
_WIDTH = 16
_HIDDEN = "•" * 6


class WordsDialog(Dialog[bool]):
    """Shows the words for a person to write down; whether they go on."""

    # What is selected with the mouse can be copied, and stays on the clipboard.
    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "show_or_hide", show=False),
        Binding("escape", "give_up", show=False),
    ]

    def __init__(self, words: Sequence[str], *, warnings: Sequence[str], go_on: str) -> None:
        """`warnings` are who could be watching; `go_on` is what the button that ends it says."""
        super().__init__(
            "The 24 recovery words of your wallet",
            (
                "Write them down on paper, in this order. Whoever has them has all your keys; without them "
                "nobody can bring your wallet back when this machine is lost or the passphrase forgotten.",
            ),
            *[(warning("! "), text) for text in warnings],
        )
        self._words = words
        self._go_on = go_on
        self._are_shown = False

    def compose_answers(self) -> ComposeResult:
        """The words, and how to go on."""
        yield Text(*word_lines(self._words, shown=False), id="words")
        yield Buttons(("show", "Show the words (v)"), ("go-on", self._go_on))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Show them, or go on: nobody has written down what was never shown."""
        if event.button.id == "show" or not self._are_shown:
            self.action_show_or_hide()
        else:
            self.dismiss(True)

    def action_show_or_hide(self) -> None:
        """Show the words, or hide them when somebody looks over the shoulder."""
        self._are_shown = not self._are_shown
        self.query_one("#words", Text).show(*word_lines(self._words, shown=self._are_shown))
        self.query_one("#show", Button).label = content(
            "Hide the words (v)" if self._are_shown else "Show the words (v)"
        )
        self.query_one("#go-on" if self._are_shown else "#show").focus()

    def action_give_up(self) -> None:
        """Do not go on."""
        self.dismiss(False)


def word_lines(words: Sequence[str | None], *, shown: bool = True) -> Iterator[Line]:
    """The words in columns, numbered from the top down; a blank for each that is not there yet."""
    rows = len(words) // _COLUMNS
    for row in range(rows):
        cells: list[Line] = []
        for number in range(row + 1, len(words) + 1, rows):
            word = words[number - 1] or ""
            text = word if shown else _HIDDEN
            cells.append((f"  {number:>2} ", bold(text), " " * (_WIDTH - 5 - len(text))))
        yield tuple(part for cell in cells for part in cell)
