"""A static copy of a log, which any web server can serve and nobody needs to trust.

    checkpoint                  the signed note; replaced last
    policy                      the tlog-policy that it was verified by
    tile/…, tile/entries/…      hashes and entries (C2SP tlog-tiles)
    <name>/did.jsonl            the history of a DID, and what goes with it (`ledger.mirror_histories`)
    index/…                     the same of the index log, but for histories

The *outline* of a log is the hashes of its full blocks of 256 entries, and those of the entries behind them.
They lead to the root, so they are verified by the signed checkpoint all at once; after that every block is
verified by itself, before its files are written. What a checkpoint needs is on the disk before it, and stays
until there is another: whoever is killed leaves a whole log.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.client import LedgerClient
from ledger.fetch import Fetcher
from ledger.growth import verify_growth
from ledger.log_files import LogFiles
from ledger.memory import CheckpointMemory
from ledger.mirror_folder import MirrorFolder, MirrorPart
from ledger.mirror_histories import MirroredHistories
from ledger.tree import Tree
from ledger.trust import TrustedLedger
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, VerificationError
from protocol.tlog.checkpoint import Checkpoint, parse_checkpoint
from protocol.tlog.merkle import EMPTY_ROOT, Node, RightEdge, hash_leaf
from protocol.tlog.note import parse_note
from protocol.tlog.policy import VerifiedCheckpoint, encode_log_policy, verify_checkpoint
from protocol.tlog.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    EntryBundle,
    HashTile,
    TileReader,
    encode_entry_bundle,
    extend_tiles,
    read_hashes_from_tiles,
    select_entry_bundles,
)

_CHECKPOINT, _POLICY = "checkpoint", "policy"


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """What the mirror holds now, and how many of its entries are new."""

    checkpoint: VerifiedCheckpoint
    added: int


@dataclass(frozen=True, slots=True)
class _Outline:
    """The hashes of the full blocks of a tree, and the leaf hashes behind them."""

    blocks: tuple[bytes, ...] = ()
    rest: tuple[bytes, ...] = ()

    def root_hash(self) -> bytes:
        size = len(self.blocks) * TILE_WIDTH + len(self.rest)
        above, below = (RightEdge().append(hashes).hashes for hashes in (self.blocks, self.rest))
        return RightEdge(size, above + below).root_hash()


def mirror_ledger(
    ledger: TrustedLedger, folder: MirrorFolder, *, fetcher: Fetcher, memory: CheckpointMemory, now: datetime
) -> MirrorReport:
    """Bring the mirror in `folder` up to the present checkpoints of `ledger`.

    Not checked: whether the entries are admissible and the index is right (`ledger.audit`), and the files of
    full blocks that were mirrored before.

    Raises:
        RefusedError: the folder mirrors another log, or is damaged (MIRROR_DAMAGED).
        VerificationError: the log does not continue the mirror, or what it serves does not lead to its root.
        MalformedError, UnavailableError: an answer cannot be read or had.
    """
    client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
    # The index first: it speaks of no entry then that the log in the mirror lacks.
    _index, report = (
        _TreeMirror(ledger, tree, folder.within(prefix), memory, now).follow(client, fetcher)
        for tree, prefix in ((Tree.INDEX, f"{Tree.INDEX}/"), (Tree.LOG, ""))
    )
    folder.write(_POLICY, encode_log_policy(ledger.policy).encode())
    return report


class _TreeMirror:
    """The mirror of one tree of `ledger` in `folder`."""

    def __init__(
        self, ledger: TrustedLedger, tree: Tree, folder: MirrorPart, memory: CheckpointMemory, now: datetime
    ) -> None:
        self._ledger = ledger
        self._tree = tree
        self._folder = folder
        self._memory = memory
        self._now = now

    def follow(self, client: LedgerClient, fetcher: Fetcher) -> MirrorReport:
        """Bring it up to the present checkpoint."""
        folder = self._folder
        held, held_outline = self._load_held()
        checkpoint = client.checkpoint(now=self._now, tree=self._tree)
        if checkpoint.tree_size <= held.tree_size:
            # Nothing to prove: it is the same tree, or none that continues the mirror.
            verify_growth(held, checkpoint, lambda _nodes: [])
        files = LogFiles(self._tree.url(self._ledger.url), fetcher)
        histories = MirroredHistories(folder, self._ledger.url, fetcher=fetcher, now=self._now)
        outline = _read_outline(checkpoint.tree_size, files.read_tiles, known=held_outline.blocks)
        if outline.root_hash() != checkpoint.root_hash:
            raise VerificationError(Code.LOG_TILE_INVALID, "the tiles lead to another root")
        written: list[HashTile | EntryBundle] = []
        is_longer = held.tree_size < checkpoint.tree_size
        for bundle in select_entry_bundles(held.tree_size, checkpoint.tree_size) if is_longer else []:
            entries = files.read_bundle(bundle)
            _require_of_log(bundle, entries, outline, held_outline)
            _write_block(folder, bundle, entries)
            if self._tree is Tree.LOG:
                histories.add(entries[max(0, held.tree_size - bundle.index * TILE_WIDTH) :])
            written += [bundle, HashTile(0, bundle.index, bundle.width)]
        written += _write_upper_tiles(folder, outline.blocks)
        folder.write(_CHECKPOINT, checkpoint.note.encode())
        for tile in written:
            _remove_superseded(folder, tile, held.tree_size)
        if self._tree is Tree.LOG:
            # Last of all: the log in the mirror waits for nobody's proofs.
            histories.show_approved()
        return MirrorReport(checkpoint, checkpoint.tree_size - held.tree_size)

    def _load_held(self) -> tuple[Checkpoint, _Outline]:
        """How far the mirror has come."""
        origin = self._ledger.key(self._tree).name
        note = self._folder.read(_CHECKPOINT)
        if note is None:
            return Checkpoint(origin, 0, EMPTY_ROOT), _Outline()

        def read_tiles(tiles: Sequence[HashTile]) -> list[bytes]:
            return [self._folder.read(tile.path) or b"" for tile in tiles]

        try:
            held = parse_checkpoint(parse_note(note).text)
            outline = _read_outline(held.tree_size, read_tiles)
        except MalformedError as error:
            raise RefusedError(Code.MIRROR_DAMAGED, error.detail) from error
        if held.origin != origin:
            raise RefusedError(Code.LOG_ORIGIN_MISMATCH, f"the folder mirrors {held.origin}")
        if outline.root_hash() != held.root_hash:
            raise RefusedError(Code.MIRROR_DAMAGED, "its tiles lead to another root")
        # What was mirrored was seen. By a policy that is new since, it may not have its quorum.
        with suppress(VerificationError):
            self._memory.remember(verify_checkpoint(note, policy=self._ledger.policy, now=self._now).note)
        return held, outline


def _read_outline(tree_size: int, read_tiles: TileReader, known: tuple[bytes, ...] = ()) -> _Outline:
    """The outline of a tree of so many leaves, whose first blocks are `known`. It proves nothing yet."""
    blocks, rest = divmod(tree_size, TILE_WIDTH)
    nodes = [Node(TILE_HEIGHT, index) for index in range(len(known), blocks)]
    nodes += [Node(0, tree_size - rest + position) for position in range(rest)]
    hashes = tuple(read_hashes_from_tiles(tree_size, read_tiles)(nodes))
    new = blocks - len(known)
    return _Outline(known + hashes[:new], hashes[new:])


def _require_of_log(bundle: EntryBundle, entries: Sequence[bytes], outline: _Outline, held: _Outline) -> None:
    """Check the entries of a block by the outline of the log, and that they continue the mirror's."""
    leaf_hashes = tuple(hash_leaf(entry) for entry in entries)
    if bundle.width == TILE_WIDTH:
        is_of_log = RightEdge().append(leaf_hashes).root_hash() == outline.blocks[bundle.index]
    else:
        is_of_log = leaf_hashes == outline.rest
    if not is_of_log:
        raise VerificationError(Code.LOG_TILE_INVALID, bundle.path)
    if bundle.index == len(held.blocks) and leaf_hashes[: len(held.rest)] != held.rest:
        raise VerificationError(Code.LOG_CONSISTENCY_INVALID, bundle.path)


