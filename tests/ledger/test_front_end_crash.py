"""Front ends as processes, killed and suspended while clients write: what was acknowledged is there."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ledger.front_ends import SECONDS, Clients, front_ends
from tests.ledger.world import names
from tests.postgres import PostgresServer

TAKEN_OVER_WITHIN = 20


@dataclass(frozen=True)
class Interrupted:
    """How many entries there are, for how many seconds nobody wrote each time, and what clients were told."""

    entries: int
    gaps: list[float]
    refused: Counter[str]


def interrupt_writers(
    home: Path,
    address: str,
    signals: list[signal.Signals],
    *,
    machines: int,
    entries: int,
    hurry: Callable[[], None] = lambda: None,
) -> Interrupted:
    """Give each of `signals` to whoever writes, while clients submit so many `entries`."""
    gaps = []
    with front_ends(home, address, machines) as cluster:
        records = names(entries * len(signals), port=cluster.operators[0].port)
        clients = Clients(cluster)
        for number in range(machines):
            cluster.start(number)
        with clients.writing():
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
        # Whoever was suspended has stepped back, and all of them tell the same.
        leaf = records[0].leaf
        assert all(operator.post(leaf) == clients.acknowledged[leaf] for operator in cluster.operators)
        states = [cluster.health(number) for number in range(machines)]
        assert [state["writing"] for state in states].count(True) == 1
        assert {state["tree_size"] for state in states} == {len(records)}
        with cluster.operators[0].folder.open_store() as store:
            stored = store.read_leaves(0, store.head().tree_size)
    assert sorted(stored) == sorted(record.leaf for record in records)
    assert len(clients.acknowledged) == len(records)
    assert clients.lost(stored) == []
    return Interrupted(len(stored), gaps, clients.refused)


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
    said = interrupt_writers(tmp_path, postgres.new_database(), signals, machines=3, entries=60)
    record_property("entries acknowledged by three front ends, and found once each", said.entries)
    record_property("writers killed or suspended", len(said.gaps))
    record_property("seconds without a writer, at most", f"{max(said.gaps):.1f}")
    for code, count in said.refused.items():
        record_property(f"times a client was told {code}, and asked again", count)
    assert max(said.gaps) < TAKEN_OVER_WITHIN
