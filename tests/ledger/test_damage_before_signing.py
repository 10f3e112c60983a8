"""FI-C3: a bit that flips between the commit of an entry and its signature is never signed: in the log or in
its index, on the disk or in the memory of the writer.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.cosigners import Cosigners
from ledger.followed_log import FollowedLog
from ledger.publishing_rounds import PublishingRounds
from ledger.stored_tree import Head
from ledger.tree import Tree
from protocol.codes import Code
from protocol.errors import UnavailableError
from tests.campaign import Chance, many
from tests.ledger.world import NOW, World, append, names

SIGNED, ADDED = 300, 20

_LEAVES = {Tree.LOG: "entry", Tree.INDEX: "index_entry"}


@dataclass
class Unsigned:
    """A ledger with entries that are committed, and stated in its index, and not signed."""

    world: World
    log: FollowedLog
    rounds: PublishingRounds
    head: Head
    file: sqlite3.Connection

    def publish(self, head: Head | None = None) -> None:
        self.rounds.publish(head or self.head)

    def memories(self) -> list[object]:
        """What was signed last, as the program and as the disk have it, and what is shown."""
        signers = (self.log.signers.log, self.log.signers.index)
        files = [path.read_bytes() for path in sorted(self.world.folder.glob("last-signed*"))]
        return [*(signer.last_signed for signer in signers), *files, self.log.published]


@pytest.fixture
def unsigned(tmp_path: Path) -> Iterator[Unsigned]:
    world = World(tmp_path)
    world.create()
    records = names(SIGNED + ADDED)
    with world.sequencer() as sequencer:
        for answer in [sequencer.submit(each) for each in records[:SIGNED]]:
            answer.result(60)
    log = FollowedLog(world.store(), world.signers())
    head = append(log.store, records[SIGNED:])
    log.index.state(head, now=NOW)
    with (
        Cosigners(world.ledger.policy, clock=world.clock) as cosigners,
        closing(sqlite3.connect(world.database, isolation_level=None)) as file,
    ):
        # What it does to the file need not survive a power cut.
        file.execute("PRAGMA synchronous = OFF")
        rounds = PublishingRounds(log, cosigners, evidence=world.evidence, clock=world.clock)
        yield Unsigned(world, log, rounds, head, file)
    world.close()


def _nothing() -> None:
    pass


def flip(data: bytes, chance: Chance) -> bytes:
    offset = chance.below(len(data))
    return data[:offset] + bytes([data[offset] ^ 1 << chance.below(8)]) + data[offset + 1 :]


class Cells:
    """The cells of the database that what is to be signed next is computed from."""

    def __init__(self, unsigned: Unsigned) -> None:
        self._file = unsigned.file
        self._cells: list[tuple[str, int]] = []
        for tree, begin in (
            (Tree.LOG, SIGNED),
            (Tree.INDEX, unsigned.log.signers.index.last_signed.tree_size),
        ):
            for table, column, where in (
                (_LEAVES[tree], "leaf", f"leaf_index >= {begin}"),
                ("tile", "hashes", f"tree = '{tree}' AND (level > 0 OR tile_index = {begin // 256})"),
            ):
                rows = self._file.execute(f"SELECT rowid FROM {table} WHERE {where}").fetchall()
                self._cells += [(f"{table} {column}", row) for (row,) in rows]

    def flip(self, chance: Chance) -> tuple[str, Callable[[], None]]:
        """Flip a bit of one of them; gives the name of its column, and what flips it back."""
        where, row = chance.one_of(self._cells)
        table, column = where.split()
        [[good]] = self._file.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", [row])

        def write(data: bytes) -> None:
            self._file.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [data, row])

        write(flip(good, chance))
        return where, lambda: write(good)


def flip_again_and_again(unsigned: Unsigned, count: Callable[[str, object], None], *, flips: int) -> None:
    chance, cells = Chance("before signing"), Cells(unsigned)
    before = unsigned.memories()
    refused: dict[str, int] = {}
    for number in range(flips):
        head, restore = unsigned.head, _nothing
        if number % 10 == 0:
            where = "what the writer remembers"
            head = Head(head.tree_size, flip(head.root_hash, chance))
        else:
            where, restore = cells.flip(chance)
        with pytest.raises(UnavailableError) as caught:
            unsigned.publish(head)
        assert caught.value.code is Code.LOG_SELF_CHECK_FAILED
        refused[where] = refused.get(where, 0) + 1
        restore()
        assert unsigned.memories() == before
    # It was the flipped bits that it refused.
    unsigned.publish()
    assert unsigned.log.published.log.tree_size == SIGNED + ADDED
    assert len(refused) == 4
    for where, times in refused.items():
        count(f"bits flipped before signing, in {where}; refused each time", times)


def test_bit_that_flipped_since_the_commit_is_not_signed(
    unsigned: Unsigned, record_property: Callable[[str, object], None]
) -> None:
    flip_again_and_again(unsigned, record_property, flips=60)


@pytest.mark.stress
def test_none_of_ten_thousand_bits_that_flipped_since_the_commit_is_signed(
    unsigned: Unsigned, record_property: Callable[[str, object], None]
) -> None:
    flip_again_and_again(unsigned, record_property, flips=many(10_000))
