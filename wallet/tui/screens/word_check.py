"""Three of the 24 words asked back, to be sure that somebody has them."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Input

from doors.terminal import bad, dim
from wallet.tui.screens.dialog import Buttons, Dialog
from wallet.tui.text import Text, content


class WordsAnswer(Enum):
    """How it ended. WRONG: a word was another one. AGAIN: the person wants to see them once more."""

    CONFIRMED = auto()
    WRONG = auto()
    AGAIN = auto()
    SKIPPED = auto()


class WordCheck(Dialog[WordsAnswer]):
    """Asks for the words with these numbers, from 1."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "see_again", show=False)]

    def __init__(self, words: Sequence[str], numbers: Sequence[int], *, can_skip: bool) -> None:
        super().__init__("Have you got them?", ("Type these three of the words, from your paper:",))
        self._words = words
        self.numbers = numbers
        self._can_skip = can_skip

    def compose_answers(self) -> ComposeResult:
        """A field for each word."""
        for number in self.numbers:
            field = Input(id=f"word-{number}")
            field.border_title = content(f"Word {number}")
            yield field
        yield Text(classes="outcome")
        later = [("skip", "Skip for now")] if self._can_skip else []
        yield Buttons(("check", "Check"), ("again", "See the words again"), *later)
        yield Text((dim("Enter to go on, Escape to see the words again"),), classes="hint")

    def on_mount(self) -> None:
        """Begin with the first word."""
        self.call_after_refresh(self.query(Input).first().focus)

    @on(Input.Submitted)
    def next_word(self, event: Input.Submitted) -> None:
        """Go to the first field that is empty; when none is, or this one, check."""
        event.stop()
        empty = [field for field in self.query(Input) if not field.value.strip()]
        if empty and event.value.strip():
            empty[0].focus()
        else:
            self._check()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Check, or not."""
        match event.button.id:
            case "check":
                self._check()
            case "again":
                self.dismiss(WordsAnswer.AGAIN)
            case _:
                self.dismiss(WordsAnswer.SKIPPED)

    def action_see_again(self) -> None:
        """See the words once more."""
        self.dismiss(WordsAnswer.AGAIN)

    def _check(self) -> None:
        typed = {number: self.query_one(f"#word-{number}", Input).value for number in self.numbers}
        missing = [number for number, word in typed.items() if not word.strip()]
        if missing:
            self.query_one(".outcome", Text).show((bad("✗ "), f"Word {missing[0]} is missing."))
            return
        is_right = all(word.strip().lower() == self._words[number - 1] for number, word in typed.items())
        self.dismiss(WordsAnswer.CONFIRMED if is_right else WordsAnswer.WRONG)
