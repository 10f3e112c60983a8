from functools import partial

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
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


def test_register_on_a_server_that_does_not_let_us_work_is_not_opened(postgres: PostgresServer) -> None:
    with pytest.raises(UnavailableError) as caught:
        open_register(postgres.url(database="nothing"), TABLES)
    assert caught.value.code is Code.DATABASE_REFUSED
