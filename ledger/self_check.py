"""What the log checks of its own storage before it signs.

A certificate log once died of a single bit that flipped between hashing an entry and signing the tree. So
what is about to be signed is read back from the database and computed anew: leaf hashes from the stored
entries, the root from the stored tiles, and the proof that the new tree begins with the one signed before.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.growth import verify_growth
from ledger.rebuilt_tree import RebuiltTree
from ledger.store import LedgerStore
from ledger.stored_tree import Head, StoredTree
from protocol.codes import Code
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import (
    Node,
    compute_root,
    hash_leaf,
)
from storage.database import require_sound

_PIECE = 256


def check_before_signing(store: StoredTree, *, signed: Checkpoint, head: Head) -> None:
    """Check that the stored log has the root of `head` and begins with the tree `signed` before.

    `head` comes from the memory of the writer, everything else from the database. Entries below
    `signed.tree_size` are not read again.

    Raises:
        UnavailableError: LOG_SELF_CHECK_FAILED.
    """
    with _self_check():
        read_hashes = store.hash_reader(head.tree_size)
        for begin, end in _pieces(signed.tree_size, head.tree_size):
            stored = read_hashes([Node(0, index) for index in range(begin, end)])
            if [hash_leaf(leaf) for leaf in store.read_leaves(begin, end)] != list(stored):
                raise VerificationError(Code.LOG_TILE_INVALID, f"an entry from {begin} on")
        if compute_root(head.tree_size, read_hashes) != head.root_hash:
            raise VerificationError(Code.LOG_TILE_INVALID, "the root hash")
        verify_growth(signed, head, read_hashes)


def check_whole_store(store: LedgerStore) -> None:
    """Check everything that a ledger relies on in its database, as it does once when it starts.

    Raises:
        UnavailableError: LOG_SELF_CHECK_FAILED or DATABASE_DAMAGED.
    """
    # Who is asked for a name, a version or a subject looks it up by columns that no root covers.
    require_sound(store.engine)
    check_whole_log(store)
    check_whole_log(store.index)


def check_whole_log(store: StoredTree) -> None:
    """Check every stored entry and tile against the stored root.

    Raises:
        UnavailableError: LOG_SELF_CHECK_FAILED.
    """
    head = store.head()
    with _self_check():
        tree = RebuiltTree(store.read_tiles)
        for begin, end in _pieces(0, head.tree_size):
            tree.append(store.read_leaves(begin, end))
        tree.finish(head.root_hash)


def _pieces(begin: int, end: int) -> list[tuple[int, int]]:
    return [(start, min(start + _PIECE, end)) for start in range(begin, end, _PIECE)]


@contextmanager
def _self_check() -> Iterator[None]:
    try:
        yield
    except (MalformedError, VerificationError) as error:
        detail = error.detail or error.code.value
        raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, detail) from error
