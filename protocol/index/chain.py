"""The value of a subject in the map: one hash over the list of its entries, longer by one step for each.

value_0 = 32 zero bytes
value_i = SHA-256(0x04 ‖ value_{i-1} ‖ leaf index ‖ time, 8 bytes big-endian each ‖ leaf hash)
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from protocol.encoding.time import to_seconds
from protocol.tlog.merkle import HASH_BYTES

EMPTY_CHAIN = bytes(HASH_BYTES)


class IndexedLeaf(NamedTuple):
    """What the index holds of a leaf of the log: its index, the time it was logged, and its hash."""

    leaf_index: int
    time: datetime
    leaf_hash: bytes


def extend_chain(value: bytes, leaf: IndexedLeaf) -> bytes:
    """The value after one more entry, `leaf`.

    `value` is what it was before: `EMPTY_CHAIN` for a subject the log has not held anything about.
    """
    numbers = leaf.leaf_index.to_bytes(8) + to_seconds(leaf.time).to_bytes(8)
    return hashlib.sha256(b"\x04" + value + numbers + leaf.leaf_hash).digest()


def compute_chain(leaves: Iterable[IndexedLeaf]) -> bytes:
    """The value over all leaves of a subject, in the order of the log."""
    value = EMPTY_CHAIN
    for leaf in leaves:
        value = extend_chain(value, leaf)
    return value


def compute_chains(leaves: Iterable[tuple[bytes, IndexedLeaf]]) -> dict[bytes, bytes]:
    """The values of all subjects by their keys, from the whole log.

    `leaves` are in the order of the log, each with the key of a subject it is about.
    """
    values: dict[bytes, bytes] = {}
    for key, leaf in leaves:
        values[key] = extend_chain(values.get(key, EMPTY_CHAIN), leaf)
    return values
