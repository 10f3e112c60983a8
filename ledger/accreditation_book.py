"""Every accreditation that a ledger has published, and every withdrawal, as its own server looks them up."""

import threading
from collections.abc import Callable

from ledger.accreditations import LoggedRecord, Trees, plant_trees, read_logged
from ledger.published import Published
from ledger.store import LedgerStore
from protocol.index.proof import SubjectEntry

# The canonical form of both begins with a member that nothing else has: "accreditation" or "actions".
_FIRST_MEMBER = b'{"ac'


class AccreditationBook:
    """Reads the stored log on from where it was read to before. Threads may share one.

    `published` tells how far it may be read.
    """

    def __init__(self, store: LedgerStore, published: Callable[[], Published]) -> None:
        self._store = store
        self._published = published
        self._lock = threading.Lock()
        self._size = 0
        self._logged: tuple[LoggedRecord, ...] = ()
        self._trees: Trees = ()

    def trees(self) -> Trees:
        """The accreditations, each below the one that it rests on.

        Raises:
            VerificationError: the log holds what its own rules refuse.
            UnavailableError: nothing is published, or the database cannot be read.
        """
        published = self._published()
        size = published.log.tree_size
        with self._lock:
            if size > self._size:
                stored = self._store.entries_beginning(_FIRST_MEMBER, self._size, size)
                found = read_logged(
                    SubjectEntry(entry.leaf_index, published.times.of(entry.leaf_index), entry.leaf)
                    for entry in stored
                )
                if found:
                    self._trees = plant_trees(self._logged + found)
                self._logged += found
                self._size = size
            return self._trees
