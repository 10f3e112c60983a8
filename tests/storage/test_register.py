from functools import partial

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect
from sqlalchemy.engine import Engine

from protocol.codes import Code
from protocol.errors import UnavailableError
from storage.database import open_database
from storage.register import open_register
from tests.postgres import PostgresServer
from tests.racing import race

TABLES = MetaData()
Table("record", TABLES, Column("id", Integer, primary_key=True))


@pytest.mark.both_engines
def test_register_may_be_opened_at_once_by_many_who_find_no_tables(database: str) -> None:
    engine = open_database(database)
    opened = race(engine, *[partial(open_register, database, TABLES)] * 6)
    assert all(isinstance(each, Engine) for each in opened)
    for each in (engine, *opened):
        assert isinstance(each, Engine)
        each.dispose()


@pytest.mark.both_engines
def test_of_two_institutions_at_once_one_gets_the_register_and_the_other_leaves_nothing_in_it(
    database: str,
) -> None:
    engine = open_database(database)
    own = {number: MetaData() for number in range(4)}
    for number, tables in own.items():
        Table(f"record_{number}", tables, Column("id", Integer, primary_key=True))
    attempts = [
        partial(open_register, database, tables, mark=bytes([number]) * 32) for number, tables in own.items()
    ]
    outcomes = race(engine, *attempts)
    assert sorted(map(str, outcomes))[-3:] == [str(Code.VAULT_EXISTS)] * 3
    (winner,) = (number for number, each in enumerate(outcomes) if isinstance(each, Engine))
    names = set(inspect(engine).get_table_names())
    assert names & {f"record_{number}" for number in own} == {f"record_{winner}"}
    for each in (engine, outcomes[winner]):
        assert isinstance(each, Engine)
        each.dispose()


def test_register_on_a_server_that_does_not_let_us_work_is_not_opened(postgres: PostgresServer) -> None:
    with pytest.raises(UnavailableError) as caught:
        open_register(postgres.url(database="nothing"), TABLES)
    assert caught.value.code is Code.DATABASE_REFUSED
