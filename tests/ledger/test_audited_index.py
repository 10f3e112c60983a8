from dataclasses import replace

import pytest

from ledger.audited_index import AuditedIndex
from ledger.log_files import LogFiles
from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.index.leaf import IndexEntry, encode_index_entry
from protocol.tlog.merkle import RightEdge, hash_leaf
from protocol.tlog.policy import VerifiedCheckpoint
from protocol.tlog.tiles import EntryBundle, HashTile
from tests.ledger.test_index import RECORDS, entries_at, time_at
from tests.ledger.world import AUTHORITY, NOW

GOOD = entries_at(0, 2, 5, 7)


class IndexFiles(LogFiles):
    """The files of an index log of less than a tile."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves

    def read_tiles(self, tiles: object) -> list[bytes]:
        assert list(tiles) == [HashTile(0, 0, len(self._leaves))]  # type: ignore[call-overload]
        return [b"".join(map(hash_leaf, self._leaves))]

    def read_bundle(self, bundle: EntryBundle) -> tuple[bytes, ...]:
        assert bundle == EntryBundle(0, len(self._leaves))
        return tuple(self._leaves)


def compare(leaves: list[bytes]) -> None:
    audited = AuditedIndex(AUTHORITY)
    for record in RECORDS:
        audited.add(record.subject.key, hash_leaf(record.leaf))
    root = RightEdge().append(map(hash_leaf, leaves)).root_hash()
    checkpoint = VerifiedCheckpoint(f"{AUTHORITY}/index", len(leaves), root, NOW, "")
    audited.compare(checkpoint, IndexFiles(leaves))


def test_index_that_follows_from_the_log_passes() -> None:
    compare([encode_index_entry(entry) for entry in GOOD])
    compare([encode_index_entry(entry) for entry in GOOD[:2]])


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize(
    "change",
    [
        {"origin": "other.example"},
        {"root_hash": bytes(32)},
        {"map_root": bytes(32)},
        {"time": time_at(60)},
        {"time": NOW.replace(year=2000)},
        {"tree_size": 8},
        {"tree_size": 1},
    ],
    ids=["origin", "root", "map", "later", "earlier", "ahead", "size"],
)
def test_entry_that_states_something_else_is_refused(number: int, change: dict[str, object]) -> None:
    wrong: IndexEntry = replace(GOOD[number], **change)  # type: ignore[arg-type]
    entries = [*GOOD[:number], wrong, *GOOD[number + 1 :]]
    with pytest.raises(VerificationError) as caught:
        compare([encode_index_entry(entry) for entry in entries])
    assert caught.value.code is Code.INDEX_ENTRY_INVALID


@pytest.mark.parametrize("leaves", [[b"nonsense"], [encode_index_entry(GOOD[1])] * 2])
def test_entry_that_is_none_or_comes_twice_is_refused(leaves: list[bytes]) -> None:
    with pytest.raises(VerificationError) as caught:
        compare(leaves)
    assert caught.value.code is Code.INDEX_ENTRY_INVALID
