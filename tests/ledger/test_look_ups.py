"""What a ledger does for one entry costs the same however many there are: no table is read whole for it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine, event

from ledger.admission import Admission
from protocol.errors import UnavailableError
from protocol.index.subject import did_subject
from protocol.tlog.merkle import create_inclusion_proof, hash_leaf
from protocol.tlog.tiles import HashTile
from tests.ledger.world import AUTHORITY, NOW, World, history, names

GROWING = ("did", "entry", "index_entry", "tile")
PAIRS = "SELECT leaf_index FROM entry WHERE (scid, version_number) IN (VALUES (?, ?), (?, ?))"


@contextmanager
def noted(engine: Engine) -> Iterator[dict[str, Any]]:
    """The statements that are given to the database meanwhile, with values for one of them."""
    asked: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            asked.setdefault(statement, values[0] if many else values)

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def plan(engine: Engine, statement: str, values: Any) -> list[str]:
    with engine.connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]


def reads_all(steps: list[str]) -> bool:
    return any(step.split()[:2] == ["SCAN", table] for step in steps for table in GROWING)


def test_nothing_that_is_done_for_an_entry_reads_a_table_to_its_end(world: World) -> None:
    *known, last = history("university", 4)
    with world.sequencer() as sequencer:
        for record in [*names(3), *known]:
            sequencer.submit(record).result(20)
        with noted(world.engine) as asked:
            store = world.store()
            Admission(store, authority=AUTHORITY).admit(last, now=NOW)
            sequencer.submit(last).result(20)
            # As for a batch; what SQLite would look up by an index alone, it may look for in all of a table.
            store.find_versions([(each.did.scid, each.entry.number) for each in (*known, last)])
            store.find_paths([each.did.log_path() for each in names(2)])
            for tree in (store, store.index):
                with suppress(UnavailableError):
                    tree.read_tiles([HashTile(0, 0, 7), HashTile(0, 1, 1), HashTile(1, 0, 1)])
                create_inclusion_proof(2, 7, tree.hash_reader(7))
                tree.read_leaves(3, 5)
            store.history(last.did.scid)
            store.entries_about(did_subject(last.did.did).key, 7)
            store.entries_beginning(hash_leaf(last.leaf)[:4], 0, 7)
            store.find_leaves([hash_leaf(each.leaf) for each in (*known, last)])
            store.find_names("uni", 7, limit=5)
            store.find_did(last.did.did)
    plans = {statement: plan(world.engine, statement, values) for statement, values in asked.items()}
    assert len(plans) > 12
    assert {statement: steps for statement, steps in plans.items() if reads_all(steps)} == {}
    of_tiles = [step for steps in plans.values() for step in steps if step.startswith("SEARCH tile")]
    assert {step.partition("(")[2] for step in of_tiles} == {"tree=? AND level=? AND tile_index=?)"}


def test_look_up_by_pairs_would_read_all(world: World) -> None:
    assert reads_all(plan(world.engine, PAIRS, ("a", 1, "b", 2)))
