from typing import Any

import pytest

from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.log_files import LogFiles
from protocol.codes import Code
from protocol.errors import UnavailableError
from protocol.tlog.tiles import EntryBundle, HashTile, encode_entry_bundle

ENTRIES = tuple(b"%d" % number for number in range(256))
FULL = {"tile/0/000": bytes(range(256)) * 32, "tile/entries/000": encode_entry_bundle(ENTRIES)}


class Pruned(Fetcher):
    """A log that keeps full files only."""

    def __init__(self) -> None:
        super().__init__(FetchRules())

    def fetch(self, url: str, **options: Any) -> Fetched:
        found = FULL.get(url.removeprefix("https://ledger.example/"))
        if found is None:
            return Fetched(404, "application/problem+json", b"{}")
        return Fetched(200, "application/octet-stream", found)


@pytest.fixture
def pruned() -> LogFiles:
    return LogFiles("https://ledger.example", Pruned())


def test_full_tile_stands_in_for_a_partial_one_that_is_gone(pruned: LogFiles) -> None:
    assert pruned.read_tiles([HashTile(0, 0, 2)]) == [bytes(range(64))]


def test_full_bundle_stands_in_for_a_partial_one_that_is_gone(pruned: LogFiles) -> None:
    assert pruned.read_bundle(EntryBundle(0, 3)) == (b"0", b"1", b"2")


@pytest.mark.parametrize("width", [256, 7])
def test_missing_tile_or_bundle_is_unavailable(pruned: LogFiles, width: int) -> None:
    with pytest.raises(UnavailableError) as no_tile:
        pruned.read_tiles([HashTile(0, 7, width)])
    with pytest.raises(UnavailableError) as no_bundle:
        pruned.read_bundle(EntryBundle(7, width))
    assert no_tile.value.code is no_bundle.value.code is Code.NETWORK_STATUS
