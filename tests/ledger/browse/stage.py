"""The explorer in a terminal, before a ledger over real HTTP."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from unittest import mock

from textual.pilot import Pilot

from doors.screen.text import Signs
from doors.server import listen
from ledger.browse.reader import LedgerReader
from ledger.browse.tui.app import BrowseApp
from ledger.client import LedgerClient
from ledger.fetch import chosen_fetcher
from ledger.memory import CheckpointMemory
from protocol.records import Record
from tests.ledger.world import World
from tests.screen_stage import NARROW, ScreenStage, quick_screens


@contextmanager
def served(folder: Path, records_at: Callable[[int], Sequence[Record]]) -> Iterator[World]:
    """A ledger with the records that are right for its port."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.socket.getsockname()[1]
        world = World(folder, port=port)
        world.create()
        with world.serving(listener) as sequencer:
            for answer in [sequencer.submit(each) for each in records_at(port)]:
                answer.result()
            yield world
        world.close()


@contextmanager
def reading(world: World, memory: Path) -> Iterator[LedgerReader]:
    """Somebody who reads the ledger, and remembers what was seen in the folder `memory`."""
    with chosen_fetcher(world.ledger.url) as fetcher:
        client = LedgerClient(world.ledger, fetcher=fetcher, memory=CheckpointMemory(memory))
        yield LedgerReader(client, fetcher=fetcher, clock=world.clock)


class Stage(ScreenStage):
    """A person in front of the explorer."""

    def __init__(self, app: BrowseApp, pilot: Pilot[None]) -> None:
        super().__init__(app, pilot)
        self.app = app


@asynccontextmanager
async def on_stage(
    reader: LedgerReader, *, size: tuple[int, int] = NARROW, ascii: bool = False
) -> AsyncIterator[Stage]:
    """The program in a terminal of this size."""
    # What the program sets for its whole process ends with it.
    with quick_screens(), mock.patch.object(Signs, "ascii", ascii):
        app = BrowseApp(reader, own_word=True, ascii=ascii)
        app.animation_level = "none"
        async with app.run_test(size=size) as pilot:
            yield Stage(app, pilot)
