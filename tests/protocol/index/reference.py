"""The map as its page describes it, computed anew each time, without a line of the code under test."""

from collections.abc import Mapping
from hashlib import sha256

EMPTY = sha256(b"").digest()


def bit(key: bytes, position: int) -> str:
    return f"{int.from_bytes(key):0256b}"[position]


def position_of(keys: list[bytes]) -> int:
    """The first bit in which not all keys agree."""
    return next(p for p in range(256) if len({bit(key, p) for key in keys}) == 2)


def root_of(items: Mapping[bytes, bytes]) -> bytes:
    if not items:
        return EMPTY
    if len(items) == 1:
        ((key, value),) = items.items()
        return sha256(b"\x02" + key + value).digest()
    p = position_of(list(items))
    left = {key: value for key, value in items.items() if bit(key, p) == "0"}
    right = {key: value for key, value in items.items() if bit(key, p) == "1"}
    return sha256(b"\x03" + bytes([p]) + root_of(left) + root_of(right)).digest()


def search(items: Mapping[bytes, bytes], key: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The key of the leaf that a search ends at, with the positions and siblings from there up."""
    if len(items) == 1:
        return next(iter(items)), []
    p = position_of(list(items))
    near = {other: value for other, value in items.items() if bit(other, p) == bit(key, p)}
    far = {other: value for other, value in items.items() if bit(other, p) != bit(key, p)}
    leaf, path = search(near, key)
    return leaf, [*path, (p, root_of(far))]
