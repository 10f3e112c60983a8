"""A list of things in columns, which can be filtered, and holds thousands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from doors.screen.text import Line, Text, content, fitted
from doors.terminal import Styled

_GAP = 2
_FRAME = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its least width in cells, and its share of what is left over."""

    title: str
    width: int
    share: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A thing in the list.

    Attributes:
        id: What the screen knows it by.
        cells: A piece of text per column.
        words: What the filter looks in, beside the cells.
    """

    id: str
    cells: tuple[str | Styled, ...]
    words: str = ""

    def matches(self, wanted: Sequence[str]) -> bool:
        """Whether every one of these words, in lower case, is somewhere in the row."""
        texts = (cell if isinstance(cell, str) else cell.text for cell in self.cells)
        text = " ".join((*texts, self.words)).lower()
        return all(word in text for word in wanted)


class _Options(OptionList):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]


class Rows(Vertical):
    """The list with its titles, its filter, and what stands there when it is empty."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "end_filter", "Show all")]

    class Chosen(Message):
        """Enter, or a click, on a row."""

        def __init__(self, row_id: str) -> None:
            super().__init__()
            self.row_id = row_id

    class Highlighted(Message):
        """The cursor is on another row."""

        def __init__(self, row_id: str) -> None:
            super().__init__()
            self.row_id = row_id

    def __init__(self, columns: Sequence[Column], *, empty: Sequence[Line], id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._empty = empty
        self._rows: tuple[Row, ...] = ()
        self._drawn: tuple[Option, ...] = ()

    def compose(self) -> ComposeResult:
        """Filter, titles, list, and the text in its place."""
        yield Input(placeholder="Filter", classes="filter")
        yield Text(classes="titles")
        yield _Options(markup=False)
        yield Text(*self._empty, classes="empty")

    def on_mount(self) -> None:
        """Hide the filter until it is asked for."""
        self.query_one(Input).display = False

    def show(self, rows: Iterable[Row]) -> None:
        """Show these rows; the cursor stays on the thing it was on, where it is still there."""
        self._rows = tuple(rows)
        self._draw()

    @property
    def current(self) -> str | None:
        """The id of the row the cursor is on."""
        option = self.query_one(_Options).highlighted_option
        return None if option is None else option.id

    def filter(self) -> None:
        """Let the person type what to look for."""
        field = self.query_one(Input)
        field.display = True
        field.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There has to be a filter to be ended; else the key is the screen's."""
        if action == "end_filter":
            return self.is_mounted and self.query_one(Input).display
        return super().check_action(action, parameters)

    def action_end_filter(self) -> None:
        """Show all again."""
        field = self.query_one(Input)
        field.value, field.display = "", False
        self.query_one(_Options).focus()
        self.refresh_bindings()

    def focus(self, scroll_visible: bool = True) -> "Rows":
        """Put the focus on the list itself, but take it from nobody who types a filter."""
        field = self.query_one(Input)
        if not (field.display and field.has_focus):
            self.query_one(_Options).focus(scroll_visible)
        return self

    def on_resize(self, _event: Resize) -> None:
        """Give the columns the new width."""
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what matches."""
        event.stop()
        self._fill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the list; an empty filter goes away."""
        event.stop()
        # Not the text of the event: there may be more by now.
        event.input.display = bool(event.input.value)
        self.query_one(_Options).focus()
        self.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Say which row was chosen."""
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Chosen(event.option_id))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say where the cursor is."""
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Highlighted(event.option_id))

    def _draw(self) -> None:
        """Every row in the width there is, so that a filter has only to choose among them."""
        widths = self._widths()
        self._drawn = tuple(Option(_line(row.cells, widths), id=row.id) for row in self._rows)
        self._fill()

    def _fill(self) -> None:
        options, current = self.query_one(_Options), self.current
        wanted = self.query_one(Input).value.lower().split()
        shown = [
            (row, option) for row, option in zip(self._rows, self._drawn, strict=True) if row.matches(wanted)
        ]
        widths = self._widths()
        titles = tuple(column.title for column in self._columns[: len(widths)])
        options.clear_options()
        options.add_options(option for _, option in shown)
        places = {row.id: place for place, (row, _) in enumerate(shown)}
        if shown:
            options.highlighted = places.get(current or "", 0)
        self.query_one(".titles", Text).show((_line(titles, widths).plain,))
        self.query_one(".titles").display = options.display = bool(self._rows)
        empty = self.query_one(".empty", Text)
        empty.display = not shown
        empty.show(*(self._empty if not self._rows else [("Nothing matches.",)]))

    def _widths(self) -> tuple[int, ...]:
        """Of the columns that have room: the last ones give way first."""
        columns = list(self._columns)
        while len(columns) > 1 and self._room(columns) < -_GAP:  # nothing is behind the last one
            columns.pop()
        left = max(0, self._room(columns))
        shares = sum(column.share for column in columns) or 1
        return tuple(column.width + left * column.share // shares for column in columns)

    def _room(self, columns: Sequence[Column]) -> int:
        """The cells that these columns leave over."""
        return self.size.width - _FRAME - sum(column.width + _GAP for column in columns)


def _line(cells: Sequence[str | Styled], widths: Sequence[int]) -> Content:
    return Content(" " * _GAP).join(_cell(cell, width) for cell, width in zip(cells, widths, strict=False))


def _cell(cell: str | Styled, width: int) -> Content:
    text = content(cell)
    if text.cell_length <= width:
        return text.pad_right(width - text.cell_length)
    return text if width <= 0 else _cut(text, width)


def _cut(text: Content, width: int) -> Content:
    cut = Content(fitted(text.plain, width))
    return cut.stylize(text.spans[0].style) if text.spans else cut
