"""The files of a log (C2SP tlog-tiles) as its server gives them: untrusted bytes.

Whoever reads them proves them: hashes and entries either lead to the root of a signed checkpoint, or nowhere.
"""

from collections.abc import Sequence

from ledger.fetch import Fetcher
from ledger.trust import errors_of_ledger
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import UnavailableError
from protocol.records import MAX_RECORD_BYTES
from protocol.tlog.merkle import HASH_BYTES
from protocol.tlog.tiles import TILE_WIDTH, EntryBundle, HashTile, parse_entry_bundle

MAX_NOTE_BYTES = 128 * 1024

_OCTETS = "application/octet-stream"
# A plain web server takes a file without a suffix for octets.
_TEXT = f"text/plain,{_OCTETS}"
_MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_RECORD_BYTES + 2)


class LogFiles:
    """The files below `url`. Every method raises UnavailableError when one cannot be had."""

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url = url
        self._fetcher = fetcher

    def read_checkpoint(self) -> str:
        """The published checkpoint, a signed note.

        Raises:
            MalformedError: it is not text.
        """
        return decode_utf8(self._read("checkpoint", accept=_TEXT, max_bytes=MAX_NOTE_BYTES))

    def read_tiles(self, tiles: Sequence[HashTile]) -> list[bytes]:
        """The bytes of `tiles`; a partial one that is gone is cut from the full one that replaced it."""
        return [self._read_tile(tile) for tile in tiles]

    def read_bundle(self, bundle: EntryBundle) -> tuple[bytes, ...]:
        """The entries of `bundle`; a partial one that is gone is cut from the full one that replaced it.

        Raises:
            MalformedError: not a bundle of this width.
        """
        try:
            return self._read_bundle(bundle)
        except UnavailableError as error:
            if bundle.width == TILE_WIDTH or error.code is not Code.NETWORK_STATUS:
                raise
        return self._read_bundle(EntryBundle(bundle.index))[: bundle.width]

    def _read_bundle(self, bundle: EntryBundle) -> tuple[bytes, ...]:
        data = self._read(bundle.path, accept=_OCTETS, max_bytes=_MAX_BUNDLE_BYTES)
        return parse_entry_bundle(data, bundle)

    def _read_tile(self, tile: HashTile) -> bytes:
        size = tile.width * HASH_BYTES
        try:
            return self._read(tile.path, accept=_OCTETS, max_bytes=size)
        except UnavailableError as error:
            if tile.width == TILE_WIDTH or error.code is not Code.NETWORK_STATUS:
                raise
        full = HashTile(tile.level, tile.index)
        return self._read(full.path, accept=_OCTETS, max_bytes=TILE_WIDTH * HASH_BYTES)[:size]

    def _read(self, path: str, *, accept: str, max_bytes: int) -> bytes:
        with errors_of_ledger():
            return self._fetcher.fetch_ok(f"{self._url}/{path}", accept=accept, max_bytes=max_bytes).body
