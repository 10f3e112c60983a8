"""PostgreSQL as the database of a service.

The server belongs to somebody else, so what a service relies on is asked of it with every new connection:
that a commit is on its disk before it says so, and that it mends half-written pages. No transaction waits for
ever, and a connection that died while nobody used it is replaced before anybody notices. With a process that
was suspended in a transaction the server loses patience before those who wait for its locks do.

Transactions are READ COMMITTED: there a compare-and-swap waits for its rival and then changes no row, while
the stricter levels would end it with an error, and every transaction would have to be written so that it can
be run again. What that level leaves open is closed by locks (`storage.database`).
"""

import logging
from typing import Any
from weakref import WeakSet, ref

import psycopg
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, ExceptionContext
from sqlalchemy.pool import PoolProxiedConnection

from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError

LOCK_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 60
IDLE_TIMEOUT_SECONDS = 5
OLDEST_VERSION = 15

_KEPT_CONNECTIONS = 16
# Of libpq, unless the URL says otherwise. An address may name several servers, of which the one that can be
# written to is meant; and one that vanished from the network is not waited for longer than half a minute.
_CONNECT_OPTIONS: dict[str, str | int] = {
    "fallback_application_name": "tallystick",
    "target_session_attrs": "read-write",
    "connect_timeout": LOCK_TIMEOUT_SECONDS,
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 30_000,
}
# `remote_apply` waits for more than `on` does; everything else for less than the disks it should wait for.
_SETTINGS = """
SELECT current_setting('server_version_num')::int / 10000,
       current_setting('server_encoding'), current_setting('fsync'), current_setting('full_page_writes'),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit')
                  WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
       set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', %s, false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('TimeZone', 'UTC', false)
"""

# By SQLSTATE, or by its first two characters, which are its class.
_CODES = {
    "08": Code.DATABASE_UNAVAILABLE,
    "25006": Code.DATABASE_UNAVAILABLE,  # a standby, or a primary that became one
    "25P": Code.DATABASE_BUSY,  # it lost patience with this transaction
    "28": Code.DATABASE_REFUSED,
    "3D": Code.DATABASE_REFUSED,
    "3F": Code.DATABASE_REFUSED,
    "40": Code.DATABASE_BUSY,  # deadlock, or not serializable
    "40003": Code.DATABASE_UNAVAILABLE,
    "42501": Code.DATABASE_REFUSED,
    "53": Code.DATABASE_BUSY,  # no memory, or too many connections
    "53100": Code.DISK_FULL,
    "55": Code.DATABASE_BUSY,  # lock_timeout
    "57": Code.DATABASE_UNAVAILABLE,  # shut down, crashed, starting
    "57014": Code.DATABASE_BUSY,  # statement_timeout
    "58": Code.DISK_ERROR,
    "F0": Code.DISK_ERROR,
    "XX": Code.DATABASE_DAMAGED,
}
_WORDS = {
    "25006": "only a standby answers, and it cannot write",
    "42501": "the user lacks a right to the tables or the schema",
}
# What libpq says when no connection comes about, for it has no SQLSTATE then; and what we say of it, because
# its own words tell users, hosts and databases to whoever reads our answer.
_REFUSALS = (
    ("password", Code.DATABASE_REFUSED, "the user or the password is wrong, or there is no password"),
    ("authentication", Code.DATABASE_REFUSED, "the user cannot be authenticated"),
    ("pg_hba.conf", Code.DATABASE_REFUSED, "the server admits no such user from here, or not without TLS"),
    ("permission denied", Code.DATABASE_REFUSED, "the user may not connect to the database"),
    ("not permitted to log in", Code.DATABASE_REFUSED, "the user may not log in"),
    ("read-only", Code.DATABASE_UNAVAILABLE, "only a standby answers, and it cannot write"),
    ("hot standby", Code.DATABASE_UNAVAILABLE, "only a standby answers, and it cannot write"),
    ("too many", Code.DATABASE_BUSY, "the server has too many connections"),
    ("remaining connection slots", Code.DATABASE_BUSY, "the server has too many connections"),
    ("starting up", Code.DATABASE_UNAVAILABLE, "the server is starting"),
    ("shutting down", Code.DATABASE_UNAVAILABLE, "the server is shutting down"),
    ("resolve host", Code.DATABASE_UNAVAILABLE, "there is no such host"),
    ("certificate", Code.DATABASE_REFUSED, "the certificate of the server, or ours, is not accepted"),
    ("SSL", Code.DATABASE_REFUSED, "there is no TLS as it was asked for"),
    ("does not exist", Code.DATABASE_REFUSED, "there is no such database, or no such user"),
    ("service", Code.DATABASE_REFUSED, "there is no such entry in the service file"),
    ("connection option", Code.SETTINGS_INVALID, "the database URL has an option that libpq does not know"),
    ("invalid", Code.SETTINGS_INVALID, "the database URL has a value that libpq does not know"),
)

