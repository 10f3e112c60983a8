"""Short questions over the screen behind them. The safe answer has the focus, and Escape gives it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, LoadingIndicator

from doors.screen.dialog import Buttons, Dialog, Field, Notice
from doors.screen.ending import Ending
from doors.screen.text import Line, Text
from doors.terminal import bad, bold, dim
from protocol.codes import Audience
from protocol.errors import TallyError
from wallet.tui.ways import ways

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_STEP_SECONDS = 0.1


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
