from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_mock_engine, make_url

from ledger.store import LedgerStore, NewestVersion
from ledger.stored_tree import Head, Publication
from ledger.tables import METADATA
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from protocol.records.timestamp import create_timestamp
from protocol.tlog.merkle import EMPTY_ROOT, RightEdge, compute_root, hash_leaf
from protocol.tlog.tiles import EntryBundle, HashTile, read_hashes_from_tiles
from storage.database import open_database
from storage.management_key import ManagementKey
from tests.ledger.world import NOW, World, append, history, names
from tests.racing import race

pytestmark = pytest.mark.both_engines

EMPTY = Head(0, EMPTY_ROOT)


@pytest.fixture
def store(world: World) -> LedgerStore:
    return world.store()


def test_new_log_is_empty(store: LedgerStore) -> None:
    assert store.head() == EMPTY
    assert store.publication() is None
    assert store.dids() == []
    assert store.read_leaves(0, 0) == []
    assert store.history("nobody") == []


def test_log_is_created_once(store: LedgerStore) -> None:
    with pytest.raises(RefusedError) as caught:
        store.create()
    assert caught.value.code is Code.VAULT_EXISTS


def test_database_without_a_log_is_not_initialized(store: LedgerStore, world: World) -> None:
    world.alter("DELETE FROM head")
    with pytest.raises(RefusedError) as caught:
        store.head()
    assert caught.value.code is Code.NOT_INITIALIZED


@pytest.mark.parametrize("is_there", [False, True])
def test_damaged_head_is_noticed(store: LedgerStore, world: World, is_there: bool) -> None:
    if not is_there:
        world.alter("DROP TABLE head")
    elif world.address is None:
        world.alter("UPDATE head SET root_hash = 'text'")
    else:
        world.alter("ALTER TABLE head ALTER root_hash TYPE TEXT USING 'text'")
    with pytest.raises(UnavailableError) as caught:
        store.head()
    assert caught.value.code is Code.DATABASE_DAMAGED


def test_what_was_appended_is_read_back(store: LedgerStore) -> None:
    first, second = names(3), history("university", 2)
    append(store, first)
    head = append(store, second)
    records = [*first, *second]
    assert store.head() == head
    assert store.read_leaves(0, 5) == [record.leaf for record in records]
    assert store.read_leaves(1, 3) == [record.leaf for record in records[1:3]]
    assert store.read_bundle(EntryBundle(0, 4)) == [record.leaf for record in records[:4]]
    assert [entry.leaf_index for entry in store.history(second[0].did.scid)] == [3, 4]
    assert [entry.leaf for entry in store.history(second[0].did.scid)] == [r.leaf for r in second]
    assert store.find_leaf(hash_leaf(records[4].leaf)) == 4
    assert store.find_leaf(bytes(32)) is None
    assert store.find_did(second[0].did.did) == second[0].did.scid
    assert store.find_did("did:webvh:nobody") is None
    assert store.find_paths(["/university/did.jsonl", "/nobody/did.jsonl"]) == {
        "/university/did.jsonl": second[0].did.scid
    }
    scid = second[0].did.scid
    assert store.find_versions([(scid, 1), (scid, 2), (scid, 3)]) == {
        (scid, number): (2 + number, hash_leaf(record.leaf)) for number, record in enumerate(second, 1)
    }
    assert store.dids() == sorted({record.did.did for record in records})
    assert store.find_newest(scid) == NewestVersion(2, hash_leaf(second[1].leaf))
    assert store.find_newest("nobody") is None
    assert store.find_versions([]) == {}
    assert store.find_paths([]) == {}


def test_tiles_are_those_of_the_tree_however_it_grew(store: LedgerStore) -> None:
    records = names(300)
    for begin, end in [(0, 1), (1, 200), (200, 257), (257, 300)]:
        append(store, records[begin:end])
    head = store.head()
    assert head == Head(300, RightEdge().append(hash_leaf(r.leaf) for r in records).root_hash())
    assert compute_root(300, read_hashes_from_tiles(300, store.read_tiles)) == head.root_hash
    [full, narrow] = store.read_tiles([HashTile(0, 0), HashTile(0, 0, 7)])
    assert len(full) == 256 * 32
    assert narrow == full[: 7 * 32]
    for size in (1, 200, 257):
        expected = RightEdge().append(hash_leaf(r.leaf) for r in records[:size]).root_hash()
        assert compute_root(size, read_hashes_from_tiles(size, store.read_tiles)) == expected


def test_writer_that_saw_an_older_head_writes_nothing(store: LedgerStore) -> None:
    append(store, names(2))
    head = store.head()
    for stale in (EMPTY, Head(2, bytes(32)), Head(3, head.root_hash)):
        with pytest.raises(RefusedError) as caught:
            store.append(names(1, "late"), after=stale, then=Head(99, bytes(32)))
        assert caught.value.code is Code.VAULT_CHANGED
    assert store.head() == head
    assert len(store.dids()) == 2
    with pytest.raises(UnavailableError):
        store.read_leaves(0, 3)


def test_batch_that_fails_half_way_leaves_nothing(store: LedgerStore) -> None:
    head = append(store, names(2))
    twice = names(1, "twice") * 2
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        append(store, twice)
    assert store.head() == head
    assert store.find_did(twice[0].did.did) is None


