"""FI-K1: a server that is killed while several write loses no entry it acknowledged, and forks nothing."""

import queue
import threading
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from ledger.audit import audit_ledger
from ledger.client import LedgerClient
from ledger.fetch import Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from protocol.records import DidRecord
from protocol.tlog.merkle import hash_leaf
from tests.ledger.process import Operator, found_ledger
from tests.ledger.world import names

WRITERS = 4
SECONDS = 30


class Journal:
    """What the server acknowledged, kept where its faults cannot reach."""

    def __init__(self) -> None:
        self.acknowledged: dict[bytes, dict[str, Any]] = {}
        self._changed = threading.Condition()

    def note(self, leaf: bytes, answer: dict[str, Any]) -> None:
        with self._changed:
            # An entry that was acknowledged before keeps its place.
            assert self.acknowledged.setdefault(leaf, answer) == answer
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= count, SECONDS)


def write(operator: Operator, waiting: "queue.SimpleQueue[DidRecord]", journal: Journal) -> None:
    """Submit what is waiting until there is nothing left or nobody answers; put back what got no answer."""
    while True:
        try:
            record = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            answer = operator.post(record.leaf)
        except (OSError, HTTPException):
            waiting.put(record)
            return
        journal.note(record.leaf, answer)


def kill_again_and_again(operator: Operator, tmp_path: Path, *, kills: int, entries: int) -> None:
    waiting: queue.SimpleQueue[DidRecord] = queue.SimpleQueue()
    for record in names(entries * (kills + 1), port=operator.port):
        waiting.put(record)
    journal = Journal()
    for number in range(kills):
        with operator.serving() as server:
            writers = [
                threading.Thread(target=write, args=(operator, waiting, journal)) for _ in range(WRITERS)
            ]
            for writer in writers:
                writer.start()
            # Each time at another point of another batch.
            journal.wait_for(len(journal.acknowledged) + 1 + (number * 7) % entries)
            server.kill()
            server.wait(SECONDS)
            for writer in writers:
                writer.join()
    with operator.serving():
        write(operator, waiting, journal)
        with Fetcher(FetchRules(development=True)) as fetcher:
            memory = CheckpointMemory(tmp_path / "seen")
            client = LedgerClient(operator.ledger, fetcher=fetcher, memory=memory)
            report = audit_ledger(client, fetcher=fetcher, now=datetime.now(UTC))  # noqa: TID251
    assert len(journal.acknowledged) == report.checkpoint.tree_size == entries * (kills + 1)
    with operator.folder.open_store() as store:
        stored = store.read_leaves(0, report.checkpoint.tree_size)
    for leaf, answer in journal.acknowledged.items():
        assert stored[answer["index"]] == leaf
        assert answer["leaf_hash"] == hash_leaf(leaf).hex()


def test_server_killed_with_writers_running_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    kill_again_and_again(found_ledger(tmp_path / "home"), tmp_path, kills=2, entries=25)


@pytest.mark.stress
def test_server_killed_a_hundred_times_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    kill_again_and_again(found_ledger(tmp_path / "home"), tmp_path, kills=100, entries=40)
