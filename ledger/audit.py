"""The whole log checked from outside, as any reader can: nothing is believed that is not computed anew.

The checkpoint is verified against the policy and against the last one seen. Every entry is read and hashed,
every tile is built from those hashes and compared with the one that is served, and the root with that of the
checkpoint. Then the history of every DID is replayed by the rules of admission.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.admission import admit
from ledger.client import LedgerClient
from ledger.fetch import Fetcher
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.records import MAX_RECORD_BYTES, DidRecord, parse_leaf
from protocol.tlog.merkle import HASH_BYTES, RightEdge, hash_leaf
from protocol.tlog.policy import VerifiedCheckpoint
from protocol.tlog.tiles import (
    TILE_WIDTH,
    EntryBundle,
    HashTile,
    extend_tiles,
    parse_entry_bundle,
    select_entry_bundles,
)

_MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_RECORD_BYTES + 2)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found sound: the checkpoint with everything below it."""

    checkpoint: VerifiedCheckpoint
    tiles: int
    dids: int


def audit_ledger(client: LedgerClient, *, fetcher: Fetcher, now: datetime) -> AuditReport:
    """Check the log of `client`'s ledger as it is at `now`. Memory grows with the number of entries.

    Raises:
        VerificationError: the first thing found wrong, by the entry or tile it was found in.
        MalformedError: an answer cannot be read.
        UnavailableError: an answer cannot be had.
    """
    checkpoint = client.checkpoint(now=now)
    tree = _CheckedTree(client)
    histories = _CheckedHistories(client.ledger.authority)
    for bundle in select_entry_bundles(0, checkpoint.tree_size):
        leaves = _read_bundle(client, fetcher, bundle)
        for index, leaf in enumerate(leaves, start=tree.edge.tree_size):
            histories.add(index, leaf)
        tree.append(leaves)
    tree.finish(checkpoint)
    histories.replay(now)
    return AuditReport(checkpoint, tree.tiles, len(histories))


def _read_bundle(client: LedgerClient, fetcher: Fetcher, bundle: EntryBundle) -> tuple[bytes, ...]:
    try:
        return parse_entry_bundle(_fetch_bundle(client, fetcher, bundle), bundle)
    except UnavailableError as error:
        if bundle.width == TILE_WIDTH or error.code is not Code.NETWORK_STATUS:
            raise
    # The log has grown meanwhile, and may have dropped the partial bundle for the full one.
    full = EntryBundle(bundle.index)
    return parse_entry_bundle(_fetch_bundle(client, fetcher, full), full)[: bundle.width]


def _fetch_bundle(client: LedgerClient, fetcher: Fetcher, bundle: EntryBundle) -> bytes:
    url = f"{client.ledger.url}/{bundle.path}"
    return fetcher.fetch_ok(url, accept="application/octet-stream", max_bytes=_MAX_BUNDLE_BYTES).body


class _CheckedTree:
    """The tree built from the entries, tile by tile against the tiles that are served."""

    def __init__(self, client: LedgerClient) -> None:
        self._client = client
        self._partial: dict[tuple[int, int], bytes] = {}
        self.edge = RightEdge()
        self.tiles = 0

    def append(self, leaves: Sequence[bytes]) -> None:
        leaf_hashes = [hash_leaf(leaf) for leaf in leaves]
        for tile, hashes in extend_tiles(self.edge.tree_size, leaf_hashes, self._read_partial).items():
            if tile.width == TILE_WIDTH:
                self._partial.pop((tile.level, tile.index), None)
                self._compare(tile, hashes)
            else:
                self._partial[tile.level, tile.index] = hashes
        self.edge = self.edge.append(leaf_hashes)

    def finish(self, checkpoint: VerifiedCheckpoint) -> None:
        for (level, index), hashes in self._partial.items():
            self._compare(HashTile(level, index, len(hashes) // HASH_BYTES), hashes)
        if self.edge.root_hash() != checkpoint.root_hash:
            raise VerificationError(Code.LOG_TILE_INVALID, "the entries lead to another root")

    def _read_partial(self, tiles: Sequence[HashTile]) -> list[bytes]:
        return [self._partial[tile.level, tile.index] for tile in tiles]

    def _compare(self, tile: HashTile, hashes: bytes) -> None:
        if self._client.read_tiles([tile]) != [hashes]:
            raise VerificationError(Code.LOG_TILE_INVALID, tile.path)
        self.tiles += 1


class _CheckedHistories:
    """The entries by DID, in the order of the log."""

    def __init__(self, authority: str) -> None:
        self._authority = authority
        self._records: dict[str, list[DidRecord]] = {}
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._records)

    def add(self, index: int, leaf: bytes) -> None:
        try:
            record = parse_leaf(leaf)
        except TallyError as error:
            raise VerificationError(error.code, f"entry {index}: {error.detail}") from error
        versions = self._records.setdefault(record.did.scid, [])
        owner = self._names.setdefault(record.did.log_path(), record.did.scid)
        if record.entry.number != len(versions) + 1 or owner != record.did.scid:
            raise VerificationError(Code.ENTRY_NOT_ADMITTED, f"entry {index}: its version or name was taken")
        versions.append(record)

    def replay(self, now: datetime) -> None:
        for *earlier, last in self._records.values():
            try:
                admit(last, [record.leaf for record in earlier], authority=self._authority, now=now)
            except TallyError as error:
                raise VerificationError(error.code, f"{last.did.did}: {error.detail}") from error
