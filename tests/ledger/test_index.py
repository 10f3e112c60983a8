"""The index of a stored log: stated by its operator, followed by a node, and rebuilt at the start."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from ledger.index import LedgerIndex
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from protocol.index.chain import IndexedLeaf, compute_chain
from protocol.index.leaf import IndexEntry, encode_index_entry, parse_index_entry
from protocol.index.map import IndexMap
from protocol.index.map_proof import EMPTY_MAP_ROOT
from protocol.tlog.merkle import EMPTY_ROOT, RightEdge, hash_leaf
from tests.ledger.world import AUTHORITY, NOW, World, append, history, names

UNIVERSITY = history("university", 3)
RECORDS = [UNIVERSITY[0], *names(2), UNIVERSITY[1], *names(2, "more"), UNIVERSITY[2]]


def index_of(store: LedgerStore, *, published_size: int = 0) -> LedgerIndex:
    return LedgerIndex(store, AUTHORITY, published_size=published_size)


def time_at(size: int) -> datetime:
    return NOW + timedelta(minutes=size)


def entry_at(size: int, *before: int) -> IndexEntry:
    """What must be stated at this size, after `before`, computed from the records alone."""
    lists: dict[bytes, list[IndexedLeaf]] = {}
    for number, record in enumerate(RECORDS[:size]):
        time = time_at(min(made for made in (*before, size) if made > number))
        leaf = IndexedLeaf(number, time, hash_leaf(record.leaf))
        lists.setdefault(record.subject.key, []).append(leaf)
    root = RightEdge().append(hash_leaf(record.leaf) for record in RECORDS[:size]).root_hash()
    state = IndexMap((key, compute_chain(leaves)) for key, leaves in lists.items())
    return IndexEntry(AUTHORITY, size, time_at(size), root, state.published.root_hash)


def entries_at(*sizes: int) -> list[IndexEntry]:
    return [entry_at(size, *sizes[:number]) for number, size in enumerate(sizes)]


def state(index: LedgerIndex, head: Head) -> Head:
    return index.state(head, now=time_at(head.tree_size))


def stated(store: LedgerStore) -> list[IndexEntry]:
    return [parse_index_entry(leaf) for leaf in store.index.read_leaves(0, store.index.head().tree_size)]


def refused(kind: type[TallyError], index: LedgerIndex, leaf: bytes) -> Code:
    before = (index.head, index.last, index.map.root_hash)
    with pytest.raises(kind) as caught:
        index.follow(leaf)
    assert (index.head, index.last, index.map.root_hash) == before
    return caught.value.code


def test_empty_log_is_stated_too(world: World) -> None:
    store = world.store()
    assert state(index_of(store), store.head()).tree_size == 1
    assert stated(store) == [IndexEntry(AUTHORITY, 0, NOW, EMPTY_ROOT, EMPTY_MAP_ROOT)]


def test_every_size_is_stated_once_and_rightly(world: World) -> None:
    store = world.store()
    index = index_of(store)
    for begin, end in [(0, 0), (0, 1), (1, 4), (4, 7)]:
        head = append(store, RECORDS[begin:end]) if end > begin else store.head()
        for _ in range(2):
            said = state(index, head)
            assert said == store.index.head() == index.head
    assert stated(store) == entries_at(0, 1, 4, 7)
    assert index.map.root_hash == index.last.map_root
    assert [index.times.of(number) for number in (0, 1, 3, 4, 6)] == [time_at(n) for n in (1, 4, 4, 7, 7)]


def test_time_of_a_clock_that_was_set_back_is_the_last_one(world: World) -> None:
    store = world.store()
    index = index_of(store)
    index.state(append(store, RECORDS[:2]), now=NOW)
    index.state(append(store, RECORDS[2:]), now=NOW - timedelta(days=1))
    assert [entry.time for entry in stated(store)] == [NOW, NOW]


@pytest.mark.parametrize("published", [0, 1, 2, 3])
def test_index_goes_on_where_it_stopped_with_the_published_map_beside(world: World, published: int) -> None:
    store = world.store()
    index = index_of(store)
    for begin, end in [(0, 2), (2, 5), (5, 6)]:
        state(index, append(store, RECORDS[begin:end]))
    made = entries_at(2, 5, 6)
    again = index_of(store, published_size=published)
    if published:
        assert again.published_entry == made[published - 1]
    assert again.published_map.root_hash == again.published_entry.map_root
    assert (again.last, again.map.root_hash) == (made[-1], made[-1].map_root)
    state(again, append(store, RECORDS[6:]))
    assert stated(store) == entries_at(2, 5, 6, 7)


def test_node_that_follows_states_the_same(world: World) -> None:
    store = world.store()
    append(store, RECORDS)
    index = index_of(store)
    for entry in entries_at(0, 1, 4, 7):
        index.follow(encode_index_entry(entry))
    assert stated(store) == entries_at(0, 1, 4, 7)
    assert index_of(store, published_size=4).map.root_hash == index.map.root_hash


TWO, FOUR = entries_at(2, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(FOUR, origin="other.example"),
        TWO,
        entry_at(1),
        replace(FOUR, root_hash=bytes(32)),
        replace(FOUR, map_root=bytes(32)),
        replace(FOUR, map_root=TWO.map_root),
        replace(FOUR, time=FOUR.time + timedelta(seconds=1)),
        replace(FOUR, time=TWO.time - timedelta(seconds=1)),
        entry_at(4),
    ],
    ids=[
        "another log",
        "the same size",
        "a smaller size",
        "another root",
        "another map",
        "an older map",
        "another time than in the map",
        "an earlier time",
        "other times of what was logged before",
    ],
)
def test_entry_that_the_log_does_not_bear_out_is_refused_and_changes_nothing(
    world: World, wrong: IndexEntry
) -> None:
    store = world.store()
    append(store, RECORDS)
    index = index_of(store)
    index.follow(encode_index_entry(TWO))
    assert refused(VerificationError, index, encode_index_entry(wrong)) is Code.INDEX_ENTRY_INVALID
    assert refused(MalformedError, index, b"nonsense") is Code.INDEX_ENTRY_INVALID
    index.follow(encode_index_entry(FOUR))
    assert stated(store) == [TWO, FOUR]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET subject_key = zeroblob(32) WHERE leaf_index = 3",
        "UPDATE entry SET leaf_hash = zeroblob(32) WHERE leaf_index = 3",
        "UPDATE index_entry SET leaf = zeroblob(8) WHERE leaf_index = 1",
        "UPDATE index_entry SET leaf = CAST('text' AS TEXT) WHERE leaf_index = 1",
        "DELETE FROM entry WHERE leaf_index = 3",
        "DELETE FROM index_entry WHERE leaf_index = 1",
    ],
)
def test_damage_is_noticed_when_the_index_is_taken_up(world: World, statement: str) -> None:
    store = world.store()
    index = index_of(store)
    state(index, append(store, RECORDS[:2]))
    state(index, append(store, RECORDS[2:]))
    world.alter(statement)
    with pytest.raises(UnavailableError) as caught:
        index_of(store, published_size=2)
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_columns_that_lie_about_a_new_entry_do_not_reach_the_map(world: World) -> None:
    """FI-C3: a bit flips in what is not hashed, between commit and signature."""
    store = world.store()
    index = index_of(store)
    state(index, append(store, RECORDS[:2]))
    head = append(store, RECORDS[2:])
    world.alter("UPDATE entry SET subject_key = zeroblob(32), leaf_hash = zeroblob(32) WHERE leaf_index = 3")
    state(index, head)
    assert index.last == entry_at(7, 2)


def test_second_writer_of_the_index_log_is_refused(world: World) -> None:
    store = world.store()
    first, second = index_of(store), index_of(store)
    head = append(store, RECORDS[:2])
    state(first, head)
    with pytest.raises(RefusedError) as caught:
        state(second, head)
    assert caught.value.code is Code.VAULT_CHANGED


@pytest.mark.parametrize("committed", [False, True])
def test_lost_answer_of_the_database_is_found_out_when_that_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    store = world.store()
    index = index_of(store)
    honest = store.index.append

    def lose(leaves: list[bytes], *, after: Head, then: Head) -> None:
        if committed:
            honest(leaves, after=after, then=then)
        patch.setattr(store.index, "head", away)
        raise UnavailableError(Code.DATABASE_UNAVAILABLE)

    def away() -> Head:
        raise UnavailableError(Code.DATABASE_UNAVAILABLE)

    head = append(store, RECORDS[:2])
    with monkeypatch.context() as patch:
        patch.setattr(store.index, "append", lose)
        for _ in range(2):
            with pytest.raises(UnavailableError):
                state(index, head)
    # What is stated later was logged later.
    for moment in (time_at(3), time_at(4)):
        index.state(head, now=moment)
    state(index, append(store, RECORDS[2:4]))
    first = TWO if committed else replace(TWO, time=time_at(3))
    assert [(entry.tree_size, entry.time) for entry in stated(store)] == [(2, first.time), (4, time_at(4))]
    assert index_of(store, published_size=store.index.head().tree_size).last == index.last


class Unreliable:
    """The database of a store, which goes away at some moment, and may lose the answer to a commit then."""

    def __init__(self, store: LedgerStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: float = math.inf
        self.commits_first = False
        for tree in (store, store.index):
            for door in ("_reading", "_writing"):
                monkeypatch.setattr(tree, door, partial(self._enter, getattr(tree, door), door))

    @contextmanager
    def _enter(
        self, honest: Callable[[], AbstractContextManager[Connection]], door: str
    ) -> Iterator[Connection]:
        self.left -= 1
        if self.left < 0 or (self.left == 0 and not (self.commits_first and door == "_writing")):
            raise UnavailableError(Code.DATABASE_UNAVAILABLE)
        with honest() as connection:
            yield connection
        if self.left == 0:
            raise UnavailableError(Code.DATABASE_UNAVAILABLE, "the connection was lost")


@pytest.mark.parametrize("commits_first", [False, True], ids=["before", "commits first"])
@pytest.mark.parametrize("follows", [False, True], ids=["operator", "node"])
def test_database_that_goes_away_at_any_call_leaves_nothing_of_an_attempt_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, follows: bool, commits_first: bool
) -> None:
    """FI-K1."""
    store = world.store()
    append(store, RECORDS)
    index = index_of(store)
    database = Unreliable(store, monkeypatch)
    heads = [Head(size, entry_at(size).root_hash) for size in range(1, 8)]
    made = entries_at(*range(1, 8))

    def attempt(number: int, later: int) -> None:
        if follows:
            index.settle()
            if index.head.tree_size == number:
                index.follow(encode_index_entry(made[number]))
        else:
            index.state(heads[number], now=NOW + timedelta(minutes=later))

    failed = 0
    for number in range(7):
        database.commits_first = commits_first
        # At its first call, at its second one, and so on; other times at each attempt.
        database.left = number + 1
        try:
            attempt(number, 10 * number)
        except UnavailableError:
            failed += 1
        database.left = math.inf
        attempt(number, 10 * number + 5)
        assert index.head == store.index.head()
        assert index.last.tree_size == number + 1
        assert index_of(store, published_size=number + 1).map.root_hash == index.map.root_hash
    assert failed >= 3