# What warns of a commit that was called off while it waited for a synchronous standby, and whose it was.
_WAIT_FOR_STANDBY = "SyncRepWaitForLSN"
_unreplicated: WeakSet[object] = WeakSet()

_logger = logging.getLogger("tally.storage")


def open_postgresql(url: URL) -> Engine:
    """An engine for the database at `url`; see `storage.database.open_database`."""
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ValueError("PostgreSQL is reached by postgresql+psycopg://…")
    if "@" in (url.host or ""):
        # Else a piece of it would be taken for the host, and told as such.
        raise ValueError("an @ in the password is written %40")
    engine = sqlalchemy.create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in _CONNECT_OPTIONS.items() if name not in url.query},
        # One more round trip for each transaction; without it the first ones after a restart would fail.
        pool_pre_ping=True,
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=-1,  # as for SQLite
        # What it says is logged: the state of the database, never what was to be written into it.
        hide_parameters=True,
        use_native_hstore=False,  # which it would look for first
    )
    # Before SQLAlchemy looks at the server, which it expects to be one that we would accept.
    event.listen(engine, "connect", _configure, insert=True)
    event.listen(engine, "handle_error", _typed_error)
    _require_replication(engine)
    return engine


def _configure(connection: "psycopg.Connection[Any]", _record: object) -> None:
    _note_unreplicated(connection)
    patience = (LOCK_TIMEOUT_SECONDS, STATEMENT_TIMEOUT_SECONDS, IDLE_TIMEOUT_SECONDS)
    milliseconds = [str(int(seconds * 1000)) for seconds in patience]
    try:
        row = connection.execute(_SETTINGS, milliseconds).fetchone()
        connection.commit()
    except psycopg.Error as error:
        raise _translate(error) or UnavailableError(Code.DATABASE_UNAVAILABLE) from error
    assert row is not None, "it is a SELECT without a table"
    version, encoding, fsync, full_page_writes = row[:4]
    for fits, fault in (
        (version >= OLDEST_VERSION, f"PostgreSQL {OLDEST_VERSION} or newer is needed"),
        (encoding == "UTF8", "the database has another encoding than UTF8"),
        (fsync == "on", "the server runs with fsync off, and would lose what it acknowledged"),
        (full_page_writes == "on", "the server runs with full_page_writes off, and would tear pages"),
    ):
        if not fits:
            raise UnavailableError(Code.DATABASE_REFUSED, fault)


def _note_unreplicated(connection: "psycopg.Connection[Any]") -> None:
    itself = ref(connection)

    def note(notice: psycopg.errors.Diagnostic) -> None:
        # Its words depend on the server's language.
        if notice.source_function == _WAIT_FOR_STANDBY and (noted := itself()) is not None:
            _unreplicated.add(noted)

    connection.add_notice_handler(note)


def _require_replication(engine: Engine) -> None:
    """Let a commit fail whose replication was called off: the server warns of it, and calls it done."""
    commit = engine.dialect.do_commit

    def do_commit(connection: PoolProxiedConnection) -> None:
        commit(connection)
        if (itself := connection.dbapi_connection) in _unreplicated:
            _unreplicated.discard(itself)
            raise UnavailableError(Code.DATABASE_UNAVAILABLE, "nobody knows whether a standby has the commit")

    engine.dialect.do_commit = do_commit  # type: ignore[method-assign, assignment]


def _typed_error(context: ExceptionContext) -> TallyError | None:
    error = context.original_exception
    # A ping that fails is no failure: the pool connects anew.
    if context.is_pre_ping or not isinstance(error, psycopg.Error):
        return None
    if context.connection is None:
        return _translate_refusal(error)
    if context.is_disconnect and error.sqlstate is None:
        return UnavailableError(Code.DATABASE_UNAVAILABLE, "the connection was lost")
    return _translate(error)


def _translate(error: psycopg.Error) -> TallyError | None:
    state = error.sqlstate
    if state is None:
        # Found in nothing of ours, and cannot come from any of it.
        return RefusedError(Code.NOT_FOUND) if "NUL (0x00)" in str(error) else None
    code = next((_CODES[state[:length]] for length in (5, 3, 2) if state[:length] in _CODES), None)
    return UnavailableError(code, _WORDS.get(state, f"PostgreSQL says {state}")) if code else None


def _translate_refusal(error: psycopg.Error) -> TallyError:
    said = str(error)
    _logger.info("no connection to PostgreSQL: %s", " ".join(said.split()))
    for words, code, detail in _REFUSALS:
        if words in said:
            kind = RefusedError if code is Code.SETTINGS_INVALID else UnavailableError
            return kind(code, detail)
    return UnavailableError(Code.DATABASE_UNAVAILABLE, "no connection")
