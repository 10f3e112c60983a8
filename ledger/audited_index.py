"""The index log checked from outside: the map computed anew from the entries, each time it was stated."""

from ledger.log_files import LogFiles
from ledger.rebuilt_tree import RebuiltTree
from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.index.chain import IndexedLeaf
from protocol.index.leaf import IndexEntry, parse_index_entry
from protocol.index.map import IndexMap
from protocol.tlog.merkle import RightEdge
from protocol.tlog.policy import VerifiedCheckpoint
from protocol.tlog.tiles import select_entry_bundles


class AuditedIndex:
    """Takes up the entries of the log `origin` in their order, to be compared with its index log."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._leaves: list[tuple[bytes, bytes]] = []

    def add(self, subject_key: bytes, leaf_hash: bytes) -> None:
        """Take up the next entry: the key of what it is about, and its hash."""
        self._leaves.append((subject_key, leaf_hash))

    def compare(self, checkpoint: VerifiedCheckpoint, files: LogFiles) -> None:
        """Check every entry and tile of the index log with `checkpoint`, which must not be ahead of the log.

        Raises:
            VerificationError: INDEX_ENTRY_INVALID, an entry states something else than the log leads to;
                LOG_TILE_INVALID, a tile or the root is another.
            MalformedError, UnavailableError: an answer cannot be read or had.
        """
        tree = RebuiltTree(files.read_tiles)
        states = _States(self._origin, self._leaves)
        for bundle in select_entry_bundles(0, checkpoint.tree_size):
            leaves = files.read_bundle(bundle)
            for number, leaf in enumerate(leaves, start=tree.tree_size):
                states.compare(number, leaf)
            tree.append(leaves)
        tree.finish(checkpoint.root_hash)


class _States:
    """What must be stated at each size, in their order."""

    def __init__(self, origin: str, leaves: list[tuple[bytes, bytes]]) -> None:
        self._origin = origin
        self._leaves = leaves
        self._edge = RightEdge()
        self._map = IndexMap()
        self._last: IndexEntry | None = None

    def compare(self, number: int, leaf: bytes) -> None:
        where = f"entry {number} of the index log"
        try:
            entry = parse_index_entry(leaf)
        except MalformedError as error:
            raise VerificationError(error.code, f"{where}: {error.detail}") from error
        last = self._last
        if last is not None and (entry.tree_size <= last.tree_size or entry.time < last.time):
            raise VerificationError(Code.INDEX_ENTRY_INVALID, f"{where}: its size or its time")
        if entry.tree_size > len(self._leaves):
            raise VerificationError(Code.INDEX_ENTRY_INVALID, f"{where}: it is ahead of the log")
        begin = self._edge.tree_size
        for leaf_index in range(begin, entry.tree_size):
            key, leaf_hash = self._leaves[leaf_index]
            self._map.append(key, IndexedLeaf(leaf_index, entry.time, leaf_hash))
        added = self._leaves[begin : entry.tree_size]
        self._edge = self._edge.append(leaf_hash for _key, leaf_hash in added)
        map_root = self._map.commit().root_hash
        computed = IndexEntry(
            self._origin, self._edge.tree_size, entry.time, self._edge.root_hash(), map_root
        )
        if entry != computed:
            raise VerificationError(Code.INDEX_ENTRY_INVALID, f"{where}: the log leads to something else")
        self._last = entry
