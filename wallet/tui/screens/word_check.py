"""Three of the 24 words asked back, to be sure that somebody has them."""

from collections.abc import Sequence
from enum import Enum, auto
from itertools import pairwise
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Input

from doors.screen.dialog import Buttons, Dialog
from doors.screen.text import Text, content
from doors.terminal import bad, dim


class WordsAnswer(Enum):
    """How it ended. WRONG: a word was another one. AGAIN: the person wants to see them once more."""

    CONFIRMED = auto()
    WRONG = auto()
    AGAIN = auto()
    SKIPPED = auto()


class WordCheck(Dialog[WordsAnswer]):
    """Asks for the words with these numbers, from 1."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "see_again", show=False),
        # Before the field has it: where the next letters go is settled when they come in.
        Binding("enter", "next_word", show=False, priority=True),
    ]

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Enter to the button that has the focus."""
        if action == "next_word":
            return isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def action_next_word(self) -> None:
        """Go to the next field; behind the last one, check."""
        fields = list(self.query(Input))
        behind = next((behind for field, behind in pairwise(fields) if field is self.focused), None)
        if behind is None:
            self._check_what_comes_in(fields)
        else:
            # Not `focus`, which is done after what has come in meanwhile.
            self.set_focus(behind)

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

    def _check_what_comes_in(self, fields: Sequence[Input]) -> None:
        # The last letters may still be on their way into the fields.
        if fields:
            fields[0].call_later(self._check_what_comes_in, fields[1:])
        else:
            self._check()

    def _check(self) -> None:
        typed = {number: self.query_one(f"#word-{number}", Input).value for number in self.numbers}
        missing = [number for number, word in typed.items() if not word.strip()]
        if missing:
            self.query_one(".outcome", Text).show((bad("✗ "), f"Word {missing[0]} is missing."))
            self.query_one(f"#word-{missing[0]}").focus()
            return
        is_right = all(word.strip().lower() == self._words[number - 1] for number, word in typed.items())
        self.dismiss(WordsAnswer.CONFIRMED if is_right else WordsAnswer.WRONG)
