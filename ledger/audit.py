"""The whole log checked from outside, as any reader can: nothing is believed that is not computed anew.

The checkpoint is verified against the policy and against the last one seen. Every entry is read and hashed,
every tile is built from those hashes and compared with the one that is served, and the root with that of the
checkpoint. The index is computed anew, at every size that its log states. The history of every DID is
replayed by the rules of admission, and what is signed in its name is admitted where it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.admission import admit
from ledger.audited_index import AuditedIndex
from ledger.client import LedgerClient
from ledger.fetch import Fetcher
from ledger.log_files import LogFiles
from ledger.rebuilt_tree import RebuiltTree
from ledger.record_rules import admit_signed
from ledger.tree import Tree
from protocol.codes import Code
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.version import VerifiedVersion
from protocol.errors import RefusedError, TallyError, VerificationError
from protocol.index.subject import Subject
from protocol.records import DidRecord, SignedRecord, parse_leaf
from protocol.records.timestamp import TimestampRecord
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
            index.add(histories.add(number, leaf, now=now).key, hash_leaf(leaf))
        tree.append(leaves)
    tree.finish(checkpoint.root_hash)
    index.compare(index_checkpoint, LogFiles(Tree.INDEX.url(client.ledger.url), fetcher))
    histories.replay(now)
    return AuditReport(checkpoint, index_checkpoint.tree_size, tree.tiles, len(histories))


class _CheckedHistories:
    """The entries by what they are about: what the rules for the next one look at."""

    def __init__(self, authority: str) -> None:
        self._authority = authority
        self._records: dict[str, list[DidRecord]] = {}
        self._names: dict[str, str] = {}
        self._verified: dict[str, VerifiedVersion] = {}
        self._others: dict[bytes, bytes] = {}
        self._about: dict[Subject, list[bytes]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def add(self, index: int, leaf: bytes, *, now: datetime) -> Subject:
        """Take up an entry, and say what it is about."""
        try:
            record = parse_leaf(leaf)
            if not isinstance(record, DidRecord):
                self._add_other(record, now)
        except TallyError as error:
            raise VerificationError(error.code, f"entry {index}: {error.detail}") from error
        self._about.setdefault(record.subject, []).append(leaf)
        if not isinstance(record, DidRecord):
            return record.subject
        versions = self._records.setdefault(record.did.scid, [])
        owner = self._names.setdefault(record.did.log_path(), record.did.scid)
        if record.entry.number != len(versions) + 1 or owner != record.did.scid:
            raise VerificationError(Code.ENTRY_NOT_ADMITTED, f"entry {index}: its version or name was taken")
        versions.append(record)
        return record.subject

    def version(self, did: str, *, now: datetime) -> VerifiedVersion | None:
        """The newest version of `did`, replayed from where it was replayed to before."""
        scid = parse_webvh(did).scid
        records = self._records.get(scid, [])
        version = self._verified.get(scid)
        for record in records[0 if version is None else version.number :]:
            version = admit(record, version, authority=self._authority, now=now)
            self._verified[scid] = version
        return None if version is None or version.did != did else version

    def about(self, subject: Subject) -> Sequence[bytes]:
        """Every entry about `subject` so far."""
        return self._about.get(subject, [])

    def find(self, leaf_hash: bytes) -> bytes | None:
        """The entry with this leaf hash, unless it is one of a DID's."""
        return self._others.get(leaf_hash)

    def replay(self, now: datetime) -> None:
        for records in self._records.values():
            did = records[0].did.did
            try:
                self.version(did, now=now)
            except TallyError as error:
                raise VerificationError(error.code, f"{did}: {error.detail}") from error

    def _add_other(self, record: SignedRecord | TimestampRecord, now: datetime) -> None:
        leaf_hash = hash_leaf(record.leaf)
        if leaf_hash in self._others:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED, "it was logged before")
        if not isinstance(record, TimestampRecord):
            admit_signed(record, self, now=now)
        self._others[leaf_hash] = record.leaf
