"""The 24 words on their way in: word by word, looked up at once, or all of them pasted."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.suggester import Suggester
from textual.widgets import Input

from doors.screen.dialog import Dialog
from doors.screen.text import Line, Text, clean
from doors.terminal import bad, dim
from protocol.errors import MalformedError
from wallet.door.wording import quoted
from wallet.phrase_entry import PhraseEntry, UnknownWord
from wallet.recovery_phrase import encode_recovery_phrase, word_list
from wallet.tui.screens.dialog import Question
from wallet.tui.screens.words import word_lines

_DROPPED_AT_ONCE = 3


class TypedWords(Dialog[bytes | None]):
    """Asks for the words; the 32 bytes behind them, or None when the person would rather not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False)]

    def __init__(self, title: str, *lines: Line, typed: bytes | None = None, outcome: Line = ()) -> None:
        """`typed` are the 32 bytes behind words to be corrected, and `outcome` says why."""
        super().__init__(
            title,
            *lines,
            (
                "Type them one by one, or paste them all. The first letters are enough where only one word "
                "begins with them. To correct one, type its number before it: 7 width.",
            ),
        )
        self._entry = PhraseEntry()
        if typed is not None:
            self._entry = self._entry.with_line(encode_recovery_phrase(typed))
        self._outcome = outcome

    def compose_answers(self) -> ComposeResult:
        """The words so far, and a field for the next."""
        yield Text(*word_lines(self._entry.words), id="words")
        yield _WordField(placeholder=clean(self._wanted()), suggester=_NextWord())
        yield Text(self._outcome, classes="outcome")
        yield Text((dim("Enter or a blank for the next word, Escape to go back"),), classes="hint")

    @on(Input.Changed)
    def take_whole_words(self, event: Input.Changed) -> None:
        """A blank ends a word, and a pasted list has many."""
        event.stop()
        field = self.query_one(Input)
        # As it is now: when this comes, more may have been typed.
        words, begun = _whole_words(field.value)
        if words or not begun:
            field.value = begun
            field.cursor_position = len(begun)
        if words:
            self._take(words)

    def action_give_up(self) -> None:
        """Give nothing back; many words are not dropped by a slip of the finger."""
        count = len(self._entry.words) - len(self._entry.missing)
        if count > _DROPPED_AT_ONCE:
            question = Question(
                "Drop the words?", (f"You have typed {count} of them.",), yes="Drop them", no="Go on"
            )
            self.app.push_screen(question, self._drop)
        else:
            self.dismiss(None)

    def _drop(self, drops: bool | None) -> None:
        if drops:
            self.dismiss(None)

    def _take(self, words: Sequence[str]) -> None:
        try:
            self._entry = self._entry.with_line(" ".join(map(_completed, words)))
            self._say(*map(_unknown, self._entry.unknown[:3]))
            self.query_one("#words", Text).show(*word_lines(self._entry.words))
            if not self._entry.missing:
                self.dismiss(self._entry.entropy())
                return
        except MalformedError as error:
            self._say((bad("✗ "), f"{error.detail[:1].upper()}{error.detail[1:]}."))
        self.query_one(Input).placeholder = clean(self._wanted())

    def _wanted(self) -> str:
        missing = self._entry.missing
        return f"Word {missing[0]}" if missing else "The number of a word, and the word"

    def _say(self, *lines: Line) -> None:
        self.query_one(".outcome", Text).show(*lines)


class _WordField(Input):
    """A field that takes words also from a list of several lines. Enter ends a word as a blank does."""

    async def _on_key(self, event: Key) -> None:
        if event.key == "enter":
            # As a binding it would come behind the letters that are typed after it.
            event.prevent_default()
            event.stop()
            self.insert(" ", len(self.value))

    def _on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(" ".join(event.text.split()) + " ")


class _NextWord(Suggester):
    """Goes on with a word where the list has only one that begins so. Nothing typed is remembered."""

    def __init__(self) -> None:
        super().__init__(use_cache=False)

    async def get_suggestion(self, value: str) -> str | None:
        """What was typed, with its last word completed."""
        beginning, _, typed = value.rpartition(" ")
        completed = _completed(typed)
        if completed == typed:
            return None
        return f"{beginning} {completed}" if beginning else completed


def _whole_words(line: str) -> tuple[Sequence[str], str]:
    """The words in `line` that are typed to their end, and what is not: a word, or the number of one."""
    words = line.split()
    begun = words.pop() if words and not line[-1].isspace() else ""
    if words and words[-1].rstrip(".:)").isdigit():
        begun = f"{words.pop()} {begun}"
    return words, begun


def _completed(typed: str) -> str:
    """The word that is meant, where only one of the list begins so."""
    words = word_list()
    typed = typed.lower()
    beginning = [word for word in words if word.startswith(typed)]
    return beginning[0] if len(beginning) == 1 else typed


def _unknown(word: UnknownWord) -> Line:
    meant = f" Is it {' or '.join(word.suggestions)}?" if word.suggestions else ""
    return bad("✗ "), f"Word {word.number}, {quoted(word.typed)}, is not in the list.{meant}"
