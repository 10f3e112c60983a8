from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding.time import from_seconds
from protocol.index.chain import EMPTY_CHAIN, IndexedLeaf, compute_chain, compute_chains, extend_chain

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECONDS = 1_795_348_800  # of that time, since 1970
LEAVES = [
    IndexedLeaf(0, START, bytes([1]) * 32),
    IndexedLeaf(5, START + timedelta(seconds=1), bytes([2]) * 32),
    IndexedLeaf(2**63 - 1, START + timedelta(seconds=1), bytes([3]) * 32),
]


def test_value_of_no_entry_is_zero_bytes() -> None:
    assert compute_chain([]) == EMPTY_CHAIN == bytes(32)


def test_value_is_the_chain_of_the_page() -> None:
    assert START.timestamp() == SECONDS
    time, later = (bytes(4) + number.to_bytes(4) for number in (SECONDS, SECONDS + 1))
    first = sha256(b"\x04" + bytes(32) + bytes(8) + time + bytes([1]) * 32).digest()
    second = sha256(b"\x04" + first + bytes([0, 0, 0, 0, 0, 0, 0, 5]) + later + bytes([2]) * 32).digest()
    assert compute_chain(LEAVES[:1]) == first
    assert compute_chain(LEAVES[:2]) == second
    last = sha256(b"\x04" + second + b"\x7f" + b"\xff" * 7 + later + bytes([3]) * 32).digest()
    assert compute_chain(LEAVES) == last


ANY_LEAF = st.builds(
    IndexedLeaf,
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**32).map(from_seconds),
    st.binary(min_size=32, max_size=32),
)


@given(st.lists(ANY_LEAF, max_size=8))
def test_chain_made_step_by_step_is_the_chain_made_at_once(leaves: list[IndexedLeaf]) -> None:
    value = EMPTY_CHAIN
    for leaf in leaves:
        value = extend_chain(value, leaf)
    assert value == compute_chain(leaves)


@given(st.permutations(LEAVES))
def test_chain_in_another_order_is_another(leaves: list[IndexedLeaf]) -> None:
    assert (compute_chain(leaves) == compute_chain(LEAVES)) == (leaves == LEAVES)


@given(st.lists(st.sampled_from([bytes([number]) * 32 for number in range(3)]), max_size=12))
def test_chains_of_a_log_are_those_of_its_subjects_one_by_one(keys: list[bytes]) -> None:
    leaves = [(key, IndexedLeaf(index, START, bytes([index]) * 32)) for index, key in enumerate(keys)]
    expected = {key: compute_chain(leaf for about, leaf in leaves if about == key) for key in keys}
    assert compute_chains(leaves) == expected
