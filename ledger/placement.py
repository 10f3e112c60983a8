"""Which of the records that wait may stand in the log, and where.

They were admitted one by one, on top of what was logged then. In the order in which they will stand some turn
out to be rivals, and what others rest on may have changed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from ledger.admission import StoredBefore, VerifiedVersions
from ledger.record_rules import admit_signed
from ledger.store import LedgerStore
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, VerificationError
from protocol.records import DidRecord, Record, SignedRecord
from protocol.records.timestamp import TimestampRecord
from protocol.tlog.merkle import hash_leaf

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a record stands in the published log."""

    leaf_index: int
    leaf_hash: bytes


@dataclass(slots=True)
class Placement:
    """What becomes of some records: `added` are new, in this order; `outcomes` has one for each."""

    added: list[Record] = field(default_factory=list)
    outcomes: list[Logged | TallyError] = field(default_factory=list)


class Placer:
    """Places admitted records in the log of `store`. For one thread.

    A record that is logged already keeps its place. The first of two rivals for one version or one name wins.
    One that somebody signs is admitted again where it will stand.
    """

    def __init__(self, store: LedgerStore, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._logged = StoredBefore(store, VerifiedVersions(store))

    def place(self, records: Sequence[Record], *, tree_size: int) -> Placement:
        """Place `records` behind the `tree_size` entries of the log; they are cut as `cut_batches` does.

        Raises:
            UnavailableError: the database cannot be read.
        """
        entries = [record for record in records if isinstance(record, DidRecord)]
        versions = self._store.find_versions({_version(record) for record in entries})
        names = self._store.find_paths({_name(record) for record in entries})
        others = {hash_leaf(record.leaf) for record in records if not isinstance(record, DidRecord)}
        places = self._store.find_leaves(others)
        placement = Placement()
        for record in records:
            logged = Logged(tree_size + len(placement.added), hash_leaf(record.leaf))
            outcome: Logged | TallyError
            if not isinstance(record, DidRecord):
                outcome = self._place_other(record, logged, places)
            elif (first := versions.get(_version(record))) is not None:
                outcome = Logged(*first)
                if outcome.leaf_hash != logged.leaf_hash:
                    detail = f"another version {record.entry.number} is logged"
                    outcome = RefusedError(Code.DID_FORK, detail)
            elif names.get(_name(record), record.did.scid) != record.did.scid:
                outcome = RefusedError(Code.ENTRY_NOT_ADMITTED, "the name is taken")
            else:
                versions[_version(record)] = (logged.leaf_index, logged.leaf_hash)
                names[_name(record)] = record.did.scid
                outcome = logged
            if outcome is logged:
                placement.added.append(record)
            placement.outcomes.append(outcome)
        return placement

    def _place_other(
        self, record: SignedRecord | TimestampRecord, logged: Logged, places: dict[bytes, int]
    ) -> Logged | TallyError:
        if (place := places.get(logged.leaf_hash)) is not None:
            return Logged(place, logged.leaf_hash)
        if not isinstance(record, TimestampRecord):
            try:
                admit_signed(record, self._logged, now=self._clock())
            except (MalformedError, VerificationError, RefusedError) as error:
                return error
        places[logged.leaf_hash] = logged.leaf_index
        return logged


def cut_batches(items: Iterable[T], record_of: Callable[[T], Record]) -> Iterator[list[T]]:
    """The items in order, so cut that each whose record somebody signs is by itself.

    Nothing uncommitted stands before such a record when it is admitted again. They are rare.
    """
    batch: list[T] = []
    for item in items:
        if isinstance(record_of(item), DidRecord | TimestampRecord):
            batch.append(item)
            continue
        if batch:
            yield batch
        yield [item]
        batch = []
    if batch:
        yield batch


def _version(record: DidRecord) -> tuple[str, int]:
    return (record.did.scid, record.entry.number)


def _name(record: DidRecord) -> str:
    return record.did.log_path()
