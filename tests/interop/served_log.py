"""A ledger of ours that answers over HTTP, for those who read it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doors.server import listen
from ledger.front_end import FrontEnd
from protocol.records import DidRecord
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import HashReader, compute_root
from protocol.tlog.note import encode_note, sign_note
from protocol.tlog.tiles import HashTile
from tests.ledger.world import KEYS, NOW, World, names

OLD_SIZE, SIZE = 100, 300
"""At an older and at the last checkpoint."""

TILES = (HashTile(0, 0), HashTile(0, 1, 44), HashTile(1, 0, 1))
"""What the last one needs."""

EDGES = (0, 1, 2, 127, 128, 254, 255, 256, 257, 298, 299)
"""Entries on both sides of where the tree and its tiles are divided."""


@dataclass(frozen=True)
class ServedLog:
    """What a ledger at `url` has published, and its hashes."""

    world: World
    url: str
    entries: Sequence[str]
    old_checkpoint: str
    checkpoint: str
    read_hashes: HashReader

    def root(self, size: int) -> bytes:
        """The root hash of the first `size` entries."""
        return compute_root(size, self.read_hashes)

    @contextmanager
    def flipped(self, tile: HashTile, byte: int) -> Iterator[None]:
        """With one bit of `tile` flipped in the database, behind the back of the ledger that serves it."""
        [honest] = self.world.store().read_tiles([tile])
        flipped = bytearray(honest)
        flipped[byte] ^= 1
        statement = "UPDATE tile SET hashes = ? WHERE level = ? AND tile_index = ?"
        self.world.alter(statement, bytes(flipped), tile.level, tile.index)
        try:
            yield
        finally:
            self.world.alter(statement, honest, tile.level, tile.index)


@contextmanager
def serve_log(folder: Path) -> Iterator[ServedLog]:
    """Log `SIZE` entries in two steps, and serve them."""
    world = World(folder)
    world.create()
    records = names(SIZE)
    with listen("127.0.0.1", 0) as listener, world.serving(listener) as front_end:
        old_checkpoint, checkpoint = (
            publish(front_end, some) for some in (records[:OLD_SIZE], records[OLD_SIZE:])
        )
        entries = [record.leaf.decode() for record in records]
        read_hashes = world.store().hash_reader(SIZE)
        yield ServedLog(world, listener.url, entries, old_checkpoint, checkpoint, read_hashes)
    world.close()


def sign(text: str) -> str:
    """A note of the log with `text`, signed and cosigned, true or not."""
    by_log = sign_note(text, name=KEYS.origin, key=KEYS.log)
    return encode_note(
        text, [by_log, sign_cosignature(text, name=KEYS.cosigner_name, key=KEYS.cosigner, now=NOW)]
    )


def publish(front_end: FrontEnd, records: Sequence[DidRecord]) -> str:
    """Log `records`, and give the checkpoint that covers them."""
    for logged in [front_end.submit(record) for record in records]:
        logged.result(20)
    return front_end.published.log.note
