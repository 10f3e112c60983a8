"""The index of a stored log: a map in memory, and the log of its roots in the database.

The map is rebuilt from the database when a ledger starts, and grows with the log. Whoever keeps a copy of the
log computes the same map, and compares it where the operator states its root.
"""

import gc
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ledger.store import LedgerStore
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.index.chain import IndexedLeaf, compute_chains
from protocol.index.leaf import IndexEntry, encode_index_entry, parse_index_entry
from protocol.index.map import IndexMap, MapSnapshot
from protocol.index.map_proof import EMPTY_MAP_ROOT
from protocol.records import subject_of
from protocol.tlog.merkle import EMPTY_ROOT, HashReader, RightEdge, compute_root, hash_leaf

_PIECE = 1_000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class LogTimes:
    """When the entries of a log were logged, by the entries of its index log. Every thread may ask."""

    def __init__(self) -> None:
        self._sizes = array("q")
        self._seconds = array("q")

    def append(self, entry: IndexEntry) -> None:
        """Take up the next entry of the index log."""
        # The time before the size: whoever finds the size finds its time.
        self._seconds.append(to_seconds(entry.time))
        self._sizes.append(entry.tree_size)

    def of(self, leaf_index: int) -> datetime:
        """The time of the entry of the log at `leaf_index`, which the index log covers."""
        return from_seconds(self._seconds[bisect_right(self._sizes, leaf_index)])


