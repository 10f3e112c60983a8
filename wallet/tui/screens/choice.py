"""One of several things."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from doors.screen.dialog import Dialog
from doors.screen.text import content


class Choice(Dialog[str | None]):
    """Asks for one of `rows`, each an id and its words; None when the person would rather not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "give_up", show=False)]

    def __init__(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        super().__init__(title)
        self._rows = rows

    def compose_answers(self) -> ComposeResult:
        """The list."""
        yield OptionList(*(Option(content(words), id=row_id) for row_id, words in self._rows), markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give back what was chosen."""
        self.dismiss(event.option_id)

    def action_give_up(self) -> None:
        """Give nothing back."""
        self.dismiss(None)
