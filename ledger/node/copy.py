"""A full copy of a log, which grows only by what is proven to be in it and admissible.

Each chunk of entries is fetched from the log and hashed; the tree that ends with it must be the beginning of
a tree that the log signed; then each entry is admitted by the ledger's own rules, and only then is it stored.
The log's tiles, from which the proof is made, need no trust: wrong hashes prove nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from ledger.growth import LogState, verify_growth
from ledger.log_files import LogFiles
from ledger.node.chunk import ChunkAdmission
from ledger.node.witness import SignedCheckpoint
from ledger.self_check import check_before_signing
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.records import Record
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import HashReader, RightEdge, compute_root, hash_leaf
from protocol.tlog.tiles import TILE_WIDTH, EntryBundle, read_hashes_from_tiles, read_tiles_once


class LogCopy:
    """The copy in `store` of the log behind `files`. One thread extends it; any may ask."""

    def __init__(
        self, store: LedgerStore, files: LogFiles, *, authority: str, clock: Callable[[], datetime]
    ) -> None:
        """Take up the stored copy.

        Raises:
            UnavailableError: LOG_SELF_CHECK_FAILED, it is damaged; or the database cannot be read.
        """
        self._store = store
        self._files = files
        self._admission = ChunkAdmission(store, authority=authority)
        self._clock = clock
        self._failure: UnavailableError | None = None
        self._tiles: tuple[SignedCheckpoint, HashReader] | None = None
        self._edge: RightEdge | None = None
        self._tree_size = self._load().tree_size

    @property
    def tree_size(self) -> int:
        """How many entries are stored."""
        return self._tree_size

    def hash_reader(self, tree_size: int) -> HashReader:
        """A reader for the nodes of the stored tree of `tree_size` leaves."""
        return self._store.hash_reader(tree_size)

    def verify_holds(self, signed: LogState) -> None:
        """Check that the stored log begins with the tree of `signed`.

        Raises:
            VerificationError: LOG_FORK, its tree is another.
            UnavailableError: NODE_BEHIND, not all of it is stored; or the database cannot be read, or is not
                what was stored in it.
        """
        if self._failure is not None:
            raise self._failure
        if signed.tree_size > self._tree_size:
            raise UnavailableError(Code.NODE_BEHIND, f"{self._tree_size} of {signed.tree_size} entries")
        if compute_root(signed.tree_size, self.hash_reader(signed.tree_size)) != signed.root_hash:
            raise VerificationError(Code.LOG_FORK, "the copy holds another tree of this size")

    def extend(self, target: SignedCheckpoint) -> None:
        """Copy the next chunk on the way to `target`, which is larger than the copy.

        What is admissible before the first entry that is not is stored all the same.

        Raises:
            VerificationError: LOG_CONSISTENCY_INVALID, the log's tiles say that the tree of `target` does not
                begin with the copy; LOG_TILE_INVALID, the entries are not those of `target`;
                LOG_ENTRY_INADMISSIBLE, one of them is not admissible.
            MalformedError: what the log serves cannot be read.
            UnavailableError: it cannot be had; or the disk's fault.
        """
        if self._failure is not None:
            raise self._failure
        edge = self._edge
        # Nobody else should have written here; if somebody did, it was stored by the same rules.
        if edge is None or Head.of(edge) != self._store.head():
            edge = self._load()
        if edge.tree_size >= target.tree_size:
            return
        leaves = self._read_chunk(edge.tree_size, target.tree_size)
        self._verify_leads_to(target, edge, edge.append(map(hash_leaf, leaves)))
        end = edge.tree_size + len(leaves)
        while edge.tree_size < end:
            rest = leaves[edge.tree_size - end :]
            chunk = self._admission.admit(rest, first_index=edge.tree_size, now=self._clock())
            if chunk.records:
                edge = self._append(edge, chunk.records)
            if chunk.refusal is not None:
                raise chunk.refusal

    def _load(self) -> RightEdge:
        head = self._store.head()
        edge = RightEdge.load(head.tree_size, self.hash_reader(head.tree_size))
        if edge.root_hash() != head.root_hash:
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the tiles do not have the root of the head")
        self._edge, self._tree_size = edge, head.tree_size
        return edge

    def _read_chunk(self, begin: int, tree_size: int) -> Sequence[bytes]:
        """The entries from `begin` to the end of the bundle they are in."""
        index, offset = divmod(begin, TILE_WIDTH)
        width = min(TILE_WIDTH, tree_size - index * TILE_WIDTH)
        return self._files.read_bundle(EntryBundle(index, width))[offset:]

    def _verify_leads_to(self, target: SignedCheckpoint, edge: RightEdge, grown: RightEdge) -> None:
        try:
            verify_growth(Head.of(grown), target, self._reader_of(target))
            return
        except (MalformedError, VerificationError):
            self._tiles = None
        # Either the history is another, or what was read just now is not what the log signed.
        try:
            verify_growth(Head.of(edge), target, self._reader_of(target))
        finally:
            self._tiles = None
        detail = f"the entries from {edge.tree_size} on are not those of the checkpoint"
        raise VerificationError(Code.LOG_TILE_INVALID, detail)

    def _reader_of(self, target: SignedCheckpoint) -> HashReader:
        """Reads the log's tiles, each of them once for all chunks on the way to `target`."""
        if self._tiles is None or self._tiles[0] != target:
            read_tiles = read_tiles_once(self._files.read_tiles)
            self._tiles = (target, read_hashes_from_tiles(target.tree_size, read_tiles))
        return self._tiles[1]

    def _append(self, edge: RightEdge, records: Sequence[Record]) -> RightEdge:
        grown = edge.append(hash_leaf(record.leaf) for record in records)
        # Whether what follows came to pass is for the database to say.
        self._edge = None
        self._store.append(records, after=Head.of(edge), then=Head.of(grown))
        try:
            before = Checkpoint("", edge.tree_size, edge.root_hash())
            check_before_signing(self._store, signed=before, head=Head.of(grown))
        except UnavailableError as error:
            if error.code is Code.LOG_SELF_CHECK_FAILED:
                self._failure = error
            raise
        self._edge, self._tree_size = grown, grown.tree_size
        return grown
