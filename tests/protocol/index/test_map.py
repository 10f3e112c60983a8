from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.index.chain import IndexedLeaf, compute_chains
from protocol.index.map import IndexMap, MapSnapshot
from protocol.index.map_proof import verify_map_proof
from tests.protocol.index.keys import CROWDED, ITEMS, KEYS, VALUES, items_of, key_of, value_of
from tests.protocol.index.reference import EMPTY, root_of

KNOWN_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "8057754111d0e82f6ccb69c35420ae94fb5df4a854576402c0eef767b8b7fe2f",
    2: "01e1de133ce226b3704cd7f2a7df5dfc043a3674e5a18991b99a5c89cb15757c",
    3: "af2b314b9df6d0234ef6a7433c60dbb9ca66b87d558925a0e17c81db71fd394b",
    100: "de77f1fa34d3772563912937cdacd300b6f609ab19ae8f980ec20d35dbe3bfc3",
}


def assert_is(snapshot: MapSnapshot, items: dict[bytes, bytes]) -> None:
    """The snapshot is the map over `items`, in all it says."""
    assert len(snapshot) == len(items)
    assert snapshot.root_hash == root_of(items)
    for key in (*items, key_of(10_000), bytes(32), b"\xff" * 32):
        assert snapshot.get(key) == items.get(key)
        proof = snapshot.prove(key)
        verify_map_proof(proof, key=key, value=items.get(key), map_root=snapshot.root_hash)


@pytest.mark.parametrize(("size", "root"), KNOWN_ROOTS.items())
def test_root_over_the_first_keys_is_the_known_one(size: int, root: str) -> None:
    assert root_of(items_of(size)).hex() == root
    built = IndexMap(items_of(size).items())
    assert built.root_hash().hex() == built.published.root_hash.hex() == root
    grown = IndexMap()
    for key, value in items_of(size).items():
        grown.put(key, value)
    assert grown.root_hash().hex() == root


def test_empty_map_has_no_key() -> None:
    empty = IndexMap()
    assert (len(empty), empty.root_hash(), empty.get(key_of(1))) == (0, EMPTY, None)
    assert_is(empty.published, {})


def test_order_of_insertion_does_not_matter() -> None:
    items = items_of(5)
    for order in permutations(items):
        grown = IndexMap()
        for key in order:
            grown.put(key, items[key])
        assert grown.root_hash() == root_of(items)


def test_map_that_takes_leaves_one_by_one_is_that_of_the_whole_log() -> None:
    time = datetime(2026, 11, 22, tzinfo=UTC)
    leaves = [(key_of(number % 7), IndexedLeaf(number, time, value_of(number))) for number in range(30)]
    whole, grown = IndexMap(compute_chains(leaves).items()), IndexMap()
    for key, leaf in leaves:
        grown.append(key, leaf)
    assert (len(grown), grown.root_hash()) == (7, whole.root_hash())
    assert_is(grown.commit(), compute_chains(leaves))


def test_draft_is_read_by_its_writer_only() -> None:
    items = items_of(20)
    index = IndexMap(items.items())
    index.put(key_of(3), value_of(0))
    index.put(key_of(20), value_of(20))
    draft = {**items, key_of(3): value_of(0), key_of(20): value_of(20)}
    assert [index.get(key_of(number)) for number in (3, 20, 21)] == [value_of(0), value_of(20), None]
    assert len(index) == 21
    assert index.root_hash() == root_of(draft)
    assert_is(index.published, items)
    assert_is(index.commit(), draft)
    assert_is(index.published, draft)


def test_key_put_again_in_the_same_draft_has_its_last_value() -> None:
    index = IndexMap(items_of(3).items())
    for value in (value_of(7), value_of(8)):
        index.put(key_of(2), value)
        index.put(key_of(3), value)
    assert_is(index.published, items_of(3))
    assert_is(index.commit(), items_of(3) | {key_of(2): value_of(8), key_of(3): value_of(8)})


def test_discarded_draft_leaves_nothing_behind() -> None:
    items = items_of(20)
    index = IndexMap(items.items())
    for _ in range(2):
        for number in range(15, 25):
            index.put(key_of(number), value_of(0))
        index.root_hash()
        index.discard()
        assert (len(index), index.root_hash()) == (20, root_of(items))
        assert_is(index.published, items)
    index.put(key_of(30), value_of(30))
    assert_is(index.commit(), items | {key_of(30): value_of(30)})


