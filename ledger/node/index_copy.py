"""A node's own index of the log it copies, by which it knows whether the operator's is right.

Each entry of the operator's index log is proven to be in what the log signed, and then borne out: the map is
computed from the node's own copy. Only then is it stored, and a checkpoint that covers it cosigned.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ledger.growth import verify_growth
from ledger.index import LedgerIndex
from ledger.log_files import LogFiles
from ledger.node.copy import LogCopy
from ledger.node.witness import SignedCheckpoint
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.errors import UnavailableError, VerificationError
from protocol.index.leaf import parse_index_entry
from protocol.tlog.merkle import compute_root, hash_leaf
from protocol.tlog.policy import COSIGNATURE_CLOCK_SKEW
from protocol.tlog.tiles import TILE_WIDTH, EntryBundle, read_hashes_from_tiles, read_tiles_once

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class IndexCopy:
    """The index `index` of the log in `copy`; the operator's is behind `files`. Threads take turns."""

    def __init__(
        self,
        index: LedgerIndex,
        copy: LogCopy,
        files: LogFiles,
        *,
        last_cosigned: Callable[[], datetime | None],
        patience: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        """Follow an index log that the node cosigned at the time `last_cosigned` gives, if ever."""
        self._index = index
        self._copy = copy
        self._files = files
        self._last_cosigned = last_cosigned
        self._patience = patience.total_seconds()
        self._clock = clock
        self._lock = threading.Lock()

    def require(self, signed: SignedCheckpoint) -> None:
        """Check that the index log of `signed` states what follows from the copy, as far as it goes.

        Raises:
            VerificationError: LOG_FORK, LOG_CONSISTENCY_INVALID, it is not the index log copied so far;
                LOG_TILE_INVALID, the entries served are not those of `signed`; INDEX_ENTRY_INVALID, one of
                them states something else, or a time at which it was not there.
            MalformedError: what is served cannot be read.
            UnavailableError: NODE_BEHIND, the copy of the log does not reach so far yet, or there is more to
                check than `patience` allows, and the next request goes on; what is served cannot be had; or
                the disk's fault.
        """
        end = time.monotonic() + self._patience
        if not self._lock.acquire(timeout=self._patience):
            raise self._behind(signed)
        try:
            self._index.settle()
            while self._index.head.tree_size < signed.tree_size:
                if time.monotonic() > end:
                    raise self._behind(signed)
                self._follow_chunk(signed)
            head = self._index.head
            read_hashes = self._index.hash_reader(head.tree_size)
            if compute_root(signed.tree_size, read_hashes) != signed.root_hash:
                raise VerificationError(Code.LOG_FORK, "the copy holds another index log of this size")
        finally:
            self._lock.release()

    def _behind(self, signed: SignedCheckpoint) -> UnavailableError:
        done = self._index.head.tree_size
        return UnavailableError(Code.NODE_BEHIND, f"{done} of {signed.tree_size} entries of the index")

    def _follow_chunk(self, signed: SignedCheckpoint) -> None:
        """Take up the entries to the end of the bundle that is next."""
        edge = self._index.edge
        bundle, offset = divmod(edge.tree_size, TILE_WIDTH)
        width = min(TILE_WIDTH, signed.tree_size - bundle * TILE_WIDTH)
        leaves = self._files.read_bundle(EntryBundle(bundle, width))[offset:]
        grown = edge.append(map(hash_leaf, leaves))
        read_hashes = read_hashes_from_tiles(signed.tree_size, read_tiles_once(self._files.read_tiles))
        verify_growth(Head.of(edge), signed, read_hashes)
        try:
            verify_growth(Head.of(grown), signed, read_hashes)
        except VerificationError as error:
            detail = f"the entries from {edge.tree_size} on are not those of the checkpoint"
            raise VerificationError(Code.LOG_TILE_INVALID, detail) from error
        earliest, latest = self._possible_times()
        for leaf in leaves:
            entry = parse_index_entry(leaf)
            if entry.tree_size > self._copy.tree_size:
                held = f"{self._copy.tree_size} of {entry.tree_size} entries"
                raise UnavailableError(Code.NODE_BEHIND, held)
            if not earliest <= entry.time <= latest:
                raise VerificationError(Code.INDEX_ENTRY_INVALID, "its time is not that of its making")
            self._index.follow(leaf)

    def _possible_times(self) -> tuple[datetime, datetime]:
        """Between which times an entry can have been made that this node has not seen before."""
        # What was cosigned then did not have it.
        cosigned = self._last_cosigned()
        earliest = _LONG_AGO if cosigned is None else cosigned - COSIGNATURE_CLOCK_SKEW
        return earliest, self._clock() + COSIGNATURE_CLOCK_SKEW
