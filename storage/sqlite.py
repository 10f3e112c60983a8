"""SQLite as the database of a service.

Its defaults suit a phone's cache. A service that acknowledges a record must still have it after a power cut,
must never see a transaction fail half way because it began as a reader, and must not read a damaged page as
an empty result; this module sets what that takes, once, for every store.
"""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext

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
    # The memory that readers and writers share lies in a file too, and cannot grow on a full disk.
    sqlite3.SQLITE_IOERR_SHMSIZE: Code.DISK_FULL,
    sqlite3.SQLITE_IOERR: Code.DISK_ERROR,
    sqlite3.SQLITE_CORRUPT: Code.DATABASE_DAMAGED,
    sqlite3.SQLITE_NOTADB: Code.DATABASE_DAMAGED,
    sqlite3.SQLITE_BUSY: Code.DATABASE_BUSY,
    sqlite3.SQLITE_CANTOPEN: Code.DISK_ERROR,
    sqlite3.SQLITE_READONLY: Code.DISK_ERROR,
}


def open_sqlite(url: URL) -> Engine:
    """An engine for the file that `url` names; see `storage.database.open_database`."""
    if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
        raise ValueError("not a path of a database file")
    _make_private_file(url)
    engine = sqlalchemy.create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
        pool_size=_KEPT_CONNECTIONS,
        # Whoever has a thread gets a connection: those are bounded, and the lock is what one waits for.
        max_overflow=-1,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _typed_error)
    return engine


def truncate_journal(engine: Engine) -> None:
    """Cut off the journal, if no reader is in the way.

    Raises:
        UnavailableError: the disk's fault.
    """
    # Not in a transaction, as everything that SQLAlchemy executes is: there it would find itself in the way.
    with closing(engine.raw_connection()) as connection:
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.Error as error:
            raise UnavailableError(Code.DISK_ERROR, "the journal of the database") from error


def require_sound(engine: Engine) -> None:
    """Read all of the file, and compare each index with its table; some microseconds for each row.

    Raises:
        UnavailableError: DATABASE_DAMAGED, or the disk's fault.
    """
    with closing(engine.raw_connection()) as connection:
        try:
            (said,) = connection.cursor().execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.Error as error:
            raise _translate(error) or UnavailableError(Code.DATABASE_DAMAGED) from error
    if said != "ok":
        raise UnavailableError(Code.DATABASE_DAMAGED, "it contradicts itself")


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
    found = getattr(error, "sqlite_errorcode", 0)
    code = _CODES.get(found) or _CODES.get(found & 0xFF)
    return UnavailableError(code, f"SQLite says {error.sqlite_errorname}") if code else None
