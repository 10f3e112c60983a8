import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.errors import TallyError
from protocol.index.map import IndexMap, MapSnapshot
from protocol.index.map_proof import verify_map_proof
from tests.protocol.index.keys import CROWDED, ITEMS, KEYS, VALUES, key_of, value_of
from tests.protocol.index.reference import EMPTY, root_of

KNOWN_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "8057754111d0e82f6ccb69c35420ae94fb5df4a854576402c0eef767b8b7fe2f",
    2: "01e1de133ce226b3704cd7f2a7df5dfc043a3674e5a18991b99a5c89cb15757c",
    3: "af2b314b9df6d0234ef6a7433c60dbb9ca66b87d558925a0e17c81db71fd394b",
    100: "de77f1fa34d3772563912937cdacd300b6f609ab19ae8f980ec20d35dbe3bfc3",
}


def items_of(size: int) -> dict[bytes, bytes]:
    return {key_of(number): value_of(number) for number in range(size)}


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

    @rule()
    def discard(self) -> None:
        self.index.discard()
        self.draft = self.states[-1][1]

    @invariant()
    def every_state_stays_what_it_was(self) -> None:
        assert len(self.index) == len(self.draft)
        for snapshot, items in self.states:
            assert snapshot.root_hash == root_of(items)
            for key in items:
                proof = snapshot.prove(key)
                verify_map_proof(proof, key=key, value=items[key], map_root=snapshot.root_hash)


test_map_is_the_dictionary_at_every_state = Model.TestCase


class Interrupted:
    """Calls `write` once, when the arrays are read for the `moment`-th time."""

    def __init__(self, index: IndexMap, moment: int, write: Callable[[IndexMap], object]) -> None:
        self.moments_left = moment
        trie = index._trie

        def tick() -> None:
            self.moments_left -= 1
            if self.moments_left == 0:
                write(index)

        class Bytes(bytearray):
            def __getitem__(self, where: Any) -> Any:
                tick()
                return super().__getitem__(where)

        class Numbers(array):  # type: ignore[type-arg]
            def __getitem__(self, where: Any) -> Any:
                tick()
                return super().__getitem__(where)

        trie.values, trie.hashes = Bytes(trie.values), Bytes(trie.hashes)
        trie.children = Numbers("i", trie.children)


def write_draft(index: IndexMap) -> None:
    for number in range(0, 20, 3):
        index.put(key_of(number), value_of(99))
    index.root_hash()


def write_and_commit(index: IndexMap) -> None:
    write_draft(index)
    index.commit()


def write_and_discard(index: IndexMap) -> None:
    write_draft(index)
    index.discard()


def write_two_states(index: IndexMap) -> None:
    write_and_commit(index)
    index.put(key_of(1), value_of(98))
    index.put(key_of(40), value_of(98))
    index.root_hash()


@pytest.mark.parametrize("write", [write_draft, write_and_commit, write_and_discard, write_two_states])
def test_reader_interrupted_by_a_writer_at_any_moment_gets_its_state(
    write: Callable[[IndexMap], object],
) -> None:
    items = items_of(12)
    for key in (key_of(1), key_of(3), key_of(15)):
        for moment in count(1):
            index = IndexMap(items.items())
            snapshot, expected = index.published, index.published.prove(key)
            interrupted = Interrupted(index, moment, write)
            assert snapshot.get(key) == items.get(key)
            assert snapshot.prove(key) == expected
            if interrupted.moments_left > 0:
                break
        assert moment > 10


@pytest.fixture
def threads_switch_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def read_while_written(*, keys: int, turns: int, proofs: int) -> int:
    """Three readers prove keys of what is published, each at least `proofs` times, while a writer changes a
    seventh of the keys in a turn and then publishes the draft or discards it. Gives the number of proofs."""
    index = IndexMap((key_of(number), value_of(0)) for number in range(keys))
    finished = threading.Event()
    proven = [0, 0, 0]
    failures: list[TallyError] = []

    def read(reader: int) -> None:
        snapshot, number = index.published, reader
        while not finished.is_set():
            if number % 8 == 0:
                snapshot = index.published
            key, number = key_of(number), (number * 31 + 7) % (2 * keys)
            proof, value = snapshot.prove(key), snapshot.get(key)
            try:
                verify_map_proof(proof, key=key, value=value, map_root=snapshot.root_hash)
            except TallyError as error:
                failures.append(error)
                return
            proven[reader] += 1

    threads = [threading.Thread(target=read, args=(reader,)) for reader in range(3)]
    for thread in threads:
        thread.start()
    turn = 0
    while (turn < turns or min(proven) < proofs) and not failures:
        turn += 1
        for number in range(turn % 7, 2 * keys, 7):
            index.put(key_of(number), value_of(turn))
        index.root_hash()
        if turn % 3:
            index.commit()
        else:
            index.discard()
    finished.set()
    for thread in threads:
        thread.join()
    assert failures == []
    return sum(proven)


@pytest.mark.usefixtures("threads_switch_often")
def test_reader_gets_what_is_published_while_a_draft_is_written() -> None:
    assert read_while_written(keys=200, turns=20, proofs=200) >= 600


@pytest.mark.stress
@pytest.mark.usefixtures("threads_switch_often")
def test_readers_get_what_is_published_while_many_drafts_are_written(
    record_property: Callable[[str, object], None],
) -> None:
    record_property(
        "proofs read while the map was written", read_while_written(keys=5000, turns=60, proofs=20_000)
    )


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
