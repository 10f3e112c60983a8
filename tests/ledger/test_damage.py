"""FI-C2: a bit that flipped in the files of the database never goes unnoticed when the ledger starts."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import TallyError
from protocol.records import DidRecord
from tests.ledger.world import World, names

DATABASE, JOURNAL = "ledger.sqlite", "ledger.sqlite-wal"
NOTICED = {
    Code.DATABASE_DAMAGED,
    Code.LOG_ROLLBACK,
    Code.LOG_SELF_CHECK_FAILED,
    Code.NOT_INITIALIZED,
}


@pytest.fixture(scope="module")
def records() -> list[DidRecord]:
    return names(40)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, records: list[DidRecord]) -> Path:
    """The files of a ledger that was stopped well, and of one that died with everything in its journal."""
    shelf = tmp_path_factory.mktemp("shelf")
    world = World(shelf / "stopped")
    world.folder.mkdir()
    world.create()
    with world.sequencer() as sequencer:
        for answer in [sequencer.submit(each) for each in records]:
            answer.result(20)
        shutil.copytree(world.folder, shelf / "died", ignore=shutil.ignore_patterns("*-shm"))
    world.close()
    return shelf


def places(seed: str, length: int, count: int) -> Iterator[tuple[int, int]]:
    """Offset and bit of `count` places in a file of `length` bytes, the same every time."""
    for number in range(count):
        digest = int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest())
        yield digest % length, (digest >> 128) % 8


def starts(folder: Path, records: list[DidRecord]) -> bool:
    """Whether a ledger starts, with everything it had; if not, it says why."""
    world = World(folder)
    try:
        with world.sequencer() as sequencer:
            assert sequencer.published.log.tree_size == len(records)
            assert world.store().read_leaves(0, len(records)) == [each.leaf for each in records]
    except TallyError as error:
        if error.code not in NOTICED:
            raise
        return False
    finally:
        world.close()
    return True


@pytest.mark.parametrize("count", [40, pytest.param(5_000, marks=pytest.mark.stress)])
@pytest.mark.parametrize(("ledger", "name"), [("stopped", DATABASE), ("died", JOURNAL)])
def test_flipped_bit_is_noticed_at_the_start(
    shelf: Path, records: list[DidRecord], tmp_path: Path, ledger: str, name: str, count: int
) -> None:
    good = (shelf / ledger / name).read_bytes()
    refused = 0
    for offset, bit in places(name, len(good), count):
        place = tmp_path / "place"
        shutil.copytree(shelf / ledger, place)
        flipped = bytes([good[offset] ^ (1 << bit)])
        (place / name).write_bytes(good[:offset] + flipped + good[offset + 1 :])
        refused += not starts(place, records)
        shutil.rmtree(place)
    # Much of the main file is room that nothing is in. The journal is all content, but for its last
    # transaction: without that the ledger publishes once more.
    assert refused > count * (0.25 if name == DATABASE else 0.85)


@pytest.mark.parametrize("ledger", ["stopped", "died"])
def test_files_without_a_flipped_bit_are_accepted(
    shelf: Path, records: list[DidRecord], tmp_path: Path, ledger: str
) -> None:
    shutil.copytree(shelf / ledger, tmp_path / "place")
    assert starts(tmp_path / "place", records)
