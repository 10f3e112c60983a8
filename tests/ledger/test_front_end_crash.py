"""Front ends as processes, killed and suspended while clients write: what was acknowledged is there."""

import json
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from demo.world import find_free_ports
from protocol.encoding.strict_json import JsonObject
from protocol.records import DidRecord
from protocol.tlog.merkle import hash_leaf
from tests.ledger.process import Operator, found_ledger
from tests.ledger.world import names
from tests.postgres import PostgresServer

WRITERS = 3
SECONDS = 60
TAKEN_OVER_WITHIN = 20


@dataclass
class FrontEnds:
    """The front ends of one ledger, each on a machine of its own."""

    operators: list[Operator]
    started: ExitStack
    processes: "dict[int, subprocess.Popen[str]]" = field(default_factory=dict)

    def start(self, number: int) -> None:
        serving = self.operators[number].serving()
        self.processes[number] = self.started.enter_context(serving)

    def health(self, number: int) -> JsonObject:
        connection = HTTPConnection("127.0.0.1", self.operators[number].port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            health: JsonObject = json.loads(connection.getresponse().read())
            return health
        finally:
            connection.close()

    def writer(self, *, of: list[int]) -> int:
        """Which of some front ends has the lease, as soon as one does."""
        end = time.monotonic() + SECONDS
        while True:
            for number in of:
                if self.health(number).get("writing"):
                    return number
            assert time.monotonic() < end
            threading.Event().wait(0.05)


@contextmanager
def front_ends(home: Path, address: str, count: int) -> Iterator[FrontEnds]:
    """So many front ends on the database at `address`; each has a copy of the folder that was made first."""
    first = found_ledger(home / "machine-0", address)
    operators = [first]
    for number, port in enumerate(find_free_ports(count - 1), start=1):
        copy = home / f"machine-{number}"
        shutil.copytree(first.home, copy)
        operators.append(replace(first, home=copy, port=port))
    with ExitStack() as started:
        yield FrontEnds(operators, started)


@dataclass
class Clients:
    """Clients that submit what is waiting to one front end or the other, until they get an answer."""

    front_ends: FrontEnds
    waiting: "queue.SimpleQueue[DidRecord | None]" = field(default_factory=queue.SimpleQueue)
    acknowledged: dict[bytes, JsonObject] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def write(self, number: int) -> None:
        while (record := self.waiting.get()) is not None:
            answer = None
            while answer is None:
                number = (number + 1) % len(self.front_ends.operators)
                answer = self._submit(number, record.leaf)
            with self._changed:
                self.acknowledged[record.leaf] = answer
                self._changed.notify_all()

    def _submit(self, number: int, leaf: bytes) -> dict[str, Any] | None:
        try:
            return self.front_ends.operators[number].post(leaf)
        except (OSError, HTTPException):
            return None

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= count, SECONDS)


def interrupt_writers(
    home: Path,
    address: str,
    signals: list[signal.Signals],
    *,
    machines: int,
    entries: int,
    hurry: Callable[[], None] = lambda: None,
) -> tuple[int, list[float]]:
    """Give each of `signals` to whoever writes; gives how many entries there are, and how long nobody wrote
    each time.
    """
    gaps = []
    with front_ends(home, address, machines) as cluster:
        records = names(entries * len(signals), port=cluster.operators[0].port)
        clients = Clients(cluster)
        for number in range(machines):
            cluster.start(number)
        writers = [threading.Thread(target=clients.write, args=(number,)) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        for turn, each in enumerate(signals):
            for record in records[turn * entries : (turn + 1) * entries]:
                clients.waiting.put(record)
            clients.wait_for(turn * entries + entries // 2)
            victim = cluster.writer(of=list(range(machines)))
            cluster.processes[victim].send_signal(each)
            begin = time.monotonic()
            hurry()
            cluster.writer(of=[number for number in range(machines) if number != victim])
            gaps.append(time.monotonic() - begin)
            if each is signal.SIGSTOP:
                cluster.processes[victim].send_signal(signal.SIGCONT)
            else:
                cluster.processes[victim].wait(SECONDS)
                cluster.start(victim)
            clients.wait_for((turn + 1) * entries)
        for _ in writers:
            clients.waiting.put(None)
        for writer in writers:
            writer.join()
        # Whoever was suspended has stepped back, and all of them tell the same.
        again = [[operator.post(records[0].leaf) for operator in cluster.operators] for _ in range(2)]
        assert all(answer == clients.acknowledged[records[0].leaf] for some in again for answer in some)
        states = [cluster.health(number) for number in range(machines)]
        assert [state["writing"] for state in states].count(True) == 1
        assert {state["tree_size"] for state in states} == {len(records)}
        with cluster.operators[0].folder.open_store() as store:
            stored = store.read_leaves(0, store.head().tree_size)
    assert sorted(stored) == sorted(record.leaf for record in records)
    assert len(clients.acknowledged) == len(records)
    for leaf, answer in clients.acknowledged.items():
        assert stored[answer["index"]] == leaf  # type: ignore[index]
        assert answer["leaf_hash"] == hash_leaf(leaf).hex()
    return len(stored), gaps


def test_front_ends_killed_and_suspended_lose_nothing_and_log_nothing_twice(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    address = postgres.new_database()
    schema = address.rpartition("%3D")[2]

    def expire() -> None:
        statement = f"UPDATE {schema}.lease SET expires = now() - interval '1 second'"
        postgres.execute(statement, database="tally")

    signals = [signal.SIGKILL, signal.SIGSTOP]
    interrupt_writers(tmp_path, address, signals, machines=2, entries=20, hurry=expire)


@pytest.mark.stress
def test_front_ends_interrupted_sixty_times_lose_nothing_and_log_nothing_twice(
    tmp_path: Path, postgres: PostgresServer, record_property: Callable[[str, object], None]
) -> None:
    signals = [signal.SIGKILL, signal.SIGSTOP] * 30
    count, gaps = interrupt_writers(tmp_path, postgres.new_database(), signals, machines=3, entries=60)
    record_property("entries acknowledged by three front ends, and found once each", count)
    record_property("writers killed or suspended", len(gaps))
    record_property("seconds without a writer, at most", f"{max(gaps):.1f}")
    assert max(gaps) < TAKEN_OVER_WITHIN
