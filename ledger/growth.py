"""Whether one state of the log continues another, which everybody asks who has seen both."""

from typing import Protocol

from protocol.tlog.merkle import HashReader, create_consistency_proof, verify_consistency


class LogState(Protocol):
    """How far a log reached at some time."""

    @property
    def tree_size(self) -> int:
        """How many entries it had."""
        ...

    @property
    def root_hash(self) -> bytes:
        """The root of their tree, 32 bytes."""
        ...


def verify_growth(older: LogState, newer: LogState, read_hashes: HashReader) -> None:
    """Check that the tree of `newer` begins with that of `older`.

    `read_hashes` reads nodes of the tree of `newer`, where there is something to prove. It need not be
    trusted: wrong hashes prove nothing.

    Raises:
        MalformedError: what `read_hashes` raises.
        VerificationError: it does not, or `newer` is the shorter one.
    """
    # An empty tree is the beginning of every tree.
    if older.tree_size == 0:
        return
    proof: tuple[bytes, ...] = ()
    if older.tree_size < newer.tree_size:
        proof = create_consistency_proof(older.tree_size, newer.tree_size, read_hashes)
    verify_consistency(
        proof,
        old_size=older.tree_size,
        old_root=older.root_hash,
        new_size=newer.tree_size,
        new_root=newer.root_hash,
    )