def _write_block(folder: MirrorPart, bundle: EntryBundle, entries: Sequence[bytes]) -> None:
    tile = HashTile(0, bundle.index, bundle.width)
    folder.write(bundle.path, encode_entry_bundle(entries))
    folder.write(tile.path, b"".join(hash_leaf(entry) for entry in entries))


def _write_upper_tiles(folder: MirrorPart, blocks: Sequence[bytes]) -> list[HashTile]:
    """Write the tiles above the blocks that are not there, and say which these are."""
    written = []
    # A block is a leaf of the tree above.
    for above, data in extend_tiles(0, blocks, lambda _tiles: []).items():
        tile = HashTile(above.level + 1, above.index, above.width)
        if folder.read(tile.path) != data:
            folder.write(tile.path, data)
            written.append(tile)
    return written


def _remove_superseded(folder: MirrorPart, tile: HashTile | EntryBundle, held_size: int) -> None:
    """Remove the narrower forms of `tile`, but for the one that readers of the checkpoint before may ask for.

    A full tile does for all of them (C2SP tlog-tiles).
    """
    level = tile.level if isinstance(tile, HashTile) else 0
    held_width = (held_size >> (level * TILE_HEIGHT)) - tile.index * TILE_WIDTH
    kept = set() if tile.width == TILE_WIDTH else {str(held_width), str(tile.width)}
    folder.remove_others(f"{replace(tile, width=TILE_WIDTH).path}.p", kept)
