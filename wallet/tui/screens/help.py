"""The help: what the screen behind it is for, and every key that works there; type to search, Enter to do."""

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from doors.screen.ending import Ending
from doors.screen.key_line import KeyLine
from doors.screen.rows import Column, Row, Rows
from doors.screen.text import Text, content
from doors.terminal import dim
from wallet.tui.actions import active_actions
from wallet.tui.screens.frame import AnsweringScreen


class HelpScreen(ModalScreen[None], Ending[None]):
    """Explains the screen it was called from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "close", "Close the help"),
        Binding("slash", "filter", "Search"),
    ]

    def __init__(self, screen: AnsweringScreen[Any]) -> None:
        super().__init__()
        self._screen = screen

    def compose(self) -> ComposeResult:
        """Prose, then the keys."""
        with Vertical(classes="box tall") as box:
            box.border_title = content(f"Help: {self._screen.NAME}")
            yield Text(*[(line,) for line in self._screen.HELP_LINES])
            yield Rows(
                [Column("Key", 8), Column("What it does", 37, 1), Column("As a command", 23)], empty=[]
            )
            yield Text(
                (dim("Enter does what the cursor is on. Everything here is also a command: tally --help"),)
            )
        yield KeyLine()

    def on_mount(self) -> None:
        """List what works in the screen behind."""
        self.query_one(Rows).show(
            Row(active.call, (active.keys, active.action.meaning, dim(active.action.command)))
            # What is only here first, then what works everywhere.
            for active in sorted(active_actions(self._screen), key=lambda each: each.call.startswith("app."))
        )
        self.query_one(Rows).focus()

    @on(Rows.Chosen)
    async def run(self, chosen: Rows.Chosen) -> None:
        """Close, and do it."""
        self.dismiss(None)
        await self._screen.run_action(chosen.row_id)

    def action_filter(self) -> None:
        """Search."""
        self.query_one(Rows).filter()

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)
