"""The tree and its entries cut into static files (C2SP tlog-tiles).

    tile/<L>/<N>[.p/<W>]        256 (or W) hashes of level 8·L, 32 bytes each
    tile/entries/<N>[.p/<W>]    256 (or W) entries, each after its length in two bytes

<N> is written in groups of three digits, all but the last after an x: 1234067 is x001/x234/067. A full file
never changes again; one at the right edge is served as `.p/<W>` until it is full.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.tlog.lines import MAX_DECIMAL
from protocol.tlog.merkle import HASH_BYTES, HashReader, Node, hash_children

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 0xFFFF

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class HashTile:
    """The name of a tile of hashes: `width` hashes of tree level 8·`level`, from hash 256·`index` on."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where the tile is served, below the log's prefix."""
        return f"tile/{self.level}/{_encode_index(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class EntryBundle:
    """The name of a bundle of entries: `width` entries from entry 256·`index` on."""

    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where the bundle is served, below the log's prefix."""
        return f"tile/entries/{_encode_index(self.index, self.width)}"


TileReader: TypeAlias = Callable[[Sequence[HashTile]], Sequence[bytes]]
"""Gives the bytes of the tiles asked for, in their order."""


def parse_tile_path(path: str) -> HashTile | EntryBundle:
    """Read the path of a tile or an entry bundle.

    Raises:
        MalformedError: not in its one spelling, a level above 63, or a width outside 1 to 255.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedError(Code.LOG_TILE_INVALID, "path")
    groups = match["index"].replace("x", "").split("/")
    index = int("".join(groups[:7]))  # 21 digits: enough for every number allowed, few enough to convert
    width = int(match["width"] or TILE_WIDTH)
    # A leading group of zeros would be a second spelling of the same number.
    if len(groups) > 7 or index > MAX_DECIMAL or (len(groups) > 1 and groups[0] == "000"):
        raise MalformedError(Code.LOG_TILE_INVALID, "index in path")
    if match["width"] and width >= TILE_WIDTH:
        raise MalformedError(Code.LOG_TILE_INVALID, "width in path")
    if match["level"] == "entries":
        return EntryBundle(index, width)
    level = int(match["level"])
    if level > MAX_LEVEL:
        raise MalformedError(Code.LOG_TILE_INVALID, "level in path")
    return HashTile(level, index, width)


def parse_hash_tile(data: bytes, tile: HashTile) -> tuple[bytes, ...]:
    """Read the hashes of `tile`. Not checked: that they belong to any tree.

    Raises:
        MalformedError: not exactly `tile.width` hashes.
    """
    if len(data) != tile.width * HASH_BYTES:
        raise MalformedError(Code.LOG_TILE_INVALID, "number of hashes in a tile")
    return tuple(data[offset : offset + HASH_BYTES] for offset in range(0, len(data), HASH_BYTES))


def parse_entry_bundle(data: bytes, bundle: EntryBundle) -> tuple[bytes, ...]:
    """Read the entries of `bundle`. Not checked: that they belong to any tree.

    Raises:
        MalformedError: not exactly `bundle.width` entries, or bytes beside them.
    """
    entries: list[bytes] = []
    offset = 0
    for _ in range(bundle.width):
        begin = offset + 2
        offset = begin + int.from_bytes(data[offset:begin])
        if begin > len(data) or offset > len(data):
            raise MalformedError(Code.LOG_TILE_INVALID, "an entry bundle ends too early")
        entries.append(data[begin:offset])
    if offset != len(data):
        raise MalformedError(Code.LOG_TILE_INVALID, "bytes after the last entry of a bundle")
    return tuple(entries)


def encode_entry_bundle(entries: Iterable[bytes]) -> bytes:
    """Write `entries` as a bundle.

    Raises:
        ValueError: an entry is longer than 65,535 bytes.
    """
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise ValueError("an entry has at most 65,535 bytes")
        parts += [len(entry).to_bytes(2), entry]
    return b"".join(parts)


def select_entry_bundles(begin: int, end: int) -> list[EntryBundle]:
    """The bundles that hold the entries from `begin` to `end` in a tree of `end` leaves."""
    return [EntryBundle(index, width) for index, width in _cut(begin, end)]


def select_tile_of_node(node: Node, tree_size: int) -> HashTile:
    """The tile in which the hash of `node` is found, as wide as it is in a tree of `tree_size` leaves."""
    level, height = divmod(node.level, TILE_HEIGHT)
    index = (node.index << height) // TILE_WIDTH
    width = min(TILE_WIDTH, (tree_size >> (level * TILE_HEIGHT)) - index * TILE_WIDTH)
    return HashTile(level, index, width)


def read_hashes_from_tiles(tree_size: int, read_tiles: TileReader) -> HashReader:
    """A reader for the nodes of a tree of `tree_size` leaves that asks for each tile once per call.

    Raises (the reader): MalformedError when a tile does not have the width its name says.
    """

    def read_hashes(nodes: Sequence[Node]) -> list[bytes]:
        tile_of_node = [select_tile_of_node(node, tree_size) for node in nodes]
        tiles = list(dict.fromkeys(tile_of_node))
        hashes = {
            tile: parse_hash_tile(data, tile) for tile, data in zip(tiles, read_tiles(tiles), strict=True)
        }
        return [_hash_in_tile(hashes[tile], node) for tile, node in zip(tile_of_node, nodes, strict=True)]

    return read_hashes


def read_tiles_once(read_tiles: TileReader) -> TileReader:
    """A reader that asks `read_tiles` for each tile only once."""
    known: dict[HashTile, bytes] = {}

    def read_known(tiles: Sequence[HashTile]) -> list[bytes]:
        if unknown := [tile for tile in tiles if tile not in known]:
            known.update(zip(unknown, read_tiles(unknown), strict=True))
        return [known[tile] for tile in tiles]

    return read_known


def extend_tiles(
    tree_size: int, leaf_hashes: Sequence[bytes], read_tiles: TileReader
) -> dict[HashTile, bytes]:
    """The tiles that change when `leaf_hashes` are appended to a tree of `tree_size` leaves, as bytes.

    Reads only the partial tiles at the right edge. Each tile that becomes full adds one hash a level higher.
    """
    changed: dict[HashTile, bytes] = {}
    level, begin, added = 0, tree_size, list(leaf_hashes)
    while added:
        end = begin + len(added)
        partial = begin % TILE_WIDTH
        before = read_tiles([HashTile(level, begin // TILE_WIDTH, partial)])[0] if partial else b""
        data = before + b"".join(added)
        added = []
        for position, (index, width) in enumerate(_cut(begin, end)):
            offset = position * TILE_WIDTH * HASH_BYTES
            tile = HashTile(level, index, width)
            changed[tile] = data[offset : offset + width * HASH_BYTES]
            if width == TILE_WIDTH:
                added.append(_hash_of_row(parse_hash_tile(changed[tile], tile)))
        level, begin = level + 1, begin >> TILE_HEIGHT
    return changed


def _cut(begin: int, end: int) -> list[tuple[int, int]]:
    """Index and width of the files that hold what lies between `begin` and `end`, where everything ends."""
    first, after_last = begin // TILE_WIDTH, -(-end // TILE_WIDTH)
    return [(index, min(TILE_WIDTH, end - index * TILE_WIDTH)) for index in range(first, after_last)]


def _hash_in_tile(hashes: Sequence[bytes], node: Node) -> bytes:
    height = node.level % TILE_HEIGHT
    begin = (node.index << height) % TILE_WIDTH
    return _hash_of_row(hashes[begin : begin + (1 << height)])


def _hash_of_row(hashes: Sequence[bytes]) -> bytes:
    """The hash over a row of 2^k hashes."""
    while len(hashes) > 1:
        hashes = [hash_children(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def _encode_index(index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups)) + (f".p/{width}" if width < TILE_WIDTH else "")
