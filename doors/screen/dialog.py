"""What lies over a screen for a moment: lines to read, and a way to answer. Escape never says yes."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from doors.screen.ending import Ending
from doors.screen.text import Line, Text, clean, content
from doors.terminal import dim

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer], Ending[Answer], Generic[Answer]):
    """A box with a title and lines in it, which can be scrolled where they do not fit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_lines(-1)", show=False),
        Binding("down", "scroll_lines(1)", show=False),
        Binding("pageup", "scroll_lines(-10)", show=False),
        Binding("pagedown", "scroll_lines(10)", show=False),
    ]

    def __init__(self, title: str, *lines: Line) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="box") as box:
            box.border_title = content(self._title)
            lines = list(self.lines())
            with VerticalScroll(classes="lines", can_focus=False) as above:
                # Text of no lines would be as high as an empty one.
                above.display = bool(lines)
                yield Text(*lines)
            yield from self.compose_answers()

    def lines(self) -> Iterable[Line]:
        """What is in the box."""
        return self._lines

    def compose_answers(self) -> ComposeResult:
        """The buttons or the field below the lines."""
        raise NotImplementedError

    def action_scroll_lines(self, by: int) -> None:
        """Move the lines, `by` so many down."""
        self.query_one(".lines").scroll_relative(y=by, animate=False)


class Notice(Dialog[None]):
    """Something to read; any of the usual keys ends it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space,question_mark", "dismiss_it", show=False),
        Binding("j", "scroll_lines(1)", show=False),
        Binding("k", "scroll_lines(-1)", show=False),
    ]

    def compose_answers(self) -> ComposeResult:
        """One button."""
        yield Buttons(("go-on", "Go on"))

    def on_button_pressed(self) -> None:
        """End."""
        self.dismiss(None)

    def action_dismiss_it(self) -> None:
        """End."""
        self.dismiss(None)


class Field(Dialog[str | None]):
    """A line to be typed; None when the person would rather not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False)]

    def __init__(
        self,
        title: str,
        *lines: Line,
        hidden: bool = False,
        value: str = "",
        placeholder: str = "",
        restrict: str | None = None,
    ) -> None:
        """`hidden` shows dots for what is typed; `value` is there already; `restrict` is a pattern that holds
        for all of it.
        """
        super().__init__(title, *lines)
        self._hidden = hidden
        self._value = value
        self._placeholder = placeholder
        self._restrict = restrict

    def compose_answers(self) -> ComposeResult:
        """The field."""
        yield Input(
            self._value,
            password=self._hidden,
            placeholder=clean(self._placeholder),
            restrict=self._restrict,
            select_on_focus=False,
        )
        yield Text((dim("Enter to go on, Escape to go back"),), classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give back what was typed, if it is an answer."""
        # Textual calls this method of a class and of each one above it: a subclass overrides `accepts`.
        event.stop()
        if self.accepts(event.value):
            self.dismiss(event.value)

    def accepts(self, typed: str) -> bool:
        """Whether it is an answer; nothing at all is none."""
        return bool(typed)

    def action_give_up(self) -> None:
        """Give nothing back."""
        self.dismiss(None)


class Buttons(Horizontal):
    """Buttons in a row, the safe one first: a dialog without a field has the focus there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, *buttons: tuple[str, str]) -> None:
        super().__init__(classes="buttons")
        self._buttons: Sequence[tuple[str, str]] = buttons

    def compose(self) -> ComposeResult:
        """A button for each id and label."""
        for button_id, label in self._buttons:
            yield Button(content(label), id=button_id, compact=True)
