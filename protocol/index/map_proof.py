"""The map's hashes, and the proof that it has a value for a key, or none.

    leaf  = SHA-256(0x02 ‖ key ‖ value)
    node  = SHA-256(0x03 ‖ p, 1 byte ‖ left ‖ right)
    empty = SHA-256("")

A node branches at the bit position p of the keys, 0 being the most significant bit of the first byte: those
with a 0 are on its left, those with a 1 on its right, and neither side is empty.
"""

import hashlib
from dataclasses import dataclass

from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.index.subject import KEY_BITS, KEY_BYTES

EMPTY_MAP_ROOT = hashlib.sha256(b"").digest()

_NODE_PREFIXES = tuple(bytes([0x03, position]) for position in range(KEY_BITS))


@dataclass(frozen=True, slots=True)
class PathStep:
    """A node on the way up: the position at which it branches, and the hash of its other side."""

    position: int
    sibling: bytes


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The leaf that a search for another key ends at."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class MapProof:
    """A proof about one key, unverified: `path` leads from the leaf up to the root.

    `neighbour` is there when the map has no value for the key and is not empty; the leaf is then that one.
    """

    path: tuple[PathStep, ...] = ()
    neighbour: Neighbour | None = None


def hash_map_leaf(key: bytes, value: bytes) -> bytes:
    """The hash of a leaf of the map, from 32 bytes each."""
    return hashlib.sha256(b"\x02" + key + value).digest()


def hash_map_node(position: int, left: bytes, right: bytes) -> bytes:
    """The hash of the node that branches at `position` between `left` and `right`, 32 bytes each."""
    return hashlib.sha256(_NODE_PREFIXES[position] + left + right).digest()


def verify_map_proof(proof: MapProof, *, key: bytes, value: bytes | None, map_root: bytes) -> None:
    """Check that the map with the root `map_root` has `value` for `key`; with None, that it has none.

    All hashes, the key and the value have 32 bytes. Says nothing about who vouches for `map_root`; see
    `protocol.index.proof`. That the map has the shape of a trie is their word too: in one that they built
    wrongly, a key could be at two places.

    Raises:
        VerificationError: another length, positions that do not shrink on the way up, a neighbour where there
            must be none, none where there must be one, one that a search for `key` does not end at, or a path
            to another root.
    """
    if value is not None:
        if proof.neighbour is not None:
            raise _invalid("a neighbour beside a value")
        leaf_key, leaf_value = key, value
    elif proof.neighbour is not None:
        leaf_key, leaf_value = proof.neighbour.key, proof.neighbour.value
        if leaf_key == key:
            raise _invalid("the neighbour is the one that is said not to be there")
    else:
        if proof.path or map_root != EMPTY_MAP_ROOT:
            raise _invalid("only an empty map has no neighbour")
        return
    lengths = {len(key), len(leaf_key), len(leaf_value), *(len(step.sibling) for step in proof.path)}
    if lengths != {KEY_BYTES}:
        raise _invalid("a key, a value or a hash has 32 bytes")
    bits, leaf_bits = int.from_bytes(key), int.from_bytes(leaf_key)
    hash_, below = hash_map_leaf(leaf_key, leaf_value), KEY_BITS
    for step in proof.path:
        if not 0 <= step.position < below:
            raise _invalid("a position does not shrink on the way up")
        below = step.position
        shift = KEY_BITS - 1 - step.position
        if (bits ^ leaf_bits) >> shift & 1:
            raise _invalid("a search for the key does not end at the neighbour")
        if leaf_bits >> shift & 1:
            hash_ = hash_map_node(step.position, step.sibling, hash_)
        else:
            hash_ = hash_map_node(step.position, hash_, step.sibling)
    if hash_ != map_root:
        raise _invalid("the path leads to another root of the map")


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.INDEX_PROOF_INVALID, detail)
