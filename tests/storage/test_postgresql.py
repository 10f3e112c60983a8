import logging
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy
from sqlalchemy import Engine, text

from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from storage import postgresql
from storage.database import open_database, read_only
from tests.postgres import PASSWORD, PostgresServer
from tests.storage.entries import count, create_entries, insert

NOWHERE = "postgresql+psycopg://ledger:hunter2@"


@pytest.fixture
def engine(postgres: PostgresServer, opened: Callable[[str], Engine]) -> Engine:
    engine = opened(postgres.new_database())
    create_entries(engine)
    return engine


@pytest.fixture(scope="module")
def guarded(postgres: PostgresServer) -> None:
    postgres.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
    postgres.execute("CREATE ROLE banned LOGIN")
    postgres.execute("CREATE ROLE locked NOLOGIN")


def failure(engine: Engine, statement: str = "SELECT 1") -> TallyError:
    with pytest.raises(TallyError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    return caught.value


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("synchronous_commit", "on"),
        ("lock_timeout", "10s"),
        ("statement_timeout", "1min"),
        ("idle_in_transaction_session_timeout", "5s"),
        ("TimeZone", "UTC"),
        ("application_name", "tallystick"),
        ("transaction_isolation", "read committed"),
    ],
)
def test_every_connection_has_the_safe_setting(engine: Engine, setting: str, value: str) -> None:
    with read_only(engine).connect() as second:
        assert second.execute(text("SHOW transaction_isolation")).scalar_one() == "repeatable read"
    with engine.connect() as first:
        assert first.execute(text(f"SHOW {setting}")).scalar_one() == value


@pytest.mark.parametrize(
    ("wish", "outcome"),
    [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")],
)
def test_commit_waits_for_the_disk_whatever_the_server_was_told(
    postgres: PostgresServer, opened: Callable[[str], Engine], wish: str, outcome: str
) -> None:
    with opened(postgres.url(options=f"-csynchronous_commit%3D{wish}")).connect() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == outcome


def test_commit_that_was_called_off_while_it_waited_for_a_standby_is_not_acknowledged(
    postgres: PostgresServer, engine: Engine
) -> None:
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with set_on(postgres, "synchronous_standby_names", "nobody"), ThreadPoolExecutor(1) as thread:
        inserted = thread.submit(insert, engine, 1)
        while not postgres.execute(waiting):
            assert not inserted.done()
        postgres.execute(f"SELECT pg_cancel_backend(pid) FROM ({waiting}) AS waiting")
        with pytest.raises(UnavailableError) as caught:
            inserted.result()
    assert caught.value.code is Code.DATABASE_UNAVAILABLE
    # The next one is, and the server has both.
    insert(engine, 2)
    assert count(engine) == 2


@contextmanager
def set_on(server: PostgresServer, name: str, value: str) -> Iterator[None]:
    def reload() -> None:
        server.execute("SELECT pg_reload_conf()")

    server.execute(f"ALTER SYSTEM SET {name} = {value}")
    reload()
    # New connections have it as soon as the server has heard the signal.
    while server.execute(f"SHOW {name}") != [(value,)]:
        pass
    try:
        yield
    finally:
        server.execute(f"ALTER SYSTEM RESET {name}")
        reload()
        while server.execute(f"SHOW {name}") == [(value,)]:
            pass


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_server_that_would_lose_what_it_acknowledged_is_refused(
    postgres: PostgresServer, opened: Callable[[str], Engine], name: str
) -> None:
    with set_on(postgres, name, "off"):
        error = failure(opened(postgres.url()))
    assert error.code is Code.DATABASE_REFUSED
    assert name in error.detail


@pytest.mark.parametrize("encoding", ["latin1", "sql_ascii"])
def test_database_that_cannot_hold_every_text_is_refused(
    postgres: PostgresServer, opened: Callable[[str], Engine], encoding: str
) -> None:
    postgres.execute(f"CREATE DATABASE {encoding} ENCODING '{encoding}' TEMPLATE template0")
    error = failure(opened(postgres.url(database=encoding)))
    assert error.code is Code.DATABASE_REFUSED
    assert "UTF8" in error.detail


def test_server_that_is_too_old_is_refused(
    postgres: PostgresServer, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "OLDEST_VERSION", 99)
    error = failure(opened(postgres.url()))
    assert error.code is Code.DATABASE_REFUSED
    assert "PostgreSQL 99" in error.detail


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("user", "database", "code", "detail"),
    [
        ("guarded:wrong-Tr0ub4dor", "tally", Code.DATABASE_REFUSED, "password"),
        ("guarded", "tally", Code.DATABASE_REFUSED, "password"),
        ("banned:wrong-Tr0ub4dor", "tally", Code.DATABASE_REFUSED, "admits no such user"),
        ("locked", "tally", Code.DATABASE_REFUSED, "may not log in"),
        ("stranger", "tally", Code.DATABASE_REFUSED, "no such user"),
        ("tally", "nothing", Code.DATABASE_REFUSED, "no such database"),
        ("tally", "tally&options=-cdefault_transaction_read_only%3Don", Code.DATABASE_UNAVAILABLE, "standby"),
        ("tally", "tally&options=-cno_such%3Dsetting", Code.DATABASE_UNAVAILABLE, "no connection"),
    ],
)
def test_who_is_not_let_in_is_told_why_in_our_own_words(
    postgres: PostgresServer, opened: Callable[[str], Engine], caplog: pytest.LogCaptureFixture,
    user: str, database: str, code: Code, detail: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "tally.storage")
    name, *options = database.split("&")
    engine = opened("&".join([postgres.url(user=user, database=name), *options]))
    error = failure(engine)
    assert (error.code, detail in error.detail) == (code, True)
    told = "".join(traceback.format_exception(error)) + caplog.text + repr(engine)
    assert "Tr0ub4dor" not in told
    assert "no connection to PostgreSQL" in caplog.text


