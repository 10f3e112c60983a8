"""The tree of a log built anew from its entries, and compared tile by tile with what somebody keeps of it."""

from collections.abc import Sequence

from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.tlog.merkle import HASH_BYTES, RightEdge, hash_leaf
from protocol.tlog.tiles import TILE_WIDTH, HashTile, TileReader, extend_tiles


class RebuiltTree:
    """Grows by entries in their order; `read_tiles` gives the tiles that are to be right.

    Attributes:
        tiles: How many tiles were compared.
    """

    def __init__(self, read_tiles: TileReader) -> None:
        self._read_tiles = read_tiles
        self._edge = RightEdge()
        self._partial: dict[tuple[int, int], bytes] = {}
        self.tiles = 0

    @property
    def tree_size(self) -> int:
        """How many entries there are."""
        return self._edge.tree_size

    def append(self, leaves: Sequence[bytes]) -> None:
        """Add entries, and compare each tile that they fill.

        Raises:
            VerificationError: a tile is another (LOG_TILE_INVALID, with its path).
        """
        leaf_hashes = [hash_leaf(leaf) for leaf in leaves]
        for tile, hashes in extend_tiles(self.tree_size, leaf_hashes, self._read_partial).items():
            if tile.width == TILE_WIDTH:
                self._partial.pop((tile.level, tile.index), None)
                self._compare(tile, hashes)
            else:
                self._partial[tile.level, tile.index] = hashes
        self._edge = self._edge.append(leaf_hashes)

    def finish(self, root_hash: bytes) -> None:
        """Compare the tiles that are not full, and the root.

        Raises:
            VerificationError: a tile or the root is another.
        """
        for (level, index), hashes in self._partial.items():
            self._compare(HashTile(level, index, len(hashes) // HASH_BYTES), hashes)
        if self._edge.root_hash() != root_hash:
            raise VerificationError(Code.LOG_TILE_INVALID, "the entries lead to another root")

    def _read_partial(self, tiles: Sequence[HashTile]) -> list[bytes]:
        return [self._partial[tile.level, tile.index] for tile in tiles]

    def _compare(self, tile: HashTile, hashes: bytes) -> None:
        if list(self._read_tiles([tile])) != [hashes]:
            raise VerificationError(Code.LOG_TILE_INVALID, tile.path)
        self.tiles += 1
