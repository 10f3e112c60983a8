"""A piece of the log admitted entry by entry, by the rules of the ledger that logged it.

The operator admits records one by one, on top of what is stored. A node gets them in chunks: a DID may be
made and go on within one, and the database is asked a few times for all of it. A record that somebody signs
may rest on anything before it, so it is a chunk by itself: then everything before it is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.admission import StoredBefore, VerifiedVersions, admit
from ledger.record_rules import admit_signed
from ledger.store import LedgerStore, NewestVersion
from protocol.codes import Code
from protocol.did.webvh.version import VerifiedVersion
from protocol.errors import MalformedError, RefusedError, TallyError, VerificationError
from protocol.records import DidRecord, Record, parse_leaf
from protocol.records.timestamp import TimestampRecord
from protocol.tlog.merkle import hash_leaf

# Enough for a log whose writers take turns. One takes about as much memory as its last entry.
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class AdmittedChunk:
    """The first records of a chunk, at least one; or up to the first that is not admissible, and why."""

    records: tuple[Record, ...]
    refusal: VerificationError | None = None


class ChunkAdmission:
    """Admits what a log holds on top of what `store` holds of it, for the ledger at `authority`."""

    def __init__(self, store: LedgerStore, *, authority: str) -> None:
        self._store = store
        self._authority = authority
        self._versions = VerifiedVersions(store, remembered=_REMEMBERED)
        self._before = StoredBefore(store, self._versions)

    def admit(self, leaves: Sequence[bytes], *, first_index: int, now: datetime) -> AdmittedChunk:
        """Check `leaves`, the first of which stands at `first_index`, where the stored log ends.

        Call again with those that were not looked at, once what was admitted is stored.

        Raises:
            UnavailableError: the database cannot be read.
        """
        records, refusal = _parse(leaves)
        admitted: list[Record] = []
        try:
            chain = _Chain(self._store, self._versions, records, self._authority, now)
            for record in records:
                match record:
                    case DidRecord():
                        chain.add(record)
                    case TimestampRecord():
                        chain.add_new(record)
                    case _:
                        chain.add_new(record)
                        admit_signed(record, self._before, now=now)
                admitted.append(record)
        except (MalformedError, VerificationError, RefusedError) as error:
            refusal = error
        if refusal is None:
            return AdmittedChunk(tuple(admitted))
        where = f"entry {first_index + len(admitted)}: {refusal.code.value}"
        detail = f"{where}, {refusal.detail}" if refusal.detail else where
        return AdmittedChunk(tuple(admitted), VerificationError(Code.LOG_ENTRY_INADMISSIBLE, detail))


class _Chain:
    """The histories that `records` continue, in the order of the log."""

    def __init__(
        self,
        store: LedgerStore,
        versions: VerifiedVersions,
        records: Sequence[Record],
        authority: str,
        now: datetime,
    ) -> None:
        self._versions = versions
        self._authority = authority
        self._now = now
        entries = [record for record in records if isinstance(record, DidRecord)]
        named = {(r.did.scid, r.entry.number + step) for r in entries for step in (-1, 0)}
        self._logged = store.find_versions(named)
        self._names = store.find_paths({record.did.log_path() for record in entries})
        others = {hash_leaf(record.leaf) for record in records if not isinstance(record, DidRecord)}
        self._others = set(store.find_leaves(others))
        self._ends: dict[str, VerifiedVersion] = {}

    def add(self, record: DidRecord) -> None:
        scid, number = record.did.scid, record.entry.number
        previous = self._previous(scid, number)
        if self._names.setdefault(record.did.log_path(), scid) != scid:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED, "the name is taken")
        version = admit(record, previous, authority=self._authority, now=self._now)
        self._ends[scid] = version
        self._versions.remember(hash_leaf(record.leaf), version)

    def add_new(self, record: Record) -> None:
        leaf_hash = hash_leaf(record.leaf)
        if leaf_hash in self._others:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED, "it is logged already")
        self._others.add(leaf_hash)

    def _previous(self, scid: str, number: int) -> VerifiedVersion | None:
        """What version `number` has to follow: the last one there is, and nothing else."""
        end = self._ends.get(scid)
        newest = self._logged.get((scid, number - 1))
        if (scid, number) in self._logged or (end is not None and number <= end.number):
            raise RefusedError(Code.DID_FORK, f"another version {number} is logged")
        if end is not None and number == end.number + 1:
            return end
        if end is None and newest is not None:
            return self._versions.find(scid, NewestVersion(number - 1, newest[1]), now=self._now)
        if number != 1:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED, "it skips a version")
        return None


def _parse(leaves: Sequence[bytes]) -> tuple[list[Record], TallyError | None]:
    """The first records: up to one that cannot be read, or that somebody signs; or that one alone."""
    records: list[Record] = []
    for leaf in leaves:
        try:
            record = parse_leaf(leaf)
        except MalformedError as error:
            return records, error
        is_signed = not isinstance(record, DidRecord | TimestampRecord)
        if is_signed and records:
            break
        records.append(record)
        if is_signed:
            break
    return records, None