@pytest.mark.parametrize(
    ("address", "code", "detail"),
    [
        ("127.0.0.1:1/ledger", Code.DATABASE_UNAVAILABLE, "no connection"),
        ("/ledger?host=/nonexistent", Code.DATABASE_UNAVAILABLE, "no connection"),
        ("no-such-host.invalid/ledger", Code.DATABASE_UNAVAILABLE, "no such host"),
        ("/ledger?service=nothing", Code.DATABASE_REFUSED, "service file"),
        ("127.0.0.1:1/ledger?colour=blue", Code.SETTINGS_INVALID, "option"),
        ("127.0.0.1:1/ledger?sslmode=blue", Code.SETTINGS_INVALID, "value"),
    ],
)
def test_server_that_cannot_be_reached_is_unavailable_and_no_password_is_told(
    opened: Callable[[str], Engine], caplog: pytest.LogCaptureFixture, address: str, code: Code, detail: str
) -> None:
    caplog.set_level(logging.DEBUG)
    error = failure(opened(NOWHERE + address))
    assert (error.code, detail in error.detail) == (code, True)
    assert "hunter2" not in "".join(traceback.format_exception(error)) + caplog.text


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
def test_right_password_lets_in(
    postgres: PostgresServer, opened: Callable[[str], Engine], driver: str
) -> None:
    url = postgres.url(user=f"guarded:{PASSWORD}").replace("postgresql+psycopg", driver)
    with opened(url).connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "guarded"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ledger:hunter2@db/ledger",
        "postgres://ledger:hunter2@db/ledger",
        "postgresql+psycopg2://ledger:hunter2@db/ledger",
        "postgresql+asyncpg://ledger:hunter2@db/ledger",
        "postgresql+psycopg://ledger:hunter1@hunter2@db/ledger",
        "postgresql+psycopg://ledger:hunter1@db:hunter2/ledger",
    ],
)
def test_other_database_is_a_mistake_of_the_caller_and_no_password_is_told(url: str) -> None:
    with pytest.raises(ValueError, match=r"database|PostgreSQL|password") as caught:
        open_database(url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value)).replace(url, "")


