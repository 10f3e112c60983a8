"""Entries and tiles as rows. A tile is stored as wide as it ever was; narrower ones are its beginning."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from ledger.tables import TILE
from protocol.codes import Code
from protocol.errors import UnavailableError
from protocol.records import DidRecord, Record
from protocol.tlog.merkle import HASH_BYTES
from protocol.tlog.tiles import HashTile

T = TypeVar("T")

# The largest number of values one statement may name, below the limit of every SQLite in use.
_MAX_NAMED = 500

# SQLite finds no pairs by an index, so each level is asked for each place: a few tiles too many, and no scan.
_TILES = select(TILE).where(
    TILE.c.tree == bindparam("tree"),
    TILE.c.level.in_(bindparam("levels", expanding=True)),
    TILE.c.tile_index.in_(bindparam("places", expanding=True)),
)


def entry_rows(
    records: Sequence[Record], leaf_hashes: Sequence[bytes], first_index: int
) -> list[dict[str, object]]:
    """The rows of `records`, the first of which has the leaf index `first_index`."""
    return [
        {
            "leaf_index": first_index + position,
            "leaf_hash": leaf_hash,
            "scid": record.did.scid if isinstance(record, DidRecord) else None,
            "version_number": record.entry.number if isinstance(record, DidRecord) else None,
            "subject_key": record.subject.key,
            "leaf": record.leaf,
        }
        for position, (record, leaf_hash) in enumerate(zip(records, leaf_hashes, strict=True))
    ]


def read_leaf_rows(connection: Connection, table: Table, begin: int, end: int) -> list[bytes]:
    """The entries in `table` from `begin` to `end`, in order.

    Raises:
        UnavailableError: one is missing.
    """
    position = table.c.leaf_index
    rows = connection.execute(
        select(table.c.leaf).where(position >= begin, position < end).order_by(position)
    )
    leaves = list(rows.scalars())
    if len(leaves) != end - begin or not all(isinstance(leaf, bytes) for leaf in leaves):
        raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "an entry is missing in the database")
    return leaves


def read_tile_rows(connection: Connection, tree: str, tiles: Sequence[HashTile]) -> list[bytes]:
    """The bytes of `tiles` of `tree`.

    Raises:
        UnavailableError: one is missing, or narrower than asked for.
    """
    stored: dict[tuple[int, int], bytes] = {}
    for some in pieces(tiles):
        levels, places = {tile.level for tile in some}, {tile.index for tile in some}
        rows = connection.execute(_TILES, {"tree": tree, "levels": levels, "places": places})
        stored |= {(row.level, row.tile_index): row.hashes for row in rows}
    result = []
    for tile in tiles:
        size = tile.width * HASH_BYTES
        hashes = stored.get((tile.level, tile.index))
        if not isinstance(hashes, bytes) or len(hashes) < size:
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "a tile is missing in the database")
        result.append(hashes[:size])
    return result


def write_tile_rows(connection: Connection, tree: str, tiles: Mapping[HashTile, bytes]) -> None:
    """Store `tiles` of `tree` in the place of narrower ones."""
    for tile, hashes in tiles.items():
        key = (TILE.c.tree == tree) & (TILE.c.level == tile.level) & (TILE.c.tile_index == tile.index)
        if connection.execute(update(TILE).where(key).values(hashes=hashes)).rowcount == 0:
            row = {"tree": tree, "level": tile.level, "tile_index": tile.index, "hashes": hashes}
            connection.execute(insert(TILE).values(**row))


def pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values` in pieces that one statement can name."""
    for begin in range(0, len(values), _MAX_NAMED):
        yield values[begin : begin + _MAX_NAMED]
