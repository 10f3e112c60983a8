import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, text

from protocol.codes import Code
from protocol.errors import UnavailableError
from storage import database
from storage.database import open_database, read_only


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "register.sqlite"


@pytest.fixture
def opened() -> Iterator[Callable[[str], Engine]]:
    """Opens databases and closes them after the test."""
    with ExitStack() as stack:

        def open_for_this_test(url: str) -> Engine:
            engine = open_database(url)
            stack.callback(engine.dispose)
            return engine

        yield open_for_this_test


@pytest.fixture
def engine(path: Path, opened: Callable[[str], Engine]) -> Engine:
    engine = opened(str(path))
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE entry (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES entry (id))")
        )
    return engine


def insert(engine: Engine, number: int, parent: int | None = None) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO entry VALUES (:id, :parent)"), {"id": number, "parent": parent})


def count(engine: Engine) -> int:
    with read_only(engine).connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM entry")).scalar_one())


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("secure_delete", 1),
        ("busy_timeout", 10_000),
    ],
)
def test_every_connection_has_the_safe_setting(engine: Engine, pragma: str, value: object) -> None:
    with engine.connect() as first, read_only(engine).connect() as second:
        assert second.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
        assert first.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_a_url_and_a_path_open_the_same_file(
    engine: Engine, path: Path, opened: Callable[[str], Engine]
) -> None:
    insert(engine, 1)
    assert count(opened(f"sqlite:///{path}")) == 1


def test_the_database_files_are_private(engine: Engine, path: Path) -> None:
    insert(engine, 1)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"register.sqlite": 0o600, "register.sqlite-wal": 0o600, "register.sqlite-shm": 0o600}


def test_a_symlink_in_place_of_the_database_is_refused(tmp_path: Path, path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnavailableError) as refusal:
        open_database(str(path))
    assert refusal.value.code is Code.VAULT_PERMISSIONS


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", ":memory:", "", "http//://", "sqlite:///file:x?mode=memory&uri=true"],
)
def test_what_names_no_file_is_a_mistake_of_the_caller(url: str) -> None:
    with pytest.raises(ValueError, match=r"database"):
        open_database(url)


class WithoutWal(sqlite3.Cursor):
    """SQLite on a file system that cannot share memory between processes."""

    def execute(self, statement: str, parameters: Any = (), /) -> "WithoutWal":
        if statement == "PRAGMA journal_mode = WAL":
            statement = "SELECT 'delete'"
        super().execute(statement, parameters)
        return self


class Failing(sqlite3.Cursor):
    """SQLite with an error that has nothing to do with the disk."""

    def execute(self, statement: str, parameters: Any = (), /) -> "Failing":
        if statement.startswith("PRAGMA synchronous ="):
            raise sqlite3.NotSupportedError(statement)
        super().execute(statement, parameters)
        return self


def connect_with(cursor: type[sqlite3.Cursor], monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = None) -> Any:
            return super().cursor(cursor)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", partial(sqlite3.connect, factory=Connection))


def test_a_file_system_that_cannot_hold_a_database_safely_is_refused(
    path: Path, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_with(WithoutWal, monkeypatch)
    with pytest.raises(UnavailableError, match="safely"):
        opened(str(path)).connect()


def test_an_error_that_is_not_the_disks_is_left_as_it_is(
    path: Path, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_with(Failing, monkeypatch)
    with pytest.raises(sqlalchemy.exc.NotSupportedError):
        opened(str(path)).connect()


def test_other_databases_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []
    monkeypatch.setattr(sqlalchemy, "create_engine", lambda url: urls.append(str(url)))
    open_database("postgresql://ledger@/ledger")
    assert urls == ["postgresql://ledger@/ledger"]


def test_a_write_waits_for_the_writer_before_it_and_none_is_lost(engine: Engine) -> None:
    def read_then_write() -> None:
        with engine.begin() as connection:
            highest = connection.execute(text("SELECT coalesce(max(id), 0) FROM entry")).scalar_one()
            connection.execute(text("INSERT INTO entry (id) VALUES (:id)"), {"id": highest + 1})

    threads = [threading.Thread(target=read_then_write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(engine) == 20


def test_a_reader_neither_waits_for_a_writer_nor_sees_its_unfinished_work(engine: Engine) -> None:
    with engine.begin() as writer:
        writer.execute(text("INSERT INTO entry (id) VALUES (1)"))
        assert count(engine) == 0
    assert count(engine) == 1


def test_however_many_read_at_once_nobody_waits_for_a_connection(engine: Engine) -> None:
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(read_only(engine).connect()).execute(text("SELECT count(*) FROM entry"))
        insert(engine, 1)
    assert count(engine) == 1


def test_a_reader_cannot_write_and_the_next_user_of_its_connection_can(engine: Engine) -> None:
    with read_only(engine).begin() as connection, pytest.raises(UnavailableError, match="SQLITE_READONLY"):
        connection.execute(text("INSERT INTO entry (id) VALUES (1)"))
    insert(engine, 1)


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
        insert(engine, 1, parent=7)


def test_a_writer_that_never_finishes_makes_the_next_one_say_busy(
    path: Path, engine: Engine, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.01)
    impatient = opened(str(path))
    with engine.begin(), pytest.raises(UnavailableError) as refusal:
        insert(impatient, 1)
    assert refusal.value.code is Code.DATABASE_BUSY


def test_a_file_that_is_no_database_is_reported_as_damaged(
    path: Path, opened: Callable[[str], Engine]
) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(UnavailableError) as refusal:
        opened(str(path)).connect()
    assert refusal.value.code is Code.DATABASE_DAMAGED


def test_a_full_database_is_reported_as_a_full_disk(engine: Engine) -> None:
    with engine.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(UnavailableError) as refusal:
            connection.exec_driver_sql("CREATE TABLE more (data BLOB)")
    assert refusal.value.code is Code.DISK_FULL


def test_a_damaged_page_is_never_read_as_an_empty_result(
    engine: Engine, path: Path, opened: Callable[[str], Engine]
) -> None:
    for number in range(1, 500):
        insert(engine, number)
    engine.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096:4104] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(UnavailableError) as refusal:
        count(opened(str(path)))
    assert refusal.value.code is Code.DATABASE_DAMAGED


def test_two_processes_may_create_the_same_database_at_once(
    path: Path, opened: Callable[[str], Engine]
) -> None:
    program = """
import sys
from sqlalchemy import text
from storage.database import open_database

with open_database(sys.argv[1]).begin() as connection:
    connection.execute(text("CREATE TABLE IF NOT EXISTS visit (id INTEGER)"))
    connection.execute(text("INSERT INTO visit VALUES (1)"))
"""
    processes = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    with opened(str(path)).begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM visit")).scalar_one() == 2
