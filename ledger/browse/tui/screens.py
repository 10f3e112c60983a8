"""The places of the explorer: the head of the log, its entries, one of them, one DID, accreditations."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen

from doors.screen.framed import Framed
from doors.screen.rows import Column, Rows
from doors.screen.text import Line, Text
from doors.terminal import bold, dim
from ledger.browse.entry import ShownEntry, party_label
from ledger.browse.head import ShownHead
from ledger.browse.reader import ProvenDid, ProvenTrees
from ledger.browse.tui.lines import (
    did_lines,
    entry_lines,
    entry_row,
    head_lines,
    tree_rows,
    trees_lines,
    version_row,
)

if TYPE_CHECKING:
    from ledger.browse.tui.app import BrowseApp


class BrowseScreen(Framed, Screen[None]):
    """A place, with a line on top that says which, and the keys at the bottom.

    Attributes:
        NAME: What the place is called.
    """

    NAME: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "app.help", "Help", id="help", key_display="?"),
        Binding("slash", "app.search", "Search", key_display="/"),
        Binding("escape", "app.go_back", "Back", show=False),
        Binding("q", "app.close", "Back"),
    ]

    @property
    def browse_app(self) -> "BrowseApp":
        """The program."""
        return cast("BrowseApp", self.app)

    def on_screen_resume(self) -> None:
        """Say where this is."""
        self.show_status()

    def show_status(self) -> None:
        """Say on top where the person is, and whether something is being read."""
        busy = " · reading …" if self.browse_app.is_reading else ""
        place = bold(f" Tallystick · {self.browse_app.origin} · {self.place}")
        self.query_one(".status", Text).show((place, dim(busy)))

    @property
    def place(self) -> str:
        """What this place is called."""
        return self.NAME


class LinesScreen(BrowseScreen):
    """Lines to scroll through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_lines(1)", show=False),
        Binding("k", "scroll_lines(-1)", show=False),
    ]

    def compose_body(self) -> ComposeResult:
        """The lines."""
        with VerticalScroll(classes="lines"):
            yield Text(*self.lines(), classes="all")
            yield from self.compose_more()

    def compose_more(self) -> ComposeResult:
        """What stands below the lines."""
        yield from ()

    def lines(self) -> Iterable[Line]:
        """What there is to read."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Let the arrows scroll at once."""
        self.query_one(".lines").focus()

    def action_scroll_lines(self, by: int) -> None:
        """Move the lines, `by` so many down."""
        self.query_one(".lines").scroll_relative(y=by, animate=False)


class HeadScreen(LinesScreen):
    """How far the log reaches, and who stands behind it."""

    NAME = "Overview"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("2,enter", "app.view('entries')", "Entries", key_display="2"),
        Binding("3", "app.accreditations", "Accreditations"),
        Binding("r", "app.refresh", "Read again"),
    ]

    def lines(self) -> Iterable[Line]:
        """Nothing, before anything was verified."""
        return self._lines_of(self.browse_app.head)

    def show_head(self, head: ShownHead | None) -> None:
        """Show this state, or that there is none to show."""
        self.query_one(".all", Text).show(*self._lines_of(head))

    def _lines_of(self, head: ShownHead | None) -> list[Line]:
        if head is None:
            return [("Nothing has been verified yet, so there is nothing to show.",)]
        return list(head_lines(head, own_word=self.browse_app.own_word))


class EntriesScreen(BrowseScreen):
    """The entries, the newest first; more are read when the cursor comes to the last one."""

    NAME = "Entries"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "app.view('head')", "Overview"),
        Binding("3", "app.accreditations", "Accreditations"),
        Binding("r", "app.refresh", "Read again"),
    ]

    def compose_body(self) -> ComposeResult:
        """The list."""
        columns = [Column("Index", 8), Column("About", 18, 2), Column("What", 21, 1), Column("Stated", 20)]
        yield Rows(columns, empty=[("Nothing is logged yet, or nothing was read.",)])

    def on_mount(self) -> None:
        """Show what was read before."""
        self.show_entries(self.browse_app.entries)
        self.query_one(Rows).focus()

    def show_entries(self, entries: Sequence[ShownEntry]) -> None:
        """Show these."""
        self.query_one(Rows).show(map(entry_row, entries))

    @on(Rows.Highlighted)
    def read_more(self, highlighted: Rows.Highlighted) -> None:
        """Read more, where this is the last one that was read."""
        entries = self.browse_app.entries
        if entries and highlighted.row_id == str(entries[-1].leaf_index):
            self.browse_app.read_more()

    @on(Rows.Chosen)
    def look(self, chosen: Rows.Chosen) -> None:
        """Show the entry."""
        self.browse_app.open_entry(int(chosen.row_id))