def test_small_draft_is_discarded_after_a_large_one() -> None:
    index = IndexMap(items_of(5).items())
    for size in (60, 6):
        for value in (value_of(0), value_of(1)):
            for number in range(size):
                index.put(key_of(number), value)
            index.root_hash()
        index.discard()
        assert index.root_hash() == root_of(items_of(5))
        assert_is(index.published, items_of(5))


def test_discarded_first_draft_leaves_an_empty_map() -> None:
    index = IndexMap()
    index.put(key_of(1), value_of(1))
    index.put(key_of(2), value_of(2))
    index.discard()
    assert (len(index), index.root_hash()) == (0, EMPTY)
    index.put(key_of(2), value_of(2))
    assert_is(index.commit(), {key_of(2): value_of(2)})


def test_commit_of_nothing_publishes_the_same() -> None:
    index = IndexMap(items_of(3).items())
    before = index.published
    assert_is(index.commit(), items_of(3))
    assert_is(before, items_of(3))


def test_state_is_read_after_many_later_ones() -> None:
    items = items_of(8)
    index = IndexMap(items.items())
    states = [(index.published, dict(items))]
    for number in range(4, 40):
        items[key_of(number)] = value_of(100 + number)
        index.put(key_of(number), items[key_of(number)])
        if number % 5 == 0:
            index.discard()
            items = dict(states[-1][1])
        else:
            states.append((index.commit(), dict(items)))
    for snapshot, expected in states:
        assert_is(snapshot, expected)


@pytest.mark.parametrize(("key", "value"), [(bytes(31), bytes(32)), (bytes(32), bytes(33)), (b"", b"")])
def test_key_or_value_of_another_length_is_a_mistake_of_the_caller(key: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        IndexMap([(key, value)])
    with pytest.raises(ValueError, match="32 bytes"):
        IndexMap().put(key, value)


def test_key_that_stands_there_twice_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="twice"):
        IndexMap([(key_of(1), value_of(1)), (key_of(2), value_of(2)), (key_of(1), value_of(3))])


@given(ITEMS, st.lists(st.tuples(KEYS, VALUES), max_size=12))
def test_grown_map_is_the_built_one(items: dict[bytes, bytes], more: list[tuple[bytes, bytes]]) -> None:
    index = IndexMap(items.items())
    for key, value in more:
        index.put(key, value)
    both = items | dict(more)
    assert index.root_hash() == IndexMap(both.items()).root_hash() == root_of(both)


class Model(RuleBasedStateMachine):
    """A map beside a dictionary, with every state that was ever published kept and read again."""

    def __init__(self) -> None:
        super().__init__()
        self.index = IndexMap()
        self.draft: dict[bytes, bytes] = {}
        self.states = [(self.index.published, self.draft)]

    @rule(key=CROWDED, value=VALUES)
    def put(self, key: bytes, value: bytes) -> None:
        self.index.put(key, value)
        self.draft = self.draft | {key: value}

    @rule()
    def look(self) -> None:
        assert self.index.root_hash() == root_of(self.draft)

    @rule()
    def commit(self) -> None:
        self.states.append((self.index.commit(), self.draft))
        assert self.index.published.root_hash == root_of(self.draft)

    @rule()
    def discard(self) -> None:
        self.index.discard()
        self.draft = self.states[-1][1]

    @invariant()
    def every_state_stays_what_it_was(self) -> None:
        assert len(self.index) == len(self.draft)
        for snapshot, items in self.states:
            for key in items:
                proof = snapshot.prove(key)
                verify_map_proof(proof, key=key, value=items[key], map_root=snapshot.root_hash)


test_map_is_the_dictionary_at_every_state = Model.TestCase
test_map_is_the_dictionary_at_every_state.settings = settings(max_examples=40)


@pytest.mark.stress
def test_large_map_is_the_same_built_and_grown_and_proves_every_key(
    record_property: Callable[[str, object], None],
) -> None:
    items = items_of(100_000)
    built, grown = IndexMap(items.items()), IndexMap()
    for number, (key, value) in enumerate(items.items()):
        grown.put(key, value)
        if number % 1000 == 0:
            grown.commit()
    assert built.root_hash() == grown.root_hash() == root_of(items)
    published = grown.commit()
    for number in range(200_000):
        key = key_of(number)
        expected = items.get(key)
        assert published.get(key) == expected
        verify_map_proof(published.prove(key), key=key, value=expected, map_root=built.published.root_hash)
    record_property("keys of a large map proven present or absent", 200_000)
