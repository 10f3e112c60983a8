import re
import sqlite3
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine

from protocol.codes import Code
from protocol.errors import UnavailableError
from storage.database import open_database, read_only, require_sound
from tests.storage.entries import count, create_entries, insert


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "register.sqlite"


@pytest.fixture
def engine(path: Path, opened: Callable[[str], Engine]) -> Engine:
    engine = opened(str(path))
    create_entries(engine)
    return engine


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


def test_index_that_contradicts_its_table_is_noticed(path: Path, opened: Callable[[str], Engine]) -> None:
    engine = opened(str(path))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
        connection.exec_driver_sql("INSERT INTO name VALUES (1, 'university')")
    require_sound(engine)
    engine.dispose()
    first, second = (found.start() for found in re.finditer(b"university", path.read_bytes()))
    for place in (first, second):
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(UnavailableError) as caught:
            require_sound(opened(str(path)))
        assert caught.value.code is Code.DATABASE_DAMAGED
        data[place] ^= 1
        path.write_bytes(data)


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


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (sqlite3.SQLITE_IOERR_SHMSIZE, Code.DISK_FULL),
        (sqlite3.SQLITE_IOERR_WRITE, Code.DISK_ERROR),
        (sqlite3.SQLITE_CORRUPT_INDEX, Code.DATABASE_DAMAGED),
    ],
)
def test_fault_of_the_disk_is_named_by_what_sqlite_found(
    path: Path,
    opened: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
    found: int,
    code: Code,
) -> None:
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode, fault.sqlite_errorname = found, "SQLITE_X"

    class Faulty(sqlite3.Cursor):
        def execute(self, *_arguments: object) -> "Faulty":
            raise fault

    connect_with(Faulty, monkeypatch)
    with pytest.raises(UnavailableError) as refusal:
        opened(str(path)).connect()
    assert refusal.value.code is code


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
