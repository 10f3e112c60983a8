"""A tile of a stored tree as an HTTP door serves it."""

from fastapi import Response

from ledger.stored_tree import StoredTree
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, HashTile, encode_entry_bundle, parse_tile_path

# What is public may be read by any page, and what never changes be kept by any cache. What grows must not: to
# a reader who has seen more, an older state out of a cache is a step back of the log.
PUBLIC = {"Access-Control-Allow-Origin": "*"}
_IMMUTABLE = PUBLIC | {"Cache-Control": "public, max-age=31536000, immutable"}


def tile_answer(tree: StoredTree, path: str, *, tree_size: int) -> Response:
    """The hashes or entries at `path` (`tile/…`) of the first `tree_size` leaves of `tree`.

    Raises:
        MalformedError: not the path of a tile.
        RefusedError: NOT_FOUND, so many leaves have no such tile.
        UnavailableError: it is missing in the database.
    """
    tile = parse_tile_path(path)
    level = tile.level if isinstance(tile, HashTile) else 0
    if tile.index * TILE_WIDTH + tile.width > tree_size >> (level * TILE_HEIGHT):
        raise RefusedError(Code.NOT_FOUND, "the log has no such tile")
    if isinstance(tile, HashTile):
        [data] = tree.read_tiles([tile])
    else:
        data = encode_entry_bundle(tree.read_bundle(tile))
    return Response(data, media_type="application/octet-stream", headers=_IMMUTABLE)
