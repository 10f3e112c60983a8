"""One ledger in a PostgreSQL that several front ends serve."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ledger.front_end import FrontEnd
from ledger.lease import Lease
from ledger.signer import create_memories
from tests.ledger.world import World


@dataclass
class Shared:
    """A ledger in a PostgreSQL, and the front ends that have begun on it."""

    world: World
    started: ExitStack
    numbers: list[int] = field(default_factory=list)

    def start(self) -> FrontEnd:
        """One more front end, with a memory of its own."""
        folder = self.folder(len(self.numbers))
        folder.mkdir()
        create_memories(self.world.keys, folder)
        self.numbers.append(len(self.numbers))
        front_end = self.started.enter_context(self.world.front_end(folder=folder))
        front_end.begin()
        return front_end

    def folder(self, number: int) -> Path:
        return self.world.folder / f"machine-{number}"

    def take_lease(self) -> None:
        """Take the lease from whoever has it, as if that were suspended."""
        store = self.world.store()
        thief = Lease(store.engine, store.turn, holder="thief")
        while not thief.take():
            self.world.alter("UPDATE lease SET expires = now() - interval '1 second'")
        self.world.alter("UPDATE lease SET expires = now() - interval '1 second'")

    def waiting(self) -> int:
        [(count,)] = self.rows("SELECT count(*) FROM waiting")
        return count

    def rows(self, query: str) -> list[tuple[int, ...]]:
        with self.world.engine.begin() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]
