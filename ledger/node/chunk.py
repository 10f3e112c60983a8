"""A piece of the log admitted entry by entry, by the rules of the ledger that logged it.

The operator admits records one by one, on top of what is stored. A node gets them in chunks: a DID may be
made and go on within one, and the database is asked twice for all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.admission import VerifiedVersions, admit
from ledger.store import LedgerStore, NewestVersion
from protocol.codes import Code
from protocol.did.webvh.version import VerifiedVersion
from protocol.errors import MalformedError, RefusedError, TallyError, VerificationError
from protocol.records import DidRecord, parse_leaf
from protocol.tlog.merkle import hash_leaf

# Enough for a log whose writers take turns. One takes about as much memory as its last entry.
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class AdmittedChunk:
    """The records of a chunk in their order; up to the first that is not admissible, and why it is not."""

    records: tuple[DidRecord, ...]
    refusal: VerificationError | None = None


class ChunkAdmission:
    """Admits what a log holds on top of what `store` holds of it, for the ledger at `authority`."""

    def __init__(self, store: LedgerStore, *, authority: str) -> None:
        self._store = store
        self._authority = authority
        self._versions = VerifiedVersions(store, remembered=_REMEMBERED)

    def admit(self, leaves: Sequence[bytes], *, first_index: int, now: datetime) -> AdmittedChunk:
        """Check `leaves`, the first of which stands at `first_index`, where the stored log ends.

        Raises:
            UnavailableError: the database cannot be read.
        """
        records, refusal = _parse(leaves)
        chain = _Chain(self._store, self._versions, records, self._authority, now)
        admitted: list[DidRecord] = []
        try:
            for record in records:
                chain.add(record)
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
        records: Sequence[DidRecord],
        authority: str,
        now: datetime,
    ) -> None:
        self._versions = versions
        self._authority = authority
        self._now = now
        named = {(r.did.scid, r.entry.number + step) for r in records for step in (-1, 0)}
        self._logged = store.find_versions(named)
        self._names = store.find_paths({record.did.log_path() for record in records})
        self._ends: dict[str, VerifiedVersion] = {}

    def add(self, record: DidRecord) -> None:
        scid, number = record.did.scid, record.entry.number
        previous = self._previous(scid, number)
        if self._names.setdefault(record.did.log_path(), scid) != scid:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED, "the name is taken")
        version = admit(record, previous, authority=self._authority, now=self._now)
        self._ends[scid] = version
        self._versions.remember(hash_leaf(record.leaf), version)

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


def _parse(leaves: Sequence[bytes]) -> tuple[list[DidRecord], TallyError | None]:
    records: list[DidRecord] = []
    for leaf in leaves:
        try:
            records.append(parse_leaf(leaf))
        except MalformedError as error:
            return records, error
    return records, None
