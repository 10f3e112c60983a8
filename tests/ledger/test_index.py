"""The index of a stored log: stated by its operator, followed by a node, and rebuilt at the start."""

import pytest

from ledger.index import LedgerIndex
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from protocol.index.chain import compute_chain
from protocol.index.leaf import IndexEntry, encode_index_entry, parse_index_entry
from protocol.index.map import IndexMap
from protocol.index.map_proof import EMPTY_MAP_ROOT
from protocol.tlog.merkle import EMPTY_ROOT, RightEdge, hash_leaf
from tests.ledger.world import AUTHORITY, World, append, history, names

UNIVERSITY = history("university", 3)
RECORDS = [UNIVERSITY[0], *names(2), UNIVERSITY[1], *names(2, "more"), UNIVERSITY[2]]


def index_of(store: LedgerStore, *, published_size: int = 0) -> LedgerIndex:
    return LedgerIndex(store, AUTHORITY, published_size=published_size)


def entry_at(size: int) -> IndexEntry:
    """What must be stated at this size, computed from the records alone."""
    lists: dict[bytes, list[tuple[int, bytes]]] = {}
    for number, record in enumerate(RECORDS[:size]):
        lists.setdefault(record.subject.key, []).append((number, hash_leaf(record.leaf)))
    root = RightEdge().append(hash_leaf(record.leaf) for record in RECORDS[:size]).root_hash()
    state = IndexMap((key, compute_chain(leaves)) for key, leaves in lists.items())
    return IndexEntry(AUTHORITY, size, root, state.published.root_hash)


def leaf_at(size: int) -> bytes:
    return encode_index_entry(entry_at(size))


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
    assert index_of(store).state(store.head()).tree_size == 1
    assert stated(store) == [IndexEntry(AUTHORITY, 0, EMPTY_ROOT, EMPTY_MAP_ROOT)]


def test_every_size_is_stated_once_and_rightly(world: World) -> None:
    store = world.store()
    index = index_of(store)
    for begin, end in [(0, 0), (0, 1), (1, 4), (4, 7)]:
        head = append(store, RECORDS[begin:end]) if end > begin else store.head()
        for _ in range(2):
            said = index.state(head)
            assert said == store.index.head() == index.head
    assert stated(store) == [entry_at(size) for size in (0, 1, 4, 7)]
    assert index.last == entry_at(7)
    assert index.map.root_hash == entry_at(7).map_root


@pytest.mark.parametrize("published", [0, 1, 2, 3])
def test_index_goes_on_where_it_stopped_with_the_published_map_beside(world: World, published: int) -> None:
    store = world.store()
    index = index_of(store)
    for begin, end in [(0, 2), (2, 5), (5, 6)]:
        index.state(append(store, RECORDS[begin:end]))
    again = index_of(store, published_size=published)
    size = (0, 2, 5, 6)[published]
    assert again.published_entry == entry_at(size)
    assert again.published_map.root_hash == entry_at(size).map_root
    assert (again.last, again.map.root_hash) == (entry_at(6), entry_at(6).map_root)
    again.state(append(store, RECORDS[6:]))
    assert stated(store)[-1] == entry_at(7)


def test_node_that_follows_states_the_same(world: World) -> None:
    store = world.store()
    append(store, RECORDS)
    index = index_of(store)
    for size in (0, 1, 4, 7):
        index.follow(leaf_at(size))
    assert stated(store) == [entry_at(size) for size in (0, 1, 4, 7)]
    assert index_of(store, published_size=4).map.root_hash == entry_at(7).map_root


@pytest.mark.parametrize(
    "wrong",
    [
        IndexEntry("other.example", 4, entry_at(4).root_hash, entry_at(4).map_root),
        IndexEntry(AUTHORITY, 2, entry_at(2).root_hash, entry_at(2).map_root),
        IndexEntry(AUTHORITY, 1, entry_at(1).root_hash, entry_at(1).map_root),
        IndexEntry(AUTHORITY, 4, bytes(32), entry_at(4).map_root),
        IndexEntry(AUTHORITY, 4, entry_at(4).root_hash, bytes(32)),
        IndexEntry(AUTHORITY, 4, entry_at(4).root_hash, entry_at(3).map_root),
    ],
    ids=["another log", "the same size", "a smaller size", "another root", "another map", "an older map"],
)
def test_entry_that_the_log_does_not_bear_out_is_refused_and_changes_nothing(
    world: World, wrong: IndexEntry
) -> None:
    store = world.store()
    append(store, RECORDS)
    index = index_of(store)
    index.follow(leaf_at(2))
    assert refused(VerificationError, index, encode_index_entry(wrong)) is Code.INDEX_ENTRY_INVALID
    assert refused(MalformedError, index, b"nonsense") is Code.INDEX_ENTRY_INVALID
    index.follow(leaf_at(4))
    assert stated(store) == [entry_at(2), entry_at(4)]


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
    index.state(append(store, RECORDS[:2]))
    index.state(append(store, RECORDS[2:]))
    world.alter(statement)
    with pytest.raises(UnavailableError) as caught:
        index_of(store, published_size=2)
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_columns_that_lie_about_a_new_entry_do_not_reach_the_map(world: World) -> None:
    """FI-C3: a bit flips in what is not hashed, between commit and signature."""
    store = world.store()
    index = index_of(store)
    index.state(append(store, RECORDS[:2]))
    head = append(store, RECORDS[2:])
    world.alter("UPDATE entry SET subject_key = zeroblob(32), leaf_hash = zeroblob(32) WHERE leaf_index = 3")
    index.state(head)
    assert index.last == entry_at(7)


def test_second_writer_of_the_index_log_is_refused(world: World) -> None:
    store = world.store()
    first, second = index_of(store), index_of(store)
    head = append(store, RECORDS[:2])
    first.state(head)
    with pytest.raises(RefusedError) as caught:
        second.state(head)
    assert caught.value.code is Code.VAULT_CHANGED


@pytest.mark.parametrize("committed", [False, True])
def test_lost_answer_of_the_database_is_found_out(
    world: World, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    store = world.store()
    index = index_of(store)
    honest = store.index.append

    def lose(leaves: list[bytes], *, after: Head, then: Head) -> None:
        if committed:
            honest(leaves, after=after, then=then)
        raise UnavailableError(Code.DATABASE_UNAVAILABLE)

    head = append(store, RECORDS[:2])
    with monkeypatch.context() as patch:
        patch.setattr(store.index, "append", lose)
        if committed:
            index.state(head)
        else:
            with pytest.raises(UnavailableError):
                index.state(head)
    index.state(append(store, RECORDS[2:4]))
    assert stated(store)[-1] == entry_at(4)
    assert index_of(store, published_size=store.index.head().tree_size).last == entry_at(4)