class EntryScreen(LinesScreen):
    """One entry."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "did", "Its DID"),
        Binding("a", "accreditations", "Accreditations"),
        Binding("n", "go(1)", "Next"),
        Binding("p", "go(-1)", "Previous"),
    ]

    def __init__(self, entry: ShownEntry) -> None:
        super().__init__()
        self._entry = entry

    @property
    def place(self) -> str:
        """Which entry it is."""
        return f"Entry {self._entry.leaf_index}"

    def lines(self) -> Iterable[Line]:
        """What is known of it."""
        return entry_lines(self._entry)

    def compose_more(self) -> ComposeResult:
        """All that it says; where a line of it goes on below, it does not look like one of ours."""
        yield Text((), *((line,) for line in self._entry.text.split("\n")), sign="| ")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There has to be a DID to be shown, or something that somebody is accredited for."""
        kind = None if self._entry.subject is None else self._entry.subject.kind
        if action == "did":
            return kind in ("did", "accreditation")
        return action != "accreditations" or kind in ("did", "accreditation", "type")

    def action_did(self) -> None:
        """Show the DID that it is about."""
        if self._entry.subject is not None:
            self.browse_app.open_did(self._entry.subject.name)

    def action_accreditations(self) -> None:
        """Show the accreditations of the DID that it is about, or those for the type."""
        subject = self._entry.subject
        if subject is not None and subject.kind == "type":
            self.browse_app.open_type(subject.name)
        elif subject is not None:
            self.browse_app.open_accreditations(subject.name)

    def action_go(self, by: int) -> None:
        """Show the entry `by` so many further on."""
        self.browse_app.open_entry(self._entry.leaf_index + by, instead=True)


class DidScreen(BrowseScreen):
    """One DID: its state and keys, and its versions."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "accreditations", "Accreditations")]

    def __init__(self, proven: ProvenDid) -> None:
        super().__init__()
        self._proven = proven

    @property
    def place(self) -> str:
        """Which DID it is, by its name."""
        return self._proven.shown.label

    def compose_body(self) -> ComposeResult:
        """What is true of it now, then the list."""
        with VerticalScroll(classes="about"):
            yield Text(*did_lines(self._proven))
        yield Rows([Column("Index", 8), Column("What", 24, 1), Column("Logged", 20)], empty=[])

    def on_mount(self) -> None:
        """Show the versions, the newest first."""
        self.query_one(Rows).show(map(version_row, reversed(self._proven.shown.entries)))
        self.query_one(Rows).focus()

    @on(Rows.Chosen)
    def look(self, chosen: Rows.Chosen) -> None:
        """Show the entry."""
        [entry] = [each for each in self._proven.shown.entries if str(each.leaf_index) == chosen.row_id]
        self.app.push_screen(EntryScreen(entry))

    def action_accreditations(self) -> None:
        """Show what it was given, and what it gave."""
        self.browse_app.open_accreditations(self._proven.shown.did)


class AccreditationsScreen(BrowseScreen):
    """Who was accredited for what, below the roots."""

    def __init__(self, proven: ProvenTrees) -> None:
        super().__init__()
        self._proven = proven

    @property
    def place(self) -> str:
        """What they are about."""
        about = self._proven.about
        if about is None:
            return "Accreditations"
        return f"Accreditations · {party_label(about, about) if about.startswith('did:') else 'of a type'}"

    def compose_body(self) -> ComposeResult:
        """What is proven, then the trees."""
        with VerticalScroll(classes="about"):
            yield Text(*trees_lines(self._proven))
        columns = [Column("Who", 24, 2), Column("May", 18, 1), Column("When", 28), Column("Types", 20, 3)]
        yield Rows(columns, empty=[("There is no such accreditation.",)])

    def on_mount(self) -> None:
        """Show the trees."""
        self.query_one(Rows).show(tree_rows(self._proven))
        self.query_one(Rows).focus()

    @on(Rows.Chosen)
    def look(self, chosen: Rows.Chosen) -> None:
        """Show the entry, or the root."""
        if chosen.row_id.isdecimal():
            self.browse_app.open_entry(int(chosen.row_id))
        else:
            self.browse_app.open_did(chosen.row_id)
