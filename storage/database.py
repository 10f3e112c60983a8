"""The databases of the services: SQLite for one machine, PostgreSQL for more, behind SQLAlchemy Core.

What each needs so that it keeps what it acknowledged is in `storage.sqlite` and `storage.postgresql`. A store
is written once for both, and may rely on this:

- A transaction that reads only sees one moment (`read_only`).
- An UPDATE or DELETE that names the state it expects counts the rows it changed, and of all who try it at
  once one changes the row: compare-and-swap.
- On SQLite writing transactions come one after another. On PostgreSQL they run side by side, and each of
  their statements sees what was committed before it. So whoever decides by what it has read takes a lock
  first: that of a row that stands for the matter (`with_for_update`, which SQLite does not need and ignores),
  or, where there is no such row, that of a name (`lock_name`). Who locks several rows locks them in order.
"""

import hashlib
from enum import StrEnum

from sqlalchemy import Text, exc, func, select
from sqlalchemy.engine import URL, Connection, Engine, make_url

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared and sorted by its bytes, whatever language the server speaks."""


class LockName(StrEnum):
    """What is locked by name, having no row to be locked by."""

    TABLES = "tables"
    MANAGEMENT_KEY = "management key"


def open_database(url: str) -> Engine:
    """An engine for the database at `url`: a file path or `sqlite:///path` (made when it is missing, readable
    by its owner only, in a folder that exists), or `postgresql+psycopg://…` of a database that exists.

    Give `read_only(engine)` to those who only read. A database of PostgreSQL is not connected to before it is
    used, and connected to anew when it was away.

    Statements raise SQLAlchemy's own errors for the caller's mistakes (`IntegrityError` above all), and for
    the state of the disk and of the server:

    Raises:
        UnavailableError: full or faulty disk, damaged database, missing rights, a server that is not to be
            reached or not fit to be trusted with records, or somebody else kept it busy for too long.
        RefusedError: no text of any database can be what is looked for.
        ValueError: not a database URL, or one of SQLite that is no path (a database in memory above all), or
            of a database of another kind.
    """
    parsed = _parse_url(url)
    # Each brings a driver along, of which a service needs one.
    match parsed.get_backend_name():
        case "sqlite":
            from storage.sqlite import open_sqlite

            return open_sqlite(parsed)
        case "postgresql":
            from storage.postgresql import open_postgresql

            return open_postgresql(parsed)
    raise ValueError("neither a file nor a database of PostgreSQL")


def read_only(engine: Engine) -> Engine:
    """The same database and connections, for transactions that read one moment and cannot write.

    They neither wait for a writer nor hold one up.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(tally_read_only=True)
    return engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")


def lock_name(connection: Connection, name: LockName) -> None:
    """Wait until no other transaction of this database holds `name`, and hold it to the end of this one."""
    if connection.dialect.name != "sqlite":
        number = int.from_bytes(hashlib.sha256(f"tallystick {name}".encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def erase_traces(engine: Engine) -> None:
    """Let nothing of what was deleted linger in the files of a database of SQLite.

    The pages of the database are overwritten with a deletion; this cuts off the journal, where their old
    content would stand until something happens to be written over it. With another reader in the way it does
    nothing, so it is called again and again.

    In the files of PostgreSQL, its journal, its standbys and its backups deleted rows linger until the server
    comes round to write over them; no client can hasten that, and this does nothing there. What they held
    was sealed, and stays so.

    Raises:
        UnavailableError: the disk's fault.
    """
    if engine.dialect.name == "sqlite":
        from storage.sqlite import truncate_journal

        truncate_journal(engine)


def require_sound(engine: Engine) -> None:
    """Check that what a database of SQLite finds by an index is what is in its tables.

    A bit that flips where a row is looked up makes it answer that there is none. Nothing else would notice.
    Not checked: the files of PostgreSQL, which has checksums of its own (`initdb --data-checksums`).

    Raises:
        UnavailableError: DATABASE_DAMAGED, or the disk's fault.
    """
    if engine.dialect.name == "sqlite":
        from storage.sqlite import require_sound

        require_sound(engine)


def _parse_url(url: str) -> URL:
    try:
        return make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except (exc.ArgumentError, ValueError):
        # Without its cause, which may repeat a piece of a password.
        raise ValueError("not a database URL") from None
