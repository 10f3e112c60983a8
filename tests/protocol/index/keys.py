"""Keys that share anything from no bit to all but the last, which hashes of names would never do."""

from hashlib import sha256

from hypothesis import strategies as st


def key_of(number: int) -> bytes:
    return sha256(number.to_bytes(8)).digest()


def value_of(number: int) -> bytes:
    return sha256(b"value" + number.to_bytes(8)).digest()


def items_of(size: int) -> dict[bytes, bytes]:
    return {key_of(number): value_of(number) for number in range(size)}


def with_bit_flipped(key: bytes, position: int) -> bytes:
    return (int.from_bytes(key) ^ 1 << 255 - position).to_bytes(32)


CROWDED = st.builds(
    lambda base, positions: (base ^ sum(1 << position for position in positions)).to_bytes(32),
    st.sampled_from([0, 2**256 - 1, int.from_bytes(key_of(0))]),
    st.sets(st.sampled_from([0, 1, 2, 7, 8, 127, 128, 254, 255]), max_size=4),
)
KEYS = CROWDED | st.binary(min_size=32, max_size=32)
VALUES = st.integers(0, 99).map(value_of)
ITEMS = st.dictionaries(KEYS, VALUES, max_size=24)
