"""Short questions over the screen behind them. The safe answer has the focus, and Escape gives it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, LoadingIndicator

from doors.screen.ending import Ending
from doors.screen.text import Line, Text, clean, content
from doors.terminal import bad, bold, dim
from protocol.codes import Audience
from protocol.errors import TallyError
from wallet.tui.ways import ways

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

Answer = TypeVar("Answer")

_STEP_SECONDS = 0.1


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

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,space", "dismiss_it", show=False)]

    def compose_answers(self) -> ComposeResult:
        """One button."""
        yield Buttons(("go-on", "Go on"))

    def on_button_pressed(self) -> None:
        """End."""
        self.dismiss(None)

    def action_dismiss_it(self) -> None:
        """End."""
        self.dismiss(None)


class Refusal(Notice):
    """Why something did not happen: what happened, what it means, what to do; the code last."""

    def __init__(self, error: TallyError, *more: Line, remedy: str | None = None) -> None:
        """`remedy` is what to do where it is other than what the code says."""
        super().__init__("That did not work", (bad("✗ "), str(error)), ())
        self.error = error
        self._more = more
        self._remedy = error.code.remedy_for(Audience.HOLDER) if remedy is None else remedy

    def lines(self) -> Iterable[Line]:
        """The error; and where this window does what the remedy has a command for."""
        yield from self._lines
        yield (self._remedy,)
        yield from ways(self._remedy, cast("WalletApp", self.app).settings.keys)
        yield from (*self._more, (), (dim(self.error.code.value),))


class Question(Dialog[bool]):
    """A yes or a no; the no has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, title: str, *lines: Line, yes: str, no: str) -> None:
        super().__init__(title, *lines)
        self._yes = yes
        self._no = no

    def compose_answers(self) -> ComposeResult:
        """No first."""
        yield Buttons(("no", f"{self._no} (n)"), ("yes", f"{self._yes} (y)"))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)


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


class TypedQuestion(Field):
    """A yes that has to be typed, for what must not happen by a slip of the finger."""

    def __init__(self, title: str, *lines: Line, expected: str) -> None:
        super().__init__(title, *lines, (), ("Type ", bold(expected), " to go on."))
        self._expected = expected

    def accepts(self, typed: str) -> bool:
        """Go on with the right word only."""
        return typed.strip() == self._expected


class Telling:
    """What is being done just now. The thread that does it may change the words."""

    def __init__(self, words: str) -> None:
        self.words = words


class Working(ModalScreen[None], Ending[None]):
    """Says what is being done; Escape gives up waiting for it, where that is possible."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False)]

    def __init__(self, telling: str | Telling, *, can_cancel: bool) -> None:
        super().__init__()
        self._telling = Telling(telling) if isinstance(telling, str) else telling
        self._can_cancel = can_cancel
        self.given_up = False
        self._is_over = False

    def compose(self) -> ComposeResult:
        """What is being done, in words; what moves beside it says nothing more."""
        with Vertical(classes="box small"):
            yield Text((self._telling.words,), classes="step")
            yield LoadingIndicator()
            if self._can_cancel:
                yield Text((dim("Escape to give up"),), classes="hint")

    def on_mount(self) -> None:
        """Keep up with the job."""
        self.set_interval(_STEP_SECONDS, self._show_step)

    def on_screen_resume(self) -> None:
        """Go, when it was over while something lay above."""
        if self._is_over:
            self.dismiss(None)

    def end(self) -> None:
        """It is over: go as soon as nothing lies above."""
        self._is_over = True
        self.dismiss(None)

    def _show_step(self) -> None:
        self.query_one(".step", Text).show((self._telling.words,))

    def action_give_up(self) -> None:
        """Stop waiting."""
        self.given_up = self._can_cancel


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
