"""The nodes of the map in five flat arrays, so that a million keys are not a million objects.

A **reference** says where a subtree begins: a node by its number, a leaf by the complement of its number
(`~leaf`, so below zero). A map of n keys has n leaves and n-1 nodes, both numbered in the order they came.
For each leaf there are 64 bytes, for each node 41: 105 bytes a key. The hash of a leaf is computed each time
it is needed; that saves 32 bytes a key, and costs at most one hash more for each node that is hashed.
"""

from array import array
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter

from protocol.index.map_proof import hash_map_leaf, hash_map_node
from protocol.index.subject import KEY_BITS, KEY_BYTES
from protocol.tlog.merkle import HASH_BYTES


class Trie:
    """The arrays, and what is true of them one by one. Who may change which when is said in `map`.

    Attributes:
        keys: 32 bytes for each leaf.
        values: 32 bytes for each leaf.
        children: Two references for each node, the left and the right one.
        shifts: One byte for each node: how far to shift a key to the right for the bit by which the node
            branches to be the last. That is 255 − position, so shifts grow on the way up.
        hashes: 32 bytes for each node.
    """

    __slots__ = ("children", "hashes", "keys", "shifts", "values")

    def __init__(self) -> None:
        self.keys = bytearray()
        self.values = bytearray()
        self.children = array("i")
        self.shifts = bytearray()
        self.hashes = bytearray()

    def __len__(self) -> int:
        return len(self.keys) // KEY_BYTES

    def key(self, leaf: int) -> bytes:
        """The key of a leaf."""
        return bytes(self.keys[leaf * KEY_BYTES : (leaf + 1) * KEY_BYTES])

    def value(self, leaf: int) -> bytes:
        """The value of a leaf."""
        return bytes(self.values[leaf * HASH_BYTES : (leaf + 1) * HASH_BYTES])

    def set_value(self, leaf: int, value: bytes) -> None:
        """Give a leaf another value."""
        self.values[leaf * HASH_BYTES : (leaf + 1) * HASH_BYTES] = value

    def hash(self, reference: int) -> bytes:
        """The hash of a leaf, or the one kept for a node."""
        if reference < 0:
            return hash_map_leaf(self.key(~reference), self.value(~reference))
        return bytes(self.hashes[reference * HASH_BYTES : (reference + 1) * HASH_BYTES])

    def set_hash(self, node: int, hash_: bytes) -> None:
        """Keep the hash of a node."""
        self.hashes[node * HASH_BYTES : (node + 1) * HASH_BYTES] = hash_

    def compute_hash(self, node: int) -> bytes:
        """The hash of a node from those of its children."""
        left, right = self.children[2 * node], self.children[2 * node + 1]
        return hash_map_node(KEY_BITS - 1 - self.shifts[node], self.hash(left), self.hash(right))

    def add_leaf(self, key: bytes, value: bytes) -> int:
        """Put a leaf at the end of the arrays, with nothing above it yet; gives its reference."""
        self.keys += key
        self.values += value
        return ~(len(self) - 1)

    def add_node(self, shift: int, left: int, right: int) -> int:
        """Put a node at the end of the arrays, without its hash yet; gives its reference."""
        self.children.append(left)
        self.children.append(right)
        self.shifts.append(shift)
        self.hashes += bytes(HASH_BYTES)
        return len(self.shifts) - 1

    def truncate(self, size: int) -> None:
        """Forget all but the first `size` leaves and the nodes that came with them."""
        nodes = max(0, size - 1)
        del self.keys[size * KEY_BYTES :]
        del self.values[size * HASH_BYTES :]
        del self.children[2 * nodes :]
        del self.shifts[nodes:]
        del self.hashes[nodes * HASH_BYTES :]


def build_trie(items: Iterable[tuple[bytes, bytes]]) -> tuple[Trie, int | None]:
    """The trie over keys with their values, hashed, and the reference of its root; None if it is empty.

    Sorted keys lie beside each other as the leaves do, and between two of them is the node at which they
    part. One pass from left to right makes every node when its right side is complete; until then its left
    side waits on a stack. The work is the sort and two hashes a key.

    Raises:
        ValueError: a key or a value that does not have 32 bytes, or a key twice.
    """
    trie = Trie()
    ordered = sorted(items, key=itemgetter(0))  # a third of the time that comparing the pairs takes
    if not ordered:
        return trie, None
    if any(len(key) != KEY_BYTES or len(value) != HASH_BYTES for key, value in ordered):
        raise ValueError("a key and a value have 32 bytes")
    all_bits = (int.from_bytes(key) for key, _ in ordered)
    gaps = [(left ^ right).bit_length() - 1 for left, right in pairwise(all_bits)]
    if -1 in gaps:
        raise ValueError("a key stands there twice")
    trie.keys = bytearray().join([key for key, _ in ordered])
    trie.values = bytearray().join([value for _, value in ordered])
    trie.children = children = array("i", bytes(2 * len(gaps) * trie.children.itemsize))
    trie.shifts = shifts = bytearray(len(gaps))
    trie.hashes = bytearray(len(gaps) * HASH_BYTES)
    waiting: list[tuple[int, int, bytes]] = []
    reference = node = 0
    # After the last leaf comes a gap that is wider than all, and completes every node.
    for leaf, gap in enumerate([*gaps, KEY_BITS]):
        reference, hash_ = ~leaf, hash_map_leaf(*ordered[leaf])
        while waiting and waiting[-1][0] < gap:
            shifts[node], children[2 * node], left_hash = waiting.pop()
            children[2 * node + 1] = reference
            hash_ = hash_map_node(KEY_BITS - 1 - shifts[node], left_hash, hash_)
            trie.set_hash(node, hash_)
            reference, node = node, node + 1
        waiting.append((gap, reference, hash_))
    return trie, reference
