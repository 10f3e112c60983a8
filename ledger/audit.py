"""The whole log checked from outside, as any reader can: nothing is believed that is not computed anew.

The checkpoint is verified against the policy and against the last one seen. Every entry is read and hashed,
every tile is built from those hashes and compared with the one that is served, and the root with that of the
checkpoint. The index is computed anew, at every size that its log states. Then the history of every DID is
replayed by the rules of admission.
"""

from dataclasses import dataclass
from datetime import datetime

from ledger.admission import admit
from ledger.audited_index import AuditedIndex
from ledger.client import LedgerClient
from ledger.fetch import Fetcher
from ledger.log_files import LogFiles
from ledger.rebuilt_tree import RebuiltTree
from ledger.tree import Tree
from protocol.codes import Code
from protocol.errors import TallyError, VerificationError
from protocol.index.subject import Subject
from protocol.records import DidRecord, parse_leaf
from protocol.tlog.merkle import hash_leaf
from protocol.tlog.policy import VerifiedCheckpoint
from protocol.tlog.tiles import select_entry_bundles


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found sound: the checkpoint with everything below it."""

    checkpoint: VerifiedCheckpoint
    index_entries: int
    tiles: int
    dids: int


def audit_ledger(client: LedgerClient, *, fetcher: Fetcher, now: datetime) -> AuditReport:
    """Check the log of `client`'s ledger as it is at `now`. Memory grows with the number of entries.

    Raises:
        VerificationError: the first thing found wrong, by the entry or tile it was found in.
        MalformedError: an answer cannot be read.
        UnavailableError: an answer cannot be had.
    """
    # The index first: it speaks of no entry then that the checkpoint of the log does not cover.
    index_checkpoint = client.checkpoint(now=now, tree=Tree.INDEX)
    checkpoint = client.checkpoint(now=now)
    files = LogFiles(client.ledger.url, fetcher)
    index = AuditedIndex(client.ledger.origin)
    tree = RebuiltTree(files.read_tiles)
    histories = _CheckedHistories(client.ledger.authority)
    for bundle in select_entry_bundles(0, checkpoint.tree_size):
        leaves = files.read_bundle(bundle)
        for number, leaf in enumerate(leaves, start=tree.tree_size):
            index.add(histories.add(number, leaf).key, hash_leaf(leaf))
        tree.append(leaves)
    tree.finish(checkpoint.root_hash)
    index.compare(index_checkpoint, LogFiles(Tree.INDEX.url(client.ledger.url), fetcher))
    histories.replay(now)
    return AuditReport(checkpoint, index_checkpoint.tree_size, tree.tiles, len(histories))


class _CheckedHistories:
    """The entries by DID, in the order of the log."""

    def __init__(self, authority: str) -> None:
        self._authority = authority
        self._records: dict[str, list[DidRecord]] = {}
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._records)

    def add(self, index: int, leaf: bytes) -> Subject:
        """Take up an entry, and say what it is about."""
        try:
            record = parse_leaf(leaf)
        except TallyError as error:
            raise VerificationError(error.code, f"entry {index}: {error.detail}") from error
        versions = self._records.setdefault(record.did.scid, [])
        owner = self._names.setdefault(record.did.log_path(), record.did.scid)
        if record.entry.number != len(versions) + 1 or owner != record.did.scid:
            raise VerificationError(Code.ENTRY_NOT_ADMITTED, f"entry {index}: its version or name was taken")
        versions.append(record)
        return record.subject

    def replay(self, now: datetime) -> None:
        for records in self._records.values():
            version = None
            for record in records:
                try:
                    version = admit(record, version, authority=self._authority, now=now)
                except TallyError as error:
                    raise VerificationError(error.code, f"{record.did.did}: {error.detail}") from error
