"""An agent in this process: a keeper that a thread serves on a real socket."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from storage.atomic_file import close_unwritten
from storage.sealed_header import MasterKey
from wallet.agent.channel import listen, remove, serve
from wallet.agent.client import end_agent
from wallet.agent.keeper import Keeper
from wallet.agent.messages import Handover

KEY = MasterKey(bytes(range(100, 132)))
IDLE = timedelta(minutes=10)


class Stopwatch:
    """Counts no seconds but those it is told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def forward(self, duration: timedelta) -> None:
        self.seconds += duration.total_seconds()


def keeper(stopwatch: Stopwatch, key: MasterKey = KEY) -> Keeper:
    return Keeper(Handover(key, IDLE), stopwatch=stopwatch)


@contextmanager
def agent(folder: Path, stopwatch: Stopwatch, key: MasterKey = KEY) -> Iterator[threading.Thread]:
    """An agent that listens in `folder` until the block ends."""
    listener, lock = listen(folder)
    keeping = keeper(stopwatch, key)

    def keep() -> None:
        serve(listener, keeping)
        remove(folder)
        listener.close()
        close_unwritten(lock)

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield thread
    finally:
        end_agent(folder)
        thread.join(10)
        assert not thread.is_alive()
