"""Database engines: SQLite for one machine, PostgreSQL for more, behind SQLAlchemy Core.

SQLite's defaults suit a phone's cache. A service that acknowledges a record must still have it after a power
cut, must never see a transaction fail half way because it began as a reader, and must not read a damaged page
as an empty result; this module sets what that takes, once, for every store.
"""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, make_url

from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError

BUSY_TIMEOUT_SECONDS = 10
_KEPT_CONNECTIONS = 16

# FULL is what makes a commit survive a power cut in WAL mode; secure_delete keeps deleted personal data from
# lingering in free pages; a file from elsewhere gets no say through its schema (trusted_schema).
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA secure_delete = ON",
)
_CODES = {
    sqlite3.SQLITE_FULL: Code.DISK_FULL,
    sqlite3.SQLITE_IOERR: Code.DISK_ERROR,
    sqlite3.SQLITE_CORRUPT: Code.DATABASE_DAMAGED,
    sqlite3.SQLITE_NOTADB: Code.DATABASE_DAMAGED,
    sqlite3.SQLITE_BUSY: Code.DATABASE_BUSY,
    sqlite3.SQLITE_CANTOPEN: Code.DISK_ERROR,
    sqlite3.SQLITE_READONLY: Code.DISK_ERROR,
}


def open_database(url: str) -> Engine:
    """An engine for the database at `url`: a file path or `sqlite:///path` (made when it is missing, readable
    by its owner only, in a folder that exists), or the URL of another database, which is passed on as it is.

    On SQLite every transaction takes the write lock when it begins, so that it can wait for its turn but not
    fail half way; give `read_only(engine)` to those who only read.

    Statements raise SQLAlchemy's own errors for the caller's mistakes (`IntegrityError` above all), and for
    the state of the disk:

    Raises:
        UnavailableError: full or faulty disk, damaged file, missing rights, or another process kept the
            database busy for `BUSY_TIMEOUT_SECONDS`.
        ValueError: not a database URL, or one of SQLite that is no path (a database in memory above all).
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sqlalchemy.create_engine(parsed)
    _make_private_file(parsed)
    engine = sqlalchemy.create_engine(
        parsed,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
        pool_size=_KEPT_CONNECTIONS,
        # Whoever has a thread gets a connection: those are bounded, and the lock is what one waits for.
        max_overflow=-1,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _typed_error)
    return engine


def read_only(engine: Engine) -> Engine:
    """The same database and connections, for transactions that read one snapshot and cannot write.

    On SQLite they neither wait for a writer nor hold one up.
    """
    return engine.execution_options(tally_read_only=True, postgresql_readonly=True)


def erase_traces(engine: Engine) -> None:
    """Let nothing of what was deleted linger in the files of a database of SQLite.

    The pages of the database are overwritten with a deletion; this cuts off the journal, where their old
    content would stand until something happens to be written over it. With another reader in the way it does
    nothing, so it is called again and again.

    Raises:
        UnavailableError: the disk's fault.
    """
    if engine.dialect.name != "sqlite":
        return
    # Not in a transaction, as everything that SQLAlchemy executes is: there it would find itself in the way.
    with closing(engine.raw_connection()) as connection:
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.Error as error:
            raise UnavailableError(Code.DISK_ERROR, "the journal of the database") from error


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except sqlalchemy.exc.ArgumentError as error:
        raise ValueError("not a database URL") from error
    if parsed.get_backend_name() == "sqlite" and (
        parsed.database in (None, "", ":memory:") or str(parsed.database).startswith("file:")
    ):
        raise ValueError("not a path of a database file")
    return parsed


def _make_private_file(url: URL) -> None:
    # SQLite gives the journal files the mode of the database file, and that the mode the umask leaves.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(Path(url.database or ""), flags, 0o600))
    except OSError as error:
        code = Code.VAULT_PERMISSIONS if error.errno == errno.ELOOP else Code.DISK_ERROR
        raise UnavailableError(code, f"the database cannot be opened: {error.strerror}") from error


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    # None takes the sqlite3 module's own idea of when to BEGIN out of the way; `_begin` has ours.
    connection.isolation_level = None
    try:
        with closing(connection.cursor()) as cursor:
            # Two processes may meet here when the file is new; the timeout given to connect covers that.
            (mode,) = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise UnavailableError(Code.DISK_ERROR, "this file system cannot hold a database safely")
            for pragma in _PRAGMAS:
                cursor.execute(pragma)
    except sqlite3.Error as error:
        typed = _translate(error)
        if typed is None:
            raise
        raise typed from error


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("tally_read_only", False):
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _typed_error(context: ExceptionContext) -> TallyError | None:
    error: Any = context.original_exception
    return _translate(error) if isinstance(error, sqlite3.Error) else None


def _translate(error: sqlite3.Error) -> TallyError | None:
    # The low byte of an extended result code is the primary one; an error of the module itself has none.
    code = _CODES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    return UnavailableError(code, f"SQLite says {error.sqlite_errorname}") if code else None
