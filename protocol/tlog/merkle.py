"""The Merkle tree of the log: hashes, proofs, and the right edge that grows (RFC 9162 §2.1).

A tree over n leaves splits at the largest power of two below n, so its left part never changes again. Every
proof is a list of hashes of such parts. Creating one asks for the hashes of *complete* subtrees through a
`HashReader`, all in one call, so that tiles, a database or a list in memory can answer; checking one needs
nothing but the proof.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from protocol.codes import Code
from protocol.errors import VerificationError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Node:
    """The complete subtree over the 2^level leaves from index·2^level on. Level 0 is a leaf hash."""

    level: int
    index: int


HashReader: TypeAlias = Callable[[Sequence[Node]], Sequence[bytes]]
"""Gives the hashes of the nodes asked for, in their order."""


def hash_leaf(entry: bytes) -> bytes:
    """The hash of a log entry; the prefix keeps entries and inner nodes apart (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """The hash of the node above `left` and `right`."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def compute_root(tree_size: int, read_hashes: HashReader) -> bytes:
    """The root hash of the first `tree_size` leaves, from the hashes of at most 63 complete subtrees."""
    return EMPTY_ROOT if tree_size == 0 else _hash_parts([(0, tree_size)], read_hashes)[0]


def create_inclusion_proof(leaf_index: int, tree_size: int, read_hashes: HashReader) -> tuple[bytes, ...]:
    """The proof that the tree holds its leaf `leaf_index`, from the leaf's sibling up to the root's child
    (RFC 9162 §2.1.3.1).

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= leaf_index < tree_size:
        raise ValueError("the tree has no such leaf")
    begin, end = 0, tree_size
    siblings = []
    while end - begin > 1:
        middle = begin + _left_size(end - begin)
        if leaf_index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((begin, middle))
            begin = middle
    return _hash_parts(reversed(siblings), read_hashes)


def create_consistency_proof(old_size: int, new_size: int, read_hashes: HashReader) -> tuple[bytes, ...]:
    """The proof that the tree of `new_size` leaves begins with the tree of `old_size` (RFC 9162 §2.1.4.1).

    Raises:
        ValueError: the old tree is empty, or larger than the new one.
    """
    if not 0 < old_size <= new_size:
        raise ValueError("a consistency proof leads from a smaller tree with leaves to a larger one")
    begin, end = 0, new_size
    parts = []
    while end != old_size:
        middle = begin + _left_size(end - begin)
        if old_size <= middle:
            parts.append((middle, end))
            end = middle
        else:
            parts.append((begin, middle))
            begin = middle
    # Having gone right at least once means that the old root is not itself a node of the new tree.
    if begin > 0:
        parts.append((begin, end))
    return _hash_parts(reversed(parts), read_hashes)


def verify_inclusion(
    proof: Sequence[bytes], *, leaf_hash: bytes, leaf_index: int, tree_size: int, root_hash: bytes
) -> None:
    """Check that the tree holds `leaf_hash` at `leaf_index` (RFC 9162 §2.1.3.2).

    `proof` runs from the leaf's sibling up to the root's child, 32 bytes each. Says nothing about who signed
    `root_hash`; see `protocol.tlog.policy`.

    Raises:
        VerificationError: no such leaf, a proof of another length, or it leads to another root.
    """
    if not 0 <= leaf_index < tree_size:  # step 1
        raise VerificationError(Code.LOG_PROOF_INVALID, "leaf index outside the tree")
    if any(len(hash_) != HASH_BYTES for hash_ in (leaf_hash, *proof)):
        raise VerificationError(Code.LOG_PROOF_INVALID, "a hash has 32 bytes")
    fn, sn = leaf_index, tree_size - 1  # step 2
    r = leaf_hash  # step 3
    for p in proof:  # step 4
        if sn == 0:
            raise VerificationError(Code.LOG_PROOF_INVALID, "too many hashes")
        if fn & 1 or fn == sn:
            r = hash_children(p, r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = hash_children(r, p)
        fn >>= 1
        sn >>= 1
    if sn != 0 or r != root_hash:  # step 5
        raise VerificationError(Code.LOG_PROOF_INVALID, "the proof leads to another root")


def verify_consistency(
    proof: Sequence[bytes], *, old_size: int, old_root: bytes, new_size: int, new_root: bytes
) -> None:
    """Check that the tree of `new_size` leaves begins with the tree of `old_size` (RFC 9162 §2.1.4.2).

    An old size of 0 is refused: every tree begins with the empty one, there is nothing to prove, and a caller
    must decide for itself what a first contact is worth.

    Raises:
        VerificationError: LOG_ROLLBACK when the new tree is smaller, LOG_FORK for two roots of one size,
            LOG_CONSISTENCY_INVALID for everything else.
    """
    if old_size < 1:
        raise VerificationError(Code.LOG_CONSISTENCY_INVALID, "nothing follows from an empty tree")
    if new_size < old_size:
        raise VerificationError(Code.LOG_ROLLBACK)
    if any(len(hash_) != HASH_BYTES for hash_ in proof):
        raise VerificationError(Code.LOG_CONSISTENCY_INVALID, "a hash has 32 bytes")
    if new_size == old_size:
        if new_root != old_root:
            raise VerificationError(Code.LOG_FORK)
        if proof:
            raise VerificationError(Code.LOG_CONSISTENCY_INVALID, "equal sizes need no hashes")
        return
    if not proof:  # step 1
        raise VerificationError(Code.LOG_CONSISTENCY_INVALID, "too few hashes")
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # step 2: the old root is a node of the new tree
        path.insert(0, old_root)
    fn, sn = old_size - 1, new_size - 1  # step 3
    while fn & 1:  # step 4
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]  # step 5
    for c in path[1:]:  # step 6
        if sn == 0:
            raise VerificationError(Code.LOG_CONSISTENCY_INVALID, "too many hashes")
        if fn & 1 or fn == sn:
            fr = hash_children(c, fr)
            sr = hash_children(c, sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = hash_children(sr, c)
        fn >>= 1
        sn >>= 1
    if sn != 0 or fr != old_root or sr != new_root:  # step 7
        raise VerificationError(Code.LOG_CONSISTENCY_INVALID, "the proof leads to another root")


@dataclass(frozen=True, slots=True)
class RightEdge:
    """All that is needed of a tree to go on appending to it: the roots of its complete subtrees.

    `hashes` holds one hash for every bit set in `tree_size`, the largest subtree first.
    """

    tree_size: int = 0
    hashes: tuple[bytes, ...] = ()

    @classmethod
    def load(cls, tree_size: int, read_hashes: HashReader) -> "RightEdge":
        """The right edge of a stored tree."""
        return cls(tree_size, tuple(read_hashes(_complete_subtrees(0, tree_size))))

    def append(self, leaf_hashes: Iterable[bytes]) -> "RightEdge":
        """The right edge after `leaf_hashes` were appended in their order."""
        tree_size, hashes = self.tree_size, list(self.hashes)
        for leaf_hash in leaf_hashes:
            node = leaf_hash
            # Each trailing 1 of the size is a complete subtree that the new leaf completes to a larger one.
            trailing = tree_size
            while trailing & 1:
                node = hash_children(hashes.pop(), node)
                trailing >>= 1
            hashes.append(node)
            tree_size += 1
        return RightEdge(tree_size, tuple(hashes))

    def root_hash(self) -> bytes:
        """The root hash of the tree."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT


def _left_size(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _complete_subtrees(begin: int, end: int) -> list[Node]:
    """The complete subtrees that make up the leaves from `begin` to `end`, left to right, largest first.

    A part that starts at `begin` in the splitting above is aligned to its own size, so taking the largest
    power of two each time gives nodes of the tree.
    """
    nodes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append(Node(level, begin >> level))
        begin += 1 << level
    return nodes


def _hash_parts(parts: Iterable[tuple[int, int]], read_hashes: HashReader) -> tuple[bytes, ...]:
    nodes_of_parts = [_complete_subtrees(begin, end) for begin, end in parts]
    hashes = iter(read_hashes([node for nodes in nodes_of_parts for node in nodes]))
    return tuple(_fold([next(hashes) for _ in nodes]) for nodes in nodes_of_parts)


def _fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over complete subtrees, given the largest first."""
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = hash_children(left, result)
    return result