def test_user_without_rights_is_told_so(
    postgres: PostgresServer, opened: Callable[[str], Engine], engine: Engine
) -> None:
    postgres.execute("CREATE ROLE reader LOGIN")
    with engine.connect() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    postgres.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader", database="tally")
    theirs = opened(postgres.url(user="reader", options=f"-csearch_path%3D{schema}"))
    assert failure(theirs, "SELECT * FROM entry").code is Code.DATABASE_REFUSED
    assert failure(theirs, "CREATE TABLE mine (id INTEGER)").code is Code.DATABASE_REFUSED


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("08006", Code.DATABASE_UNAVAILABLE),
        ("25006", Code.DATABASE_UNAVAILABLE),
        ("40001", Code.DATABASE_BUSY),
        ("40003", Code.DATABASE_UNAVAILABLE),
        ("40P01", Code.DATABASE_BUSY),
        ("53100", Code.DISK_FULL),
        ("53200", Code.DATABASE_BUSY),
        ("53300", Code.DATABASE_BUSY),
        ("55P03", Code.DATABASE_BUSY),
        ("57014", Code.DATABASE_BUSY),
        ("57P01", Code.DATABASE_UNAVAILABLE),
        ("57P03", Code.DATABASE_UNAVAILABLE),
        ("58030", Code.DISK_ERROR),
        ("XX001", Code.DATABASE_DAMAGED),
        ("XX002", Code.DATABASE_DAMAGED),
    ],
)
def test_state_of_the_server_has_its_own_error(engine: Engine, state: str, code: Code) -> None:
    error = failure(engine, f"DO $$ BEGIN RAISE EXCEPTION 'hunter2' USING ERRCODE = '{state}'; END $$")
    assert isinstance(error, UnavailableError)
    assert error.code is code
    assert state in error.detail or state == "25006"


@pytest.mark.parametrize("statement", ["SELECT * FROM nothing", "SELECT 1 / 0", "no SQL"])
def test_mistake_of_the_caller_is_left_as_it_is(engine: Engine, statement: str) -> None:
    with pytest.raises(sqlalchemy.exc.DBAPIError), engine.begin() as connection:
        connection.execute(text(statement))


def test_parameters_are_never_told(engine: Engine) -> None:
    with pytest.raises(sqlalchemy.exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text("SELECT * FROM nothing WHERE a = :a"), {"a": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_statement_that_takes_too_long_is_ended(
    postgres: PostgresServer, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "STATEMENT_TIMEOUT_SECONDS", 0.02)
    assert failure(opened(postgres.url()), "SELECT pg_sleep(20)").code is Code.DATABASE_BUSY


def test_connection_that_died_while_nobody_used_it_is_replaced_unnoticed(
    postgres: PostgresServer, engine: Engine
) -> None:
    insert(engine, 1)
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tally'")
    insert(engine, 2)
    assert count(engine) == 2


def test_connection_that_dies_in_use_is_unavailable_and_what_it_did_undone(
    postgres: PostgresServer, engine: Engine
) -> None:
    def interrupted_write() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO entry (id) VALUES (1)"))
            postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tally'")
            connection.execute(text("INSERT INTO entry (id) VALUES (2)"))

    with pytest.raises(UnavailableError) as caught:
        interrupted_write()
    assert caught.value.code is Code.DATABASE_UNAVAILABLE
    assert count(engine) == 0


def test_server_that_crashed_is_unavailable_until_it_is_back_with_all_it_acknowledged(
    postgres: PostgresServer, engine: Engine
) -> None:
    insert(engine, 1)
    with engine.connect() as held:
        held.execute(text("SELECT 1"))
        postgres.crash()
        try:
            with pytest.raises(UnavailableError) as caught:
                held.execute(text("SELECT pg_sleep(20)"))
            assert caught.value.code is Code.DATABASE_UNAVAILABLE
            assert failure(engine).code is Code.DATABASE_UNAVAILABLE
        finally:
            postgres.start()
    insert(engine, 2)
    assert count(engine) == 2


def test_text_with_a_nul_is_not_found(engine: Engine) -> None:
    with pytest.raises(RefusedError) as caught, engine.begin() as connection:
        connection.execute(text("SELECT 1 WHERE 'word' = :word"), {"word": "word\0"})
    assert caught.value.code is Code.NOT_FOUND
