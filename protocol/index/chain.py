"""The value of a subject in the map: one hash over the list of its entries, longer by one step for each.

value_0 = 32 zero bytes
value_i = SHA-256(0x04 ‖ value_{i-1} ‖ leaf index, 8 bytes big-endian ‖ leaf hash)
"""

import hashlib
from collections.abc import Iterable

from protocol.tlog.merkle import HASH_BYTES

EMPTY_CHAIN = bytes(HASH_BYTES)


def extend_chain(value: bytes, leaf_index: int, leaf_hash: bytes) -> bytes:
    """The value after one more entry: the leaf `leaf_index` of the log, whose hash is `leaf_hash`.

    `value` is what it was before: `EMPTY_CHAIN` for a subject the log has not held anything about.
    """
    return hashlib.sha256(b"\x04" + value + leaf_index.to_bytes(8) + leaf_hash).digest()


def compute_chain(leaves: Iterable[tuple[int, bytes]]) -> bytes:
    """The value over all leaves of a subject, index and hash of each, in the order of the log."""
    value = EMPTY_CHAIN
    for leaf_index, leaf_hash in leaves:
        value = extend_chain(value, leaf_index, leaf_hash)
    return value


def compute_chains(leaves: Iterable[tuple[bytes, int, bytes]]) -> dict[bytes, bytes]:
    """The values of all subjects by their keys, from the whole log.

    For each leaf, in the order of the log: the key of a subject it is about, its index and its hash.
    """
    values: dict[bytes, bytes] = {}
    for key, leaf_index, leaf_hash in leaves:
        values[key] = extend_chain(values.get(key, EMPTY_CHAIN), leaf_index, leaf_hash)
    return values
