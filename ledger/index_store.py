"""The index log as it is stored: one entry for every size of the log that was to be published."""

from collections.abc import Sequence

from sqlalchemy import Engine, insert

from ledger.rows import read_leaf_rows
from ledger.stored_tree import Head, StoredTree, Turn
from ledger.tables import INDEX_ENTRY
from ledger.tree import Tree
from protocol.tlog.merkle import hash_leaf


class IndexStore(StoredTree):
    """The stored index log, in the database of the log it is about."""

    def __init__(self, engine: Engine, turn: Turn) -> None:
        super().__init__(engine, Tree.INDEX, turn)

    def append(self, leaves: Sequence[bytes], *, after: Head, then: Head) -> None:
        """Append `leaves` to the index log that reaches to `after`, so that it reaches to `then`; or nothing.

        Not checked: what they say, or that `then` has the right root.

        Raises:
            RefusedError: it no longer reaches to `after`: there is another writer.
            UnavailableError: LOG_LEASE_LOST, or the disk's fault.
        """
        with self._writing() as connection:
            self._move_head(connection, after, then)
            rows = [
                {"leaf_index": index, "leaf": leaf}
                for index, leaf in enumerate(leaves, start=after.tree_size)
            ]
            connection.execute(insert(INDEX_ENTRY), rows)
            self._extend_tiles(connection, after, [hash_leaf(leaf) for leaf in leaves])

    def read_leaves(self, begin: int, end: int) -> list[bytes]:
        """The entries from `begin` to `end`, in order.

        Raises:
            UnavailableError: one is missing.
        """
        with self._reading() as connection:
            return read_leaf_rows(connection, INDEX_ENTRY, begin, end)
