"""The PostgreSQL under a ledger dies and comes back: nothing that was acknowledged is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.sequencer import Sequencer
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.records import DidRecord
from tests.ledger.world import World, names
from tests.postgres import PostgresServer

SECONDS = 20


@pytest.fixture
def world(tmp_path: Path, postgres: PostgresServer) -> Iterator[World]:
    world = World(tmp_path, address=postgres.new_database())
    world.create()
    yield world
    world.close()


def outcome(sequencer: Sequencer, record: DidRecord) -> int | Code:
    """Where the record is in the log, or why not."""
    try:
        return sequencer.submit(record).result(SECONDS).leaf_index
    except TallyError as error:
        return error.code


def test_ledger_goes_on_by_itself_when_its_database_is_back(world: World, postgres: PostgresServer) -> None:
    records = names(6)
    with world.sequencer() as sequencer:
        assert [outcome(sequencer, record) for record in records[:3]] == [0, 1, 2]
        postgres.crash()
        try:
            assert {outcome(sequencer, record) for record in records[3:]} == {Code.DATABASE_UNAVAILABLE}
            assert sequencer.published.log.tree_size == 3
            assert sequencer.failure is None
        finally:
            postgres.start()
        assert [outcome(sequencer, record) for record in records] == list(range(6))
    assert world.store().read_leaves(0, 6) == [record.leaf for record in records]


def test_record_in_flight_when_the_server_dies_is_logged_once_when_it_is_sent_again(
    world: World, postgres: PostgresServer
) -> None:
    records = names(40)
    with world.sequencer() as sequencer:
        answers = [sequencer.submit(record) for record in records]
        postgres.crash()
        postgres.start()
        acknowledged = {}
        for number, answer in enumerate(answers):
            if answer.exception(SECONDS) is None:
                acknowledged[number] = answer.result()
        again = [sequencer.submit(record).result(SECONDS) for record in records]
    assert sorted(logged.leaf_index for logged in again) == list(range(40))
    assert all(again[number] == logged for number, logged in acknowledged.items())
    with world.sequencer():
        assert world.store().head().tree_size == 40
