"""What happened: who saw what, by name, and when. No value is in it."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from doors.screen.dialog import Notice
from doors.screen.rows import Column, Row, Rows
from doors.terminal import Styled, bad, bold, dim, good, warning
from protocol.codes import Code
from wallet.activity import select_activity
from wallet.content import ActivityEntry, ActivityKind
from wallet.door.activity_lines import activity_lines, claim_names, deed, label_of, who
from wallet.tui.actions import bindings
from wallet.tui.flows.activity import export, forget
from wallet.tui.screens.frame import WalletScreen


class ActivityScreen(WalletScreen):
    """A row for each line of the history, the latest first."""

    NAME: ClassVar[str] = "Activity"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Everything you received, shared, declined or that was refused. It names claims and holds no values, "
        "so it tells nobody more than that you dealt with each other.",
        "Enter shows a line in full. e writes a signed file for somebody who wants it in writing; D erases "
        "the history, and then nothing reminds you of who knows what about you.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("activity.export", "activity.forget", "filter")]

    def compose_body(self) -> ComposeResult:
        """The list."""
        yield Rows(
            [Column("When", 16), Column("", 3), Column("What", 28, 1), Column("With", 24, 1)],
            empty=[
                (bold("Nothing yet."),),
                (),
                ("What you receive, share or decline will be listed here, without the values.",),
            ],
        )

    def show_wallet(self) -> None:
        """Show the history as it is now."""
        self.query_one(Rows).show(self._rows())
        self.query_one(Rows).focus()

    def action_filter(self) -> None:
        """Let the person type what to look for."""
        self.query_one(Rows).filter()

    def action_export(self) -> None:
        """Write a signed file."""
        self.wallet_app.start(export(self.wallet_app))

    def action_forget(self) -> None:
        """Erase it."""
        self.wallet_app.start(forget(self.wallet_app))

    @on(Rows.Chosen)
    def look(self, chosen: Rows.Chosen) -> None:
        """Show a line in full."""
        entry, name = select_activity(self.wallet_app.session.content)[int(chosen.row_id)]
        self.app.push_screen(Notice("What happened", *activity_lines(entry, name)))

    def _rows(self) -> Iterator[Row]:
        entries = select_activity(self.wallet_app.session.content)
        for place, (entry, name) in reversed(list(enumerate(entries))):
            label = label_of(entry)
            what = f"{label} {deed(entry)}" if label else deed(entry)
            cells = (dim(f"{entry.time:%Y-%m-%d %H:%M}"), _mark(entry), what, who(entry, name))
            yield Row(str(place), cells, claim_names(entry))


def _mark(entry: ActivityEntry) -> Styled:
    if entry.outcome is Code.PRESENTATION_UNCONFIRMED:
        return warning("?")
    if entry.outcome is not None:
        return bad("✗")
    return good("✓") if entry.kind in (ActivityKind.RECEIVED, ActivityKind.PRESENTED) else dim("·")
