"""The explorer in a terminal: which place is up, and reading one thing at a time, in a thread."""

import asyncio
from collections.abc import Callable
from pathlib import PurePath
from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from doors.screen import STYLE
from doors.screen.dialog import Field, Notice
from doors.screen.quiet_app import QuietApp
from doors.screen.text import Line, Signs
from doors.terminal import bold
from ledger.browse.entry import ShownEntry
from ledger.browse.head import ShownHead
from ledger.browse.question import parse_question
from ledger.browse.reader import Finding, LedgerReader, ProvenDid, ProvenTrees
from ledger.browse.tui.lines import refusal_lines
from ledger.browse.tui.screens import (
    AccreditationsScreen,
    BrowseScreen,
    DidScreen,
    EntriesScreen,
    EntryScreen,
    HeadScreen,
)
from protocol.errors import TallyError

R = TypeVar("R")

_SEARCH = ("A DID, a name, a type, the index of an entry, or a leaf hash.",)
_HELP: tuple[Line, ...] = (
    ("The ledger is read from outside, as anybody can. What is shown was verified.",),
    (),
    (bold("1"), "          overview: how far the log reaches, who cosigned"),
    (bold("2"), "          entries, the newest first"),
    (bold("3"), "          accreditations: who may issue what, and by whose word"),
    (bold("/"), "          search: a DID, a name, a type, an index, a leaf hash"),
    (bold("enter"), "      open what the cursor is on"),
    (bold("d"), "          from an entry to the history of its DID"),
    (bold("a"), "          from an entry or a DID to the accreditations it has and gave"),
    (bold("n p"), "        from an entry to the next or the previous one"),
    (bold("↑ ↓ j k"), "    up and down;  ", bold("g G"), "  first and last"),
    (bold("tab"), "        between the keys of a DID and its versions"),
    (bold("r"), "          read the state of the log again"),
    (bold("q escape"), "   back;  q on the first place leaves, and so does  ", bold("ctrl+q")),
)


class BrowseApp(QuietApp):
    """Shows what `reader` reads.

    Attributes:
        own_word: Whether the policy is nobody's but the ledger's.
        head: The state that was verified last; None before that.
        entries: Those that were read of it, the newest first and without a gap.
        is_reading: Whether something is being read.
    """

    TITLE = "Tallystick"
    CSS_PATH: ClassVar[list[str | PurePath]] = [STYLE, "browse.tcss"]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "view('head')", show=False),
        Binding("2", "view('entries')", show=False),
        Binding("3", "accreditations", show=False),
        Binding("ctrl+q", "quit", show=False, priority=True),
    ]

    def __init__(self, reader: LedgerReader, *, own_word: bool, ascii: bool = False) -> None:
        super().__init__()
        Signs.ascii = ascii
        self.set_class(ascii, "ascii")
        self._reader = reader
        self.own_word = own_word
        self.head: ShownHead | None = None
        self.entries: tuple[ShownEntry, ...] = ()
        self.is_reading = False

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._reader.origin

    def on_mount(self) -> None:
        """Begin with the state of the log."""
        self.push_screen(HeadScreen())
        self.action_refresh()

    def action_refresh(self) -> None:
        """Read the state of the log again, and the newest of its entries."""
        self._start(self._reader.head, self._take_head)

    def read_more(self) -> None:
        """Read the entries before those that were read."""
        if self.head is not None:
            end = self.entries[-1].leaf_index if self.entries else self.head.tree_size
            if end:
                self._start(lambda: self._reader.entries(end), self._take_entries)

    def open_entry(self, leaf_index: int, *, instead: bool = False) -> None:
        """Show an entry, `instead` of the one in front where that is asked for."""
        self._start(
            lambda: self._reader.entry(leaf_index), lambda entry: self._open(EntryScreen(entry), instead)
        )

    def open_did(self, did: str) -> None:
        """Show a DID."""
        self._start(lambda: self._reader.did(did), lambda proven: self._open(DidScreen(proven)))

    def open_accreditations(self, did: str | None = None) -> None:
        """Show the accreditations that `did` has and gave, or all of them."""
        self._start(lambda: self._reader.accreditations(did), self._open_trees)

    def open_type(self, vct: str) -> None:
        """Show what was said of a type, and who is accredited for it."""
        self._start(lambda: self._reader.type(vct), self._open_trees)

    def action_accreditations(self) -> None:
        """Show all accreditations."""
        if not isinstance(self.screen, ModalScreen):
            self.open_accreditations()

    def action_search(self) -> None:
        """Ask what to look for, and show what is found."""
        if not isinstance(self.screen, ModalScreen):
            self.push_screen(Field("Search", _SEARCH), self._search)

    def action_help(self) -> None:
        """Say what the keys do."""
        if not isinstance(self.screen, ModalScreen):
            self.push_screen(Notice("Help", *_HELP))

    def action_view(self, name: str) -> None:
        """Go to one of the main places."""
        if isinstance(self.screen, ModalScreen):
            return
        while len(self.screen_stack) > 2:
            self.pop_screen()
        self.switch_screen(HeadScreen() if name == "head" else EntriesScreen())
        if name == "entries" and not self.entries:
            # Where something else is being read, this waits for its end.
            self.read_more()

    def action_go_back(self) -> None:
        """Go back to the place before; a slip of the finger does not lead out."""
        if len(self.screen_stack) > 2:
            self.pop_screen()

    def action_close(self) -> None:
        """Go back to the place before, from the first one out."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        else:
            self.exit()

    def _search(self, asked: str | None) -> None:
        if asked is None:
            return

        def show(found: Finding) -> None:
            match found:
                case ShownEntry():
                    self._open(EntryScreen(found))
                case ProvenDid():
                    self._open(DidScreen(found))
                case ProvenTrees():
                    self._open_trees(found)

        self._start(lambda: self._reader.find(parse_question(asked)), show)

    def _open_trees(self, proven: ProvenTrees) -> None:
        self._open(AccreditationsScreen(proven))

    def _open(self, screen: BrowseScreen, instead: bool = False) -> None:
        if instead and isinstance(self.screen, EntryScreen):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def _take_head(self, head: ShownHead) -> None:
        is_new = self.head is None or self.head.tree_size != head.tree_size
        self.head = head
        if is_new:
            self.entries = ()
        if isinstance(self.screen, HeadScreen):
            self.screen.show_head(head)

    def _fill(self) -> None:
        """Read the first entries, where they are wanted and nobody has read them."""
        if isinstance(self.screen, EntriesScreen) and not self.entries:
            self.read_more()

    def _take_entries(self, entries: tuple[ShownEntry, ...]) -> None:
        self.entries += entries
        if isinstance(self.screen, EntriesScreen):
            self.screen.show_entries(self.entries)

    def _start(self, read: Callable[[], R], take: Callable[[R], None]) -> None:
        """Read something in a thread, then take it; nothing while something else is being read."""
        if not self.is_reading:
            self._tell_reading(True)
            self.run_worker(self._read(read, take))

    async def _read(self, read: Callable[[], R], take: Callable[[R], None]) -> None:
        try:
            result = await asyncio.to_thread(read)
        except TallyError as error:
            self._tell_reading(False)
            self.push_screen(Notice("That cannot be shown", *refusal_lines(error)))
        else:
            self._tell_reading(False)
            take(result)
            self._fill()

    def _tell_reading(self, is_reading: bool) -> None:
        self.is_reading = is_reading
        for screen in self.screen_stack:
            if isinstance(screen, BrowseScreen) and screen.is_mounted:
                screen.show_status()
