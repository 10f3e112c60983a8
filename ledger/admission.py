"""The rules a record must satisfy before it is logged.

What is logged stays, so everything a reader would refuse is refused here: a record is logged only if it
continues the history of its DID, every entry of which was verified in the same way. The first valid successor
of a version is the successor; the ledger never holds a second one.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from ledger.record_rules import admit_signed
from ledger.store import LedgerStore, NewestVersion
from protocol.codes import Code
from protocol.did.webvh.entry import LogEntry, parse_entry
from protocol.did.webvh.history import MAX_ENTRIES
from protocol.did.webvh.version import VerifiedVersion, verify_first_entry, verify_next_entry
from protocol.errors import MalformedError, RefusedError
from protocol.index.subject import Subject
from protocol.records import DidRecord, Record
from protocol.records.timestamp import TimestampRecord
from protocol.tlog.merkle import hash_leaf

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Names under which the ledger itself answers, or a mirror of it has a file.
_RESERVED = frozenset({"browse", "checkpoint", "index", "policy", "proof", "tile"})
# How many histories are not replayed when they go on. One takes about as much memory as its last entry.
_MAX_REMEMBERED = 256


class VerifiedVersions:
    """What the histories in `store` end with. Threads may share one.

    A history is replayed when it is asked for the first time; as many as `remembered` are not replayed again.
    """

    def __init__(self, store: LedgerStore, *, remembered: int = _MAX_REMEMBERED) -> None:
        self._store = store
        self._remembered = remembered
        # Under the leaf hash of the last entry. The hash stands for the whole history, for each entry names
        # the one before it by hash.
        self._verified: OrderedDict[bytes, VerifiedVersion] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, scid: str, version: NewestVersion, *, now: datetime) -> VerifiedVersion:
        """The logged `version` of the DID with this SCID.

        Raises:
            MalformedError, VerificationError: what is stored is no history.
            UnavailableError: the database cannot be read.
        """
        with self._lock:
            if (known := self._verified.get(version.leaf_hash)) is not None:
                return known
        leaves = [entry.leaf for entry in self._store.history(scid)[: version.version_number]]
        replayed = replay(leaves, now=now)
        self.remember(hash_leaf(leaves[-1]), replayed)
        return replayed

    def remember(self, leaf_hash: bytes, version: VerifiedVersion) -> None:
        """Keep what the entry with this leaf hash is; logged or not, for it is asked for only if it is."""
        with self._lock:
            self._verified[leaf_hash] = version
            self._verified.move_to_end(leaf_hash)
            if len(self._verified) > self._remembered:
                self._verified.popitem(last=False)


class StoredBefore:
    """What `store` holds, for the rules of `ledger.record_rules`. Threads may share one."""

    def __init__(self, store: LedgerStore, versions: VerifiedVersions) -> None:
        self._store = store
        self._versions = versions

    def version(self, did: str, *, now: datetime) -> VerifiedVersion | None:
        """The newest version of `did`, if it lives on this ledger.

        Raises:
            MalformedError, VerificationError: what is stored is no history.
            UnavailableError: the database cannot be read.
        """
        scid = self._store.find_did(did)
        newest = None if scid is None else self._store.find_newest(scid)
        if scid is None or newest is None:
            return None
        return self._versions.find(scid, newest, now=now)

    def about(self, subject: Subject) -> list[bytes]:
        """Every entry about `subject`, in the order of the log."""
        stored = self._store.entries_about(subject.key, self._store.head().tree_size)
        return [entry.leaf for entry in stored]

    def find(self, leaf_hash: bytes) -> bytes | None:
        """The entry with this leaf hash."""
        index = self._store.find_leaf(leaf_hash)
        return None if index is None else self._store.read_leaves(index, index + 1)[0]


class Admission:
    """Admits records on top of what `store` holds, for the ledger at `authority` (`host` or `host:port`).

    A DID can name the witnesses that `approvers` gives, the did:key DIDs of the ledger's nodes, and no
    others: nobody would hand on the proofs of those. Threads may share one.
    """

    def __init__(
        self,
        store: LedgerStore,
        *,
        authority: str,
        approvers: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._store = store
        self._authority = authority
        self._approvers = approvers
        self._versions = VerifiedVersions(store)
        self._logged = StoredBefore(store, self._versions)

    def admit(self, record: Record, *, now: datetime) -> None:
        """Check that `record` may be logged. Submitting a logged one again is allowed.

        Not checked: what comes to be logged in the meantime; the sequencer looks again when it appends.

        Raises:
            MalformedError, VerificationError, RefusedError: as `admit` or `admit_signed`; and DID_FORK when
                another entry is logged as this version.
            UnavailableError: the database cannot be read.
        """
        match record:
            case DidRecord():
                self._admit_entry(record, now)
            case TimestampRecord():
                # It says nothing that could be wrong.
                pass
            case _:
                if self._store.find_leaf(hash_leaf(record.leaf)) is None:
                    admit_signed(record, self._logged, now=now)

    def _admit_entry(self, record: DidRecord, now: datetime) -> None:
        scid, number = record.did.scid, record.entry.number
        # A first entry follows nothing; whether it, or a rival, is logged already the sequencer sees.
        newest = None if number == 1 else self._store.find_newest(scid)
        if newest is not None and number <= newest.version_number:
            _index, leaf_hash = self._store.find_versions([(scid, number)])[scid, number]
            if leaf_hash != hash_leaf(record.leaf):
                raise RefusedError(Code.DID_FORK, f"another version {number} is logged")
            return
        previous = None if newest is None else self._versions.find(scid, newest, now=now)
        version, leaf_hash = (
            admit(record, previous, authority=self._authority, now=now),
            hash_leaf(record.leaf),
        )
        if self._names_strangers(version, previous) and self._store.find_leaf(leaf_hash) is None:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED, "a witness that is no node of this ledger")
        self._versions.remember(leaf_hash, version)

    def _names_strangers(self, version: VerifiedVersion, previous: VerifiedVersion | None) -> bool:
        # Not a rule of the log, which nodes check too: it depends on which nodes there are at the moment.
        rule = version.parameters.witness
        is_new = previous is None or rule != previous.parameters.witness
        return rule is not None and is_new and not set(rule.witnesses) <= set(self._approvers())


def admit(
    record: DidRecord, previous: VerifiedVersion | None, *, authority: str, now: datetime
) -> VerifiedVersion:
    """Check that `record` may follow the version `previous`, or be the first, at the ledger `authority`.

    Raises:
        MalformedError: the entry or the DID document breaks the rules of its form.
        VerificationError: the entry does not follow from `previous` (did:webvh 1.0).
        RefusedError: ENTRY_NOT_ADMITTED when it does not live on this ledger under one plain name.
    """
    _check_place(record, authority)
    version = _verify(record.entry, previous, now)
    if previous is not None and version.did != previous.did:
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, "a DID keeps the name it was created under")
    # Readers take the keys from every document there ever was: one that cannot be read would spoil the DID.
    version.document()
    return version


def replay(leaves: Sequence[bytes], *, now: datetime) -> VerifiedVersion:
    """The last version of a logged history of at least one entry, every one of which is verified.

    Raises:
        MalformedError, VerificationError: it is not one.
    """
    *_, version = replay_versions(leaves, now=now)
    return version


def replay_versions(leaves: Iterable[bytes], *, now: datetime) -> Iterator[VerifiedVersion]:
    """The versions of a logged history, each of which is verified on top of the one before.

    Raises:
        MalformedError, VerificationError: it is not one.
    """
    version = None
    for leaf in leaves:
        version = _verify(parse_entry(leaf), version, now)
        yield version


def _verify(entry: LogEntry, previous: VerifiedVersion | None, now: datetime) -> VerifiedVersion:
    """What `verify_history` does with each entry; witnesses approve what is logged, so they come later."""
    if entry.number > MAX_ENTRIES:
        raise MalformedError(Code.SIZE_EXCEEDED, "log entries")
    if previous is None:
        return verify_first_entry(entry, now=now)
    return verify_next_entry(previous, entry, now=now)


def _check_place(record: DidRecord, authority: str) -> None:
    if record.did.authority != authority:
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, f"the DID does not live on {authority}")
    if len(record.did.path) != 1 or not _SLUG.fullmatch(record.did.path[0]):
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, "the path is one name of a-z, 0-9 and -")
    if record.did.path[0] in _RESERVED:
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, "the name is reserved")