class LedgerIndex:
    """The index of the log `origin` in `store`. For one thread; the maps it publishes are for all.

    `published_size` is how many entries of the index log were published.

    Attributes:
        edge: The right edge of the index log.
        last: What its last entry states; that of an empty log where there is none.
        times: When each entry of the log was logged.
        published_entry, published_map: The same of the last entry that was published when this was made.

    Raises:
        UnavailableError: LOG_SELF_CHECK_FAILED, the database does not lead to what the index log states.
    """

    def __init__(self, store: LedgerStore, origin: str, *, published_size: int) -> None:
        self._store = store
        self._origin = origin
        head = store.index.head()
        self.edge = RightEdge.load(head.tree_size, store.index.hash_reader(head.tree_size))
        self.times = LogTimes()
        for begin in range(0, head.tree_size, _PIECE):
            for leaf in store.index.read_leaves(begin, min(begin + _PIECE, head.tree_size)):
                self.times.append(_parse_own(leaf))
        self.published_entry = self._read_entry(published_size)
        self._size, self._time = self.published_entry.tree_size, self.published_entry.time
        self._map = IndexMap(compute_chains(self._subjects()).items())
        if len(self._map) > _PIECE:
            # Building leaves more behind than it builds, on the free lists of the interpreter.
            gc.collect()
        self.published_map = self._map.published
        self._require(self.published_entry)
        # What was stated and not published was perhaps signed, so it must be true as well.
        self.last = self._read_entry(head.tree_size)
        self._advance(self.last.tree_size, self.last.time, self.times.of)
        self._require(self.last)
        self._map.commit()
        self._is_in_doubt = False

    @property
    def map(self) -> MapSnapshot:
        """The map as the last entry states it."""
        return self._map.published

    @property
    def head(self) -> Head:
        """How far the index log reaches."""
        return Head.of(self.edge)

    def hash_reader(self, tree_size: int) -> HashReader:
        """A reader for the nodes of the index log of `tree_size` entries."""
        return self._store.index.hash_reader(tree_size)

    def settle(self) -> None:
        """Take up what was appended though the answer of the database was lost.

        Raises:
            UnavailableError: as `catch_up`.
        """
        if self._is_in_doubt:
            self.catch_up(self._store.index.head().tree_size)
            self._is_in_doubt = False

    def state(self, log: Head, *, now: datetime) -> Head:
        """State what the map is at `log`, unless the last entry does; gives how far the index log reaches.

        What is new of the log was logged at `now`, or at the time of the last entry if a clock was set back.

        Raises:
            RefusedError: another writer moved the head of the index log.
            UnavailableError: the database cannot be read or written. It is asked later whether it was.
        """
        self.settle()
        if self.edge.tree_size == 0 or self.last.tree_size < log.tree_size:
            with self._discarded_on_error():
                self._advance_at(log.tree_size, max(now, self.last.time))
                self._append(self._compute_entry())
        return self.head

    def follow(self, leaf: bytes) -> None:
        """Append the next entry of an index log that somebody else writes about the same log.

        The log must be stored as far as it speaks, and what was in doubt settled.

        Raises:
            MalformedError: not an entry of an index log.
            VerificationError: INDEX_ENTRY_INVALID, the stored log does not bear it out.
            UnavailableError: the database cannot be read or written.
        """
        entry = parse_index_entry(leaf)
        grows = self.edge.tree_size == 0 or entry.tree_size > self.last.tree_size
        if entry.origin != self._origin or not grows or entry.time < self.last.time:
            raise VerificationError(Code.INDEX_ENTRY_INVALID, "its log, its size or its time")
        with self._discarded_on_error():
            self._advance_at(entry.tree_size, entry.time)
            if entry != self._compute_entry():
                detail = f"what it states at {entry.tree_size} entries"
                raise VerificationError(Code.INDEX_ENTRY_INVALID, detail)
            self._append(entry)

    def catch_up(self, tree_size: int) -> None:
        """Take up what another front end has appended to the index log, until it has `tree_size` entries.

        Raises:
            UnavailableError: LOG_SELF_CHECK_FAILED, the log does not lead to what they state; or the database
                cannot be read.
        """
        for begin in range(self.edge.tree_size, tree_size, _PIECE):
            for leaf in self._store.index.read_leaves(begin, min(begin + _PIECE, tree_size)):
                entry = _parse_own(leaf)
                with self._discarded_on_error():
                    self._advance_at(entry.tree_size, entry.time)
                    self._require(entry)
                self._take_up(entry, self.edge.append([hash_leaf(leaf)]))

    def _append(self, entry: IndexEntry) -> None:
        leaf = encode_index_entry(entry)
        grown = self.edge.append([hash_leaf(leaf)])
        try:
            self._store.index.append([leaf], after=self.head, then=Head.of(grown))
        except UnavailableError:
            # Whether a commit came to pass whose answer was lost is for the database to say, when it can.
            self._is_in_doubt = True
            raise
        self._take_up(entry, grown)

    def _take_up(self, entry: IndexEntry, grown: RightEdge) -> None:
        self.edge, self.last = grown, entry
        self.times.append(entry)
        self._map.commit()

    @contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        """What was taken up with the time of an entry that came to nothing must not be there for the next."""
        try:
            yield
        except BaseException:
            self._map.discard()
            self._size, self._time = self.last.tree_size, self.last.time
            raise

    def _advance_at(self, tree_size: int, time: datetime) -> None:
        """Take up what is new of the log, all of which was logged at `time`."""
        self._advance(tree_size, time, lambda _leaf_index: time)

    def _advance(self, tree_size: int, time: datetime, time_of: Callable[[int], datetime]) -> None:
        # From the entries themselves, which are checked before anything is signed; what the database says of
        # them in other columns is not.
        for begin in range(self._size, tree_size, _PIECE):
            leaves = self._store.read_leaves(begin, min(begin + _PIECE, tree_size))
            for leaf_index, leaf in enumerate(leaves, start=begin):
                indexed = IndexedLeaf(leaf_index, time_of(leaf_index), hash_leaf(leaf))
                self._map.append(subject_of(leaf).key, indexed)
        self._size, self._time = tree_size, time

    def _subjects(self) -> Iterator[tuple[bytes, IndexedLeaf]]:
        # From the columns, which is much faster; if they were wrong, another root would come of it.
        for leaf in self._store.read_subjects(0, self._size):
            yield (
                leaf.subject_key,
                IndexedLeaf(leaf.leaf_index, self.times.of(leaf.leaf_index), leaf.leaf_hash),
            )

    def _read_entry(self, size: int) -> IndexEntry:
        """What the last of `size` entries of the index log states."""
        if size == 0:
            return IndexEntry(self._origin, 0, _BEGINNING, EMPTY_ROOT, EMPTY_MAP_ROOT)
        [leaf] = self._store.index.read_leaves(size - 1, size)
        return _parse_own(leaf)

    def _compute_entry(self) -> IndexEntry:
        root_hash = compute_root(self._size, self._store.hash_reader(self._size))
        return IndexEntry(self._origin, self._size, self._time, root_hash, self._map.root_hash())

    def _require(self, entry: IndexEntry) -> None:
        if entry != self._compute_entry():
            raise UnavailableError(
                Code.LOG_SELF_CHECK_FAILED, "the log does not lead to what its index states"
            )


def _parse_own(leaf: bytes) -> IndexEntry:
    try:
        return parse_index_entry(leaf)
    except MalformedError as error:
        raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "an entry of the index log") from error
