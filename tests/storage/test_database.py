import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest
import sqlalchemy
from sqlalchemy import Column, Engine, MetaData, Table, insert, select, text

from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from storage import postgresql, sqlite
from storage.database import TEXT, LockName, lock_name, read_only
from tests.storage.entries import count, create_entries
from tests.storage.entries import insert as insert_entry

pytestmark = pytest.mark.both_engines


@pytest.fixture
def engine(database: str, opened: Callable[[str], Engine]) -> Engine:
    engine = opened(database)
    create_entries(engine)
    return engine


def at_once(what: Callable[[], None], times: int = 20) -> None:
    threads = [threading.Thread(target=what) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_who_locks_before_reading_loses_nothing_to_other_writers(engine: Engine) -> None:
    def read_then_write() -> None:
        with engine.begin() as connection:
            lock_name(connection, LockName.TABLES)
            highest = connection.execute(text("SELECT coalesce(max(id), 0) FROM entry")).scalar_one()
            connection.execute(text("INSERT INTO entry (id) VALUES (:id)"), {"id": highest + 1})

    at_once(read_then_write)
    assert count(engine) == 20


def test_of_20_who_swap_the_same_state_one_has_swapped_it(engine: Engine) -> None:
    insert_entry(engine, 1)
    swapped = []

    def swap() -> None:
        with engine.begin() as connection:
            won = connection.execute(text("UPDATE entry SET parent = 1 WHERE id = 1 AND parent IS NULL"))
            swapped.append(won.rowcount)

    at_once(swap)
    assert sorted(swapped) == [0] * 19 + [1]


def test_a_reader_neither_waits_for_a_writer_nor_sees_its_unfinished_work(engine: Engine) -> None:
    with engine.begin() as writer:
        writer.execute(text("INSERT INTO entry (id) VALUES (1)"))
        assert count(engine) == 0
    assert count(engine) == 1


def test_however_many_read_at_once_nobody_waits_for_a_connection(engine: Engine, engine_name: str) -> None:
    with ExitStack() as stack:
        for _ in range(64 if engine_name == "sqlite" else 20):
            stack.enter_context(read_only(engine).connect()).execute(text("SELECT count(*) FROM entry"))
        insert_entry(engine, 1)
    assert count(engine) == 1


def test_a_reader_sees_one_moment_from_its_first_look_to_its_last(engine: Engine) -> None:
    with read_only(engine).begin() as reader:
        before = reader.execute(text("SELECT count(*) FROM entry")).scalar_one()
        insert_entry(engine, 1)
        assert reader.execute(text("SELECT count(*) FROM entry")).scalar_one() == before
    assert count(engine) == 1


def test_a_reader_cannot_write_and_the_next_user_of_its_connection_can(engine: Engine) -> None:
    refusal = pytest.raises(UnavailableError, match=r"READONLY|cannot write")
    with read_only(engine).begin() as connection, refusal:
        connection.execute(text("INSERT INTO entry (id) VALUES (1)"))
    insert_entry(engine, 1)


def test_an_exception_rolls_everything_back(engine: Engine) -> None:
    def interrupted_write() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO entry (id) VALUES (1)"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_write()
    assert count(engine) == 0


def test_a_savepoint_rolls_back_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO entry (id) VALUES (1)"))
        savepoint = connection.begin_nested()
        connection.execute(text("INSERT INTO entry (id) VALUES (2)"))
        savepoint.rollback()
    assert count(engine) == 1


def test_a_broken_reference_stays_an_integrity_error(engine: Engine) -> None:
    with pytest.raises(sqlalchemy.exc.IntegrityError):
        insert_entry(engine, 1, parent=7)


def test_a_writer_that_never_finishes_makes_the_next_one_say_busy(
    database: str, engine: Engine, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT_SECONDS", 0.01)
    impatient = opened(database)
    with engine.begin() as connection:
        lock_name(connection, LockName.TABLES)
        with pytest.raises(UnavailableError) as refusal, impatient.begin() as other:
            lock_name(other, LockName.TABLES)
    assert refusal.value.code is Code.DATABASE_BUSY


def test_names_are_locked_each_by_itself(database: str, opened: Callable[[str], Engine]) -> None:
    with opened(database).begin() as connection:
        for name in LockName:
            lock_name(connection, name)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_text_is_sorted_by_its_bytes_and_found_as_it_was_written(
    database: str, opened: Callable[[str], Engine]
) -> None:
    words = ["Zoo", "a b", "a-b", "aB", "ab", "ä", "\u00e9", "e\u0301", "\U0001f511", ""]
    tables = MetaData()
    table = Table("word", tables, Column("word", TEXT, primary_key=True))
    with opened(database).begin() as connection:
        tables.create_all(connection)
        connection.execute(insert(table), [{"word": word} for word in words])
        kept = list(connection.execute(select(table.c.word).order_by(table.c.word)).scalars())
        found = [connection.execute(select(table).where(table.c.word == word)).scalar() for word in words]
    assert kept == sorted(words, key=str.encode)
    assert found == words


def test_text_that_no_database_holds_is_not_found(database: str, opened: Callable[[str], Engine]) -> None:
    with suppress(RefusedError), opened(database).begin() as connection:
        row = connection.execute(text("SELECT 1 WHERE 'word' = :word"), {"word": "word\0"}).first()
        assert row is None


def test_two_processes_may_create_the_same_tables_at_once(
    database: str, opened: Callable[[str], Engine]
) -> None:
    program = """
import sys
from sqlalchemy import text
from storage.database import LockName, lock_name, open_database

with open_database(sys.argv[1]).begin() as connection:
    lock_name(connection, LockName.TABLES)
    connection.execute(text("CREATE TABLE IF NOT EXISTS visit (id INTEGER)"))
    connection.execute(text("INSERT INTO visit VALUES (1)"))
"""
    processes = [subprocess.Popen([sys.executable, "-c", program, database]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    with opened(database).begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM visit")).scalar_one() == 2
