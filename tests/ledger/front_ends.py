"""Front ends of one ledger as processes, each on a machine of its own, and clients that write to them."""

import json
import queue
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from demo.world import find_free_ports
from protocol.records import DidRecord
from protocol.tlog.merkle import hash_leaf
from tests.ledger.process import Operator, found_ledger

WRITERS = 3
SECONDS = 60


@dataclass
class FrontEnds:
    """The front ends of one ledger, each on a machine of its own."""

    operators: list[Operator]
    started: ExitStack
    processes: "dict[int, subprocess.Popen[str]]" = field(default_factory=dict)

    def start(self, number: int) -> None:
        serving = self.operators[number].serving()
        self.processes[number] = self.started.enter_context(serving)

    def get(self, number: int, path: str) -> bytes:
        """What a front end answers.

        Raises:
            OSError: it does not.
        """
        connection = HTTPConnection("127.0.0.1", self.operators[number].port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def health(self, number: int) -> dict[str, Any]:
        health: dict[str, Any] = json.loads(self.get(number, "/healthz"))
        return health

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
    """Clients that submit what is waiting to one front end or the other, until it is logged.

    Attributes:
        acknowledged: The answer to each entry.
        refused: How often which error came instead.
    """

    front_ends: FrontEnds
    waiting: "queue.SimpleQueue[DidRecord | None]" = field(default_factory=queue.SimpleQueue)
    acknowledged: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """They write until the block ends, and what was waiting by then."""
        threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for _ in threads:
                self.waiting.put(None)
            for thread in threads:
                thread.join()

    def _write(self, number: int) -> None:
        while (record := self.waiting.get()) is not None:
            number += 1
            while not self._submit(number, record.leaf):
                number += 1

    def _submit(self, number: int, leaf: bytes) -> bool:
        try:
            operators = self.front_ends.operators
            status, answer = operators[number % len(operators)].submit(leaf)
        except (OSError, HTTPException):
            status, answer = HTTPStatus.SERVICE_UNAVAILABLE, {"code": "no answer"}
        with self._changed:
            if status == HTTPStatus.OK:
                self.acknowledged[leaf] = answer
            else:
                # It asks again only where it was told that this may help.
                assert status == HTTPStatus.SERVICE_UNAVAILABLE, answer
                self.refused[answer["code"]] += 1
            self._changed.notify_all()
        return status == HTTPStatus.OK

    def wait_for(self, count: int, seconds: float = SECONDS) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= count, seconds)

    def lost(self, stored: list[bytes]) -> list[bytes]:
        """What was acknowledged and is not in the log where it was said to be."""
        return [
            leaf
            for leaf, answer in self.acknowledged.items()
            if stored[answer["index"] : answer["index"] + 1] != [leaf]
            or answer["leaf_hash"] != hash_leaf(leaf).hex()
        ]
