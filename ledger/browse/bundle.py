"""A bundle of entries proven to stand in a log, by one inclusion proof for all of them."""

from collections.abc import Sequence

from protocol.tlog.merkle import create_inclusion_proof, hash_leaf, verify_inclusion
from protocol.tlog.policy import VerifiedCheckpoint
from protocol.tlog.tiles import (
    TILE_WIDTH,
    EntryBundle,
    HashTile,
    TileReader,
    read_hashes_from_tiles,
)


def verify_bundle(
    leaves: Sequence[bytes], bundle: EntryBundle, *, checkpoint: VerifiedCheckpoint, read_tiles: TileReader
) -> None:
    """Check that `leaves` are the entries of `bundle`, as wide as it is in the log of `checkpoint`.

    The proof of the first entry is made of the hashes of all the others. Those in the bundle are computed
    from `leaves`; the rest are what `read_tiles` gives, which need not be trusted.

    Raises:
        MalformedError: what `read_tiles` gives has not the width of its tile.
        VerificationError: an entry is another one.
    """
    leaf_hashes = [hash_leaf(leaf) for leaf in leaves]
    own = HashTile(0, bundle.index, len(leaves))

    def read(tiles: Sequence[HashTile]) -> list[bytes]:
        wanted = [tile for tile in tiles if tile != own]
        others = dict(zip(wanted, read_tiles(wanted), strict=True))
        return [b"".join(leaf_hashes) if tile == own else others[tile] for tile in tiles]

    begin, size = bundle.index * TILE_WIDTH, checkpoint.tree_size
    verify_inclusion(
        create_inclusion_proof(begin, size, read_hashes_from_tiles(size, read)),
        leaf_hash=leaf_hashes[0],
        leaf_index=begin,
        tree_size=size,
        root_hash=checkpoint.root_hash,
    )
