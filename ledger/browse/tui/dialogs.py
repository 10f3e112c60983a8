"""What lies over a place of the explorer for a moment: a field to search with, and something to read."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from doors.screen.ending import Ending
from doors.screen.text import Line, Text, content
from doors.terminal import dim


class SearchDialog(ModalScreen[str | None], Ending[str | None]):
    """Asks what to look for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def compose(self) -> ComposeResult:
        """The field."""
        with Vertical(classes="box") as box:
            box.border_title = content("Search")
            yield Text(("A DID, a name, a type, the index of an entry, or a leaf hash.",))
            yield Input(max_length=1024)
            yield Text((dim("Enter searches, Escape goes back."),))

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        """Search, if there is something to search for."""
        event.stop()
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        """Search for nothing."""
        self.dismiss(None)


class ReadDialog(ModalScreen[None], Ending[None]):
    """Something to read; any of the usual keys ends it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space,question_mark", "leave", show=False),
        Binding("j", "scroll_lines(1)", show=False),
        Binding("k", "scroll_lines(-1)", show=False),
    ]

    def __init__(self, title: str, *lines: Line) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The lines."""
        with Vertical(classes="box") as box:
            box.border_title = content(self._title)
            with VerticalScroll(classes="reading"):
                yield Text(*self._lines)
            yield Text((dim("Enter goes back."),))

    def action_leave(self) -> None:
        """End."""
        self.dismiss(None)

    def action_scroll_lines(self, by: int) -> None:
        """Move the lines, `by` so many down."""
        self.query_one(".reading").scroll_relative(y=by, animate=False)
