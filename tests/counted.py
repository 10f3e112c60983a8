"""Randomness that comes out the same in every run, and a clock that only moves when it is told to."""

import hashlib
import threading
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 22, 17, 36, 44, tzinfo=UTC)


class CountedEntropy:
    """The hash of a seed and a counter, once more for each 32 bytes."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            with self._lock:
                self._count += 1
                data += hashlib.sha256(f"{self._seed} {self._count}".encode()).digest()
        return data[:size]


class SetClock:
    """A clock that stands at `now`."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by
