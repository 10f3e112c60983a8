import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from protocol.errors import TallyError
from protocol.index.map import IndexMap
from protocol.index.map_proof import verify_map_proof
from tests.protocol.index.keys import items_of, key_of, value_of


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