def test_of_eight_writers_at_once_one_writes_all_of_its_batch(store: LedgerStore, world: World) -> None:
    head = append(store, names(2))
    batches = [names(3, f"writer-{number}") for number in range(8)]
    grown = [RightEdge().append(hash_leaf(r.leaf) for r in names(2) + batch) for batch in batches]
    outcomes = race(
        world.engine,
        *[
            partial(store.append, batch, after=head, then=Head(5, edge.root_hash()))
            for batch, edge in zip(batches, grown, strict=True)
        ],
    )
    assert sorted(map(str, outcomes)) == ["None"] + [str(Code.VAULT_CHANGED)] * 7
    winner = outcomes.index(None)
    assert store.head() == Head(5, grown[winner].root_hash())
    assert store.read_leaves(2, 5) == [record.leaf for record in batches[winner]]
    assert len(store.dids()) == 5


def test_of_eight_first_checkpoints_at_once_the_largest_stays(store: LedgerStore, world: World) -> None:
    outcomes = race(
        world.engine, *[partial(store.publish, Publication(size, NOW, "note")) for size in range(8)]
    )
    assert set(outcomes) <= {None, Code.VAULT_CHANGED}
    assert outcomes[7] is None
    assert store.publication() == Publication(7, NOW, "note")


def test_of_four_who_make_the_log_at_once_one_has_made_it(database: str) -> None:
    engine = open_database(database)
    outcomes = race(engine, *[LedgerStore(engine).create] * 4)
    assert sorted(map(str, outcomes)) == ["None"] + [str(Code.VAULT_EXISTS)] * 3
    assert LedgerStore(engine).head() == EMPTY
    engine.dispose()


def test_text_that_no_database_holds_is_the_name_of_nothing(store: LedgerStore) -> None:
    for name in ("did:webvh:\0", "did:webvh:\ud800"):
        with suppress(RefusedError):
            assert store.find_did(name) is None
            assert store.find_token(name) is None


@pytest.mark.parametrize("tile", [HashTile(0, 0, 3), HashTile(0, 1, 1), HashTile(1, 0, 1)])
def test_tile_that_is_not_there_is_noticed(store: LedgerStore, tile: HashTile) -> None:
    append(store, names(2))
    with pytest.raises(UnavailableError) as caught:
        store.read_tiles([tile])
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_published_checkpoint_never_becomes_smaller(store: LedgerStore) -> None:
    for size, note in [(0, "first"), (5, "second"), (5, "third")]:
        store.publish(Publication(size, NOW, note))
        assert store.publication() == Publication(size, NOW, note)
    with pytest.raises(RefusedError) as caught:
        store.publish(Publication(4, NOW, "fourth"))
    assert caught.value.code is Code.VAULT_CHANGED
    assert store.publication() == Publication(5, NOW, "third")


def test_onboarding_token_is_found_until_it_is_removed(store: LedgerStore) -> None:
    token = ManagementKey("0123abcd", bytes(range(32)))
    store.add_token(token)
    assert store.find_token("0123abcd") == token
    store.remove_token("0123abcd")
    assert store.find_token("0123abcd") is None
    with pytest.raises(RefusedError) as caught:
        store.remove_token("0123abcd")
    assert caught.value.code is Code.NOT_FOUND


def test_more_versions_than_one_statement_can_name_are_found(store: LedgerStore) -> None:
    records = names(3)
    append(store, records)
    wanted = [(f"nobody-{number}", 1) for number in range(2000)]
    wanted += [(record.did.scid, 1) for record in records]
    assert len(store.find_versions(wanted)) == 3


def tables_on(url: str) -> str:
    statements: list[str] = []

    def keep(statement: Any, *_arguments: object, **_options: object) -> None:
        statements.append(str(statement.compile(dialect=make_url(url).get_dialect()())))

    engine = create_mock_engine(url, keep)
    METADATA.create_all(engine, checkfirst=False)
    return "".join(statements)


def test_tables_are_the_same_on_postgresql() -> None:
    on_postgresql, on_sqlite = tables_on("postgresql://"), tables_on("sqlite://")
    for table in METADATA.sorted_tables:
        for statements in (on_postgresql, on_sqlite):
            assert f"CREATE TABLE {table.name} (" in statements
            assert all(f"\t{column.name} " in statements for column in table.columns)
    assert "leaf_index BIGINT NOT NULL" in on_postgresql
    assert 'did TEXT COLLATE "C" NOT NULL' in on_postgresql
    assert "leaf BYTEA NOT NULL" in on_postgresql
    assert "leaf_index INTEGER NOT NULL" in on_sqlite


def test_entries_are_found_by_how_their_bytes_begin(store: LedgerStore) -> None:
    stamps = [create_timestamp(bytes([number]) * 32) for number in (0x0A, 0xA0, 0xA1, 0xFF)]
    append(store, [*names(2), *stamps])
    prefix = b'{"hash":"a'
    found = store.entries_beginning(prefix, 0, 6)
    assert [(entry.leaf_index, entry.leaf) for entry in found] == [(3, stamps[1].leaf), (4, stamps[2].leaf)]
    assert [entry.leaf_index for entry in store.entries_beginning(prefix, 4, 6)] == [4]
    assert [entry.leaf_index for entry in store.entries_beginning(b'{"p', 0, 6)] == [0, 1]
    assert store.entries_beginning(b'{"hash":"~', 0, 6) == []
