"""Three PostgreSQL under Patroni, with an etcd, for tests: processes of their own that can be killed.

Patroni is that of `.venv-patroni`, etcd and its Python client are Debian's, PostgreSQL is that of the tests.
None of them may run as root, and another account may not be able to read this checkout or its interpreter: so
they run with Debian's Python, on copies.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psycopg

from demo.world import find_free_ports
from tests.postgres import account_of_servers, copy_programs, give_away
from tests.processes import ROOT

PYTHON = Path("/usr/bin/python3")
_PATRONI = Path(ROOT, ".venv-patroni")
_PROGRAMS = ("pg_ctl", "pg_controldata", "pg_basebackup", "pg_rewind", "pg_isready")
_SECONDS = 180
_NAMES = ("one", "two", "three")


def missing() -> str | None:
    """What is not on this machine, and how to get it."""
    if shutil.which("etcd") is None or not PYTHON.exists() or not _imports("etcd"):
        return "etcd-server and python3-etcd of Debian are missing: sh scripts/debian_etcd.sh"
    if (packages := _packages()) is None:
        return "there is no .venv-patroni: make stress"
    if not _imports("patroni, psycopg", packages):
        return "the packages in .venv-patroni are for another Python than Debian's"
    return None


def _packages() -> Path | None:
    return (
        next(_PATRONI.glob("lib/python3*/site-packages/patroni"), _PATRONI).parent
        if _PATRONI.exists()
        else None
    )


def _imports(modules: str, path: Path | None = None) -> bool:
    environment = {} if path is None else {"PYTHONPATH": str(path)}
    command = [str(PYTHON), "-c", f"import {modules}"]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


@dataclass
class Member:
    """One PostgreSQL and the Patroni that looks after it."""

    name: str
    folder: Path
    port: int
    rest_port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def data(self) -> Path:
        return self.folder / self.name

    def ask(self, path: str) -> Any:
        """What Patroni says; None if it says nothing."""
        connection = HTTPConnection("127.0.0.1", self.rest_port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            return said if answer.status == 200 else None
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def execute(self, statement: str, *, database: str = "postgres") -> list[Any]:
        address = f"host=127.0.0.1 port={self.port} user=postgres dbname={database} connect_timeout=5"
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """Kill Patroni and every process of the server, as when the machine loses its power."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        # The first, so that it starts nobody anew; then what it leaves behind.
        victims = [postmaster, *_children(postmaster)]
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)


def _children(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@dataclass
class Cluster:
    """Three members, one of which is the primary."""

    members: list[Member]
    start_member: Callable[[Member], None]

    def primary(self) -> Member:
        """The primary, as soon as there is one that takes writes."""
        found: list[Member] = []

        def is_there() -> bool:
            found[:] = [member for member in self.members if member.ask("/primary") is not None]
            return bool(found)

        wait_for(is_there)
        return found[0]

    def standbys(self, *, synchronous: bool) -> list[Member]:
        path = "/synchronous" if synchronous else "/replica"
        return [member for member in self.members if member.ask(path) is not None]

    def url(self) -> str:
        """The address of the database, whoever is the primary."""
        hosts = "&".join(f"host=127.0.0.1:{member.port}" for member in self.members)
        return f"postgresql+psycopg://tally@/tally?{hosts}"


def wait_for(held: Callable[[], bool], seconds: float = _SECONDS) -> None:
    end = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < end, "it took too long"
        threading.Event().wait(0.1)


@contextmanager
def running_cluster(*, synchronous: bool) -> Iterator[Cluster]:
    """A cluster with a database `tally` of the user `tally`; all standbys have caught up."""
    folder = Path(tempfile.mkdtemp(prefix="tally-patroni-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    try:
        with ExitStack() as stack:
            programs = copy_programs(folder / "programs", *(f"bin/{name}" for name in _PROGRAMS))
            packages = _packages()
            assert packages is not None
            shutil.copytree(packages, folder / "packages")
            give_away(folder)
            yield _start(folder, programs, stack, synchronous=synchronous)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, programs: Path, stack: ExitStack, *, synchronous: bool) -> Cluster:
    client, peer, *ports = find_free_ports(2 + 2 * len(_NAMES))
    etcd = f"http://127.0.0.1:{client}"
    arguments = ["--listen-client-urls", etcd, "--advertise-client-urls", etcd]
    arguments += ["--listen-peer-urls", f"http://127.0.0.1:{peer}", "--data-dir", str(folder / "etcd")]
    log = stack.enter_context((folder / "etcd.log").open("wb"))
    stack.enter_context(_process(["etcd", *arguments], folder, log))
    members = [
        Member(name, folder, port, rest_port)
        for name, port, rest_port in zip(_NAMES, ports[: len(_NAMES)], ports[len(_NAMES) :], strict=True)
    ]
    for member in members:
        settings = _settings(member, programs, client, synchronous=synchronous)
        # YAML is a superset of JSON.
        (folder / f"{member.name}.yml").write_text(json.dumps(settings))

    def start_member(member: Member) -> None:
        output = stack.enter_context((folder / f"{member.name}.log").open("ab"))
        command = [str(PYTHON), "-m", "patroni", f"{member.name}.yml"]
        member.process = stack.enter_context(_process(command, folder, output))

    cluster = Cluster(members, start_member)
    stack.callback(_stop, members)
    for member in members:
        start_member(member)
    primary = cluster.primary()
    primary.execute("CREATE ROLE tally LOGIN")
    primary.execute("CREATE DATABASE tally OWNER tally")
    wait_for(lambda: len(cluster.standbys(synchronous=False)) == len(members) - 1)
    wait_for(lambda: not synchronous or len(cluster.standbys(synchronous=True)) == 1)
    return cluster


def _stop(members: list[Member]) -> None:
    for member in members:
        if member.process is not None and member.process.poll() is None:
            member.kill()


@contextmanager
def _process(command: list[str], folder: Path, output: Any) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PYTHONPATH": str(folder / "packages")},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        **account_of_servers(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _settings(member: Member, programs: Path, etcd: int, *, synchronous: bool) -> dict[str, Any]:
    rest = f"127.0.0.1:{member.rest_port}"
    server = f"127.0.0.1:{member.port}"
    return {
        "scope": "tally",
        "name": member.name,
        "restapi": {"listen": rest, "connect_address": rest},
        "etcd3": {"host": f"127.0.0.1:{etcd}"},
        "bootstrap": {
            "dcs": {
                # The shortest that Patroni allows.
                "ttl": 20,
                "loop_wait": 2,
                "retry_timeout": 3,
                "synchronous_mode": synchronous,
                "synchronous_mode_strict": synchronous,
                # Without synchronous replication somebody has to say how much may be lost.
                "maximum_lag_on_failover": 1 << 30,
                "postgresql": {
                    "use_pg_rewind": True,
                    "parameters": {"max_connections": 100, "shared_buffers": "32MB", "wal_log_hints": "on"},
                },
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}],
        },
        "postgresql": {
            "listen": server,
            "connect_address": server,
            "data_dir": str(member.data),
            "bin_dir": str(programs / "bin"),
            "pgpass": str(member.folder / f"{member.name}.pgpass"),
            "authentication": {
                "superuser": {"username": "postgres"},
                "replication": {"username": "replicator"},
            },
            "pg_hba": [
                "local all all trust",
                "host all all 127.0.0.1/32 trust",
                "host replication all 127.0.0.1/32 trust",
            ],
            "parameters": {"unix_socket_directories": str(member.folder)},
            # Else a standby begins when the primary has written out everything at its leisure.
            "basebackup": [{"checkpoint": "fast"}],
        },
    }
