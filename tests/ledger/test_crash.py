"""FI-K1: a server, or the PostgreSQL under it, that is killed while eight write loses no acknowledged entry,
and forks nothing.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from ledger.audit import audit_ledger
from ledger.client import LedgerClient
from ledger.fetch import Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from protocol.codes import Code
from protocol.records import DidRecord
from protocol.tlog.merkle import hash_leaf
from tests.campaign import Chance, many
from tests.ledger.nursery import Nursery, nursery
from tests.ledger.process import Operator, found_ledger
from tests.ledger.world import create, record
from tests.postgres import PostgresServer

WRITERS = 8
SECONDS = 60
# What a server says as long as its database is away.
AWAY = {Code.DATABASE_UNAVAILABLE.value, Code.DATABASE_BUSY.value, Code.NETWORK_BUSY.value}

Count = Callable[[str, object], None]


class Writers:
    """Eight who write to the server without a pause; what nobody answered, or who refused, they send again.

    Attributes:
        acknowledged: What the server answered to each entry, kept where its faults cannot reach.
        refusals: How often it refused, by code.
    """

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._write) for _ in range(WRITERS)]
        self.acknowledged: dict[bytes, dict[str, Any]] = {}
        self.refusals: Counter[str] = Counter()
        self.unanswered: list[DidRecord] = []

    @contextmanager
    def writing(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join()

    def wait_for_more(self, count: int) -> None:
        with self._changed:
            end = len(self.acknowledged) + count
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= end, SECONDS), self.refusals

    def _write(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                name = f"did-{next(self._numbers)}"
            new = record(create(name, port=self._operator.port))
            while not self.submit(new):
                if self._stopping.wait(0.01):
                    self.unanswered.append(new)
                    return

    def submit(self, new: DidRecord) -> bool:
        """Whether the server has acknowledged it."""
        try:
            status, body = self._operator.submit(new.leaf)
        except (OSError, HTTPException):
            return False
        with self._changed:
            if status != 200:
                assert body["code"] in AWAY, body
                self.refusals[body["code"]] += 1
                return False
            # An entry that was acknowledged before keeps its place.
            assert self.acknowledged.setdefault(new.leaf, body) == body
            self._changed.notify_all()
        return True


class Reader:
    """Somebody who remembers what the ledger showed, and so notices a fork and a step back."""

    def __init__(self, operator: Operator, folder: Path) -> None:
        self._fetcher = Fetcher(FetchRules(development=True))
        self._client = LedgerClient(
            operator.ledger, fetcher=self._fetcher, memory=CheckpointMemory(folder / "seen")
        )

    def look(self) -> int:
        return self._client.checkpoint(now=_now()).tree_size

    def audit(self) -> int:
        with self._fetcher:
            return audit_ledger(self._client, fetcher=self._fetcher, now=_now()).checkpoint.tree_size


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


@contextmanager
def serving(nursery: Nursery, operator: Operator) -> Iterator[list[int]]:
    """The server; whoever replaces it puts the new process id into the list."""
    processes = [begin(nursery, operator)]
    try:
        yield processes
    finally:
        nursery.end(processes[0])


def begin(nursery: Nursery, operator: Operator) -> int:
    return nursery.begin(["ledger", "serve", "--port", str(operator.port), "--json"], operator.environment)


def finish(operator: Operator, writers: Writers, reader: Reader) -> None:
    """What was not acknowledged is now; and all that ever was is found, once."""
    for each in writers.unanswered:
        assert writers.submit(each)
    tree_size = reader.audit()
    with operator.folder.open_store() as store:
        stored = store.read_leaves(0, tree_size)
        assert store.head().tree_size == tree_size
    assert len(writers.acknowledged) == tree_size
    for leaf, answer in writers.acknowledged.items():
        assert stored[answer["index"]] == leaf
        assert answer["leaf_hash"] == hash_leaf(leaf).hex()
    assert not operator.folder.evidence.exists()


def kill_servers(folder: Path, count: Count, *, kills: int) -> None:
    operator, chance = found_ledger(folder / "home"), Chance("servers")
    writers, reader = Writers(operator), Reader(operator, folder)
    with nursery() as started, serving(started, operator) as server:
        with writers.writing():
            for _ in range(kills):
                writers.wait_for_more(1 + chance.below(20))
                threading.Event().wait(chance.below(80) / 1000)
                started.end(server[0])
                server[0] = begin(started, operator)
                reader.look()
            writers.wait_for_more(1)
        finish(operator, writers, reader)
    assert not writers.refusals
    count("servers killed while eight wrote", kills)
    count("entries acknowledged by them, found once each; none lost, no fork", len(writers.acknowledged))


def kill_databases(folder: Path, postgres: PostgresServer, count: Count, *, kills: int) -> None:
    operator, chance = found_ledger(folder / "home", postgres.new_database()), Chance("databases")
    writers, reader = Writers(operator), Reader(operator, folder)
    with nursery() as started, serving(started, operator):
        with writers.writing():
            for _ in range(kills):
                writers.wait_for_more(1 + chance.below(20))
                threading.Event().wait(chance.below(80) / 1000)
                postgres.crash()
                postgres.start()
                reader.look()
            writers.wait_for_more(1)
        finish(operator, writers, reader)
    count("PostgreSQL servers killed while eight wrote", kills)
    count("entries acknowledged on them, found once each; none lost, no fork", len(writers.acknowledged))
    for code, times in writers.refusals.items():
        count(f"answers {code} meanwhile", times)


def test_server_killed_with_writers_running_loses_nothing_it_acknowledged(
    tmp_path: Path, record_property: Count
) -> None:
    kill_servers(tmp_path, record_property, kills=2)


def test_ledger_whose_database_is_killed_loses_nothing_it_acknowledged(
    tmp_path: Path, postgres: PostgresServer, record_property: Count
) -> None:
    kill_databases(tmp_path, postgres, record_property, kills=1)


@pytest.mark.stress
def test_server_killed_hundreds_of_times_loses_nothing_it_acknowledged(
    tmp_path: Path, record_property: Count
) -> None:
    kill_servers(tmp_path, record_property, kills=many(200))


@pytest.mark.stress
def test_ledger_whose_database_is_killed_hundreds_of_times_loses_nothing_it_acknowledged(
    tmp_path: Path, postgres: PostgresServer, record_property: Count
) -> None:
    kill_databases(tmp_path, postgres, record_property, kills=many(200))
