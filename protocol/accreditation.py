"""Whether somebody is accredited, from the complete records of a log: a chain of accreditations up to a root.

An accreditation rests on the one that it names, and so on, up to one that rests on nothing: its author speaks
as a root. What counts is when the quorum saw each in the log, never the author's word alone. The rules are
docs/formats/ledger-records.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc
from protocol.errors import UnavailableError, VerificationError
from protocol.index.proof import SubjectEntry, VerifiedRecords
from protocol.records import parse_leaf
from protocol.records.accreditation import (
    AccreditationRecord,
    Action,
    WithdrawalRecord,
    accreditation_subject,
)

# Depths shrink from 4 to 0, and the last one accredits somebody who only issues.
MAX_LINKS = 6
MAX_LISTS = 16
"""How many lists of records are read to find a chain."""


@dataclass(frozen=True, slots=True)
class AccreditationLink:
    """One accreditation of a chain, and the interval in which it counts; the end is excluded.

    Attributes:
        record: What it says.
        logged: When the quorum saw it in the log.
        withdrawn: When the quorum saw its withdrawal, or that of one above it, whichever was first.
    """

    record: AccreditationRecord
    logged: datetime
    withdrawn: datetime | None

    @property
    def since(self) -> datetime:
        """From when on it counts."""
        return max(self.record.valid_from, self.logged)

    @property
    def until(self) -> datetime:
        """Until when it counts."""
        end = self.record.valid_until
        return end if self.withdrawn is None else min(end, self.withdrawn)


@dataclass(frozen=True, slots=True)
class VerifiedAccreditation:
    """A chain each link of which counted at `moment`: the issuer's first, the root's last."""

    links: tuple[AccreditationLink, ...]
    moment: datetime

    @property
    def root(self) -> str:
        """The DID it all rests on."""
        return self.links[-1].record.authorship.by


@dataclass(frozen=True, slots=True)
class _Logged:
    """What a log of so many entries holds about the accreditations of one DID, by leaf hash, in its order."""

    accreditations: dict[bytes, tuple[AccreditationRecord, SubjectEntry]]
    withdrawn: dict[bytes, datetime]
    tree_size: int


_Reader: TypeAlias = Callable[[str], _Logged]


def verify_accreditation(
    did: str,
    *,
    action: Action,
    vct: str,
    root: str,
    moment: datetime,
    read_records: Callable[[str], VerifiedRecords],
    begun_by: datetime | None = None,
    least_depth: int = 0,
) -> VerifiedAccreditation:
    """Check that `did` was accredited for `action` with credentials of the type `vct`, by `root` in the end.

    `read_records` gives all records about the accreditations of a DID, and is asked once for each, for 16
    DIDs at most: anybody who may write to the log can log accreditations of `did`. What cannot be read or
    believed ends the chains that need it, and no others.

    With `begun_by`, a moment not before `moment`, it is enough that there is one between the two at which it
    was: what is known of the moment is then only that it was not earlier, and not later. `least_depth` is how
    many further accreditors must be allowed to stand below `did`, where the action is to accredit.

    Not checked: the signatures of the records, which whoever keeps a copy of the log has checked where they
    stand in it; and how old the evidence is.

    Raises:
        VerificationError: no chain. The code says what is wrong with the one that came nearest, and the
            detail names its first link that fails, by its leaf hash: ACCREDITATION_MISSING, there is none for
            this; ACCREDITATION_NOT_ROOTED, it rests on another root; ACCREDITATION_INVALID, a link gives more
            than the one above it has; ACCREDITATION_WITHDRAWN; ACCREDITATION_OUT_OF_TIME.
        UnavailableError: no chain among those that could be read; of the others the first that could not.
            ACCREDITATIONS_TOO_MANY, it would have been the seventeenth list; MOMENT_NOT_COVERED, it is older
            than what rests on it.
        MalformedError: a record cannot be read.
        Whatever else `read_records` raises.
    """
    lists: dict[str, _Logged | UnavailableError | VerificationError] = {}

    def read(did: str) -> _Logged:
        if did not in lists:
            try:
                if len(lists) >= MAX_LISTS:
                    raise UnavailableError(Code.ACCREDITATIONS_TOO_MANY)
                lists[did] = _read(did, read_records)
            except (UnavailableError, VerificationError) as error:
                lists[did] = error
        found = lists[did]
        if not isinstance(found, _Logged):
            raise found
        return found

    failure = VerificationError(Code.ACCREDITATION_MISSING, did)
    unread: UnavailableError | None = None
    # The newest first, but before all those for which nothing else needs to be read.
    newest_first = reversed(read(did).accreditations.values())
    for record, entry in sorted(newest_first, key=lambda each: each[0].under is not None):
        if vct not in record.types or action not in record.actions or (record.depth or 0) < least_depth:
            continue
        try:
            links = _chain(record, entry, root, read)
            counted_at = _verify_moment(links, moment, begun_by or moment)
        except VerificationError as error:
            # One that leads to the root says more than one that does not; else the newest is the one.
            if failure.code in (Code.ACCREDITATION_MISSING, Code.ACCREDITATION_NOT_ROOTED):
                failure = error
        except UnavailableError as error:
            unread = unread or error
        else:
            return VerifiedAccreditation(links, counted_at)
    raise unread or failure


def link_document(link: AccreditationLink) -> JsonObject:
    """`link` as programs are told of it; times to the whole second."""
    record = link.record
    return {
        "did": record.accredited,
        "by": record.authorship.by,
        "actions": [action.value for action in record.actions],
        "types": [*record.types],
        "since": encode_utc(link.since),
        "until": encode_utc(link.until),
        "leaf_hash": record.leaf_hash.hex(),
    }


def verify_rests_on(record: AccreditationRecord, above: Sequence[AccreditationRecord]) -> None:
    """Check that `record` gives nothing away that the first of `above` does not have.

    `above` is the chain that it rests on, the nearest first; each of them rests on the others in this way.

    Raises:
        VerificationError: ACCREDITATION_INVALID, the first rule it breaks.
    """
    nearest = above[0]
    involved = {each.accredited for each in above} | {each.authorship.by for each in above}
    for is_kept, rule in (
        (record.authorship.by == nearest.accredited, "its author is not the one accredited there"),
        (nearest.depth is not None, "its author may not accredit"),
        (set(record.types) <= set(nearest.types), "more types"),
        (nearest.valid_from <= record.valid_from, "from an earlier time on"),
        (record.valid_until <= nearest.valid_until, "until a later time"),
        (record.depth is None or record.depth < (nearest.depth or 0), "as great a depth"),
        (record.accredited not in involved, "a DID that stands above"),
    ):
        if not is_kept:
            raise VerificationError(Code.ACCREDITATION_INVALID, f"{record.leaf_hash.hex()}: {rule}")


def _chain(
    record: AccreditationRecord, entry: SubjectEntry, root: str, read: _Reader
) -> tuple[AccreditationLink, ...]:
    """The links from `record` up to the root, with what was withdrawn above each of them."""
    found = [(record, entry.time, read(record.accredited).withdrawn.get(record.leaf_hash))]
    while (under := record.under) is not None:
        known = read(record.authorship.by)
        above = known.accreditations.get(under)
        if above is None and known.tree_size < entry.leaf_index:
            raise UnavailableError(Code.MOMENT_NOT_COVERED, f"accreditations of {record.authorship.by}")
        if above is None or len(found) == MAX_LINKS:
            detail = f"{record.leaf_hash.hex()}: what it rests on is not there"
            raise VerificationError(Code.ACCREDITATION_INVALID, detail)
        record, entry = above
        found.append((record, entry.time, known.withdrawn.get(under)))
    if record.authorship.by != root:
        raise VerificationError(Code.ACCREDITATION_NOT_ROOTED, record.leaf_hash.hex())
    links: list[AccreditationLink] = []
    withdrawn: datetime | None = None
    for record, logged, own in reversed(found):
        if links:
            verify_rests_on(record, [link.record for link in reversed(links)])
        withdrawn = min((time for time in (own, withdrawn) if time is not None), default=None)
        links.append(AccreditationLink(record, logged, withdrawn))
    return tuple(reversed(links))


def _verify_moment(links: Sequence[AccreditationLink], moment: datetime, begun_by: datetime) -> datetime:
    """The first moment between the two at which all `links` had begun; they must count then."""
    first = min(max(moment, *(link.since for link in links)), begun_by)
    for link in links:
        name = link.record.leaf_hash.hex()
        if link.withdrawn is not None and link.withdrawn <= first:
            raise VerificationError(Code.ACCREDITATION_WITHDRAWN, f"{name}: at {encode_utc(link.withdrawn)}")
        if not link.since <= first < link.until:
            detail = f"{name}: from {encode_utc(link.since)} until {encode_utc(link.until)}"
            raise VerificationError(Code.ACCREDITATION_OUT_OF_TIME, detail)
    return first


def _read(did: str, read_records: Callable[[str], VerifiedRecords]) -> _Logged:
    records = read_records(did)
    if records.subject != accreditation_subject(did):
        raise ValueError("the records are about something else")
    found = [(parse_leaf(entry.leaf), entry) for entry in records.entries]
    accreditations = {
        record.leaf_hash: (record, entry)
        for record, entry in found
        if isinstance(record, AccreditationRecord)
    }
    # In the order of the log, so the first is the one that counts.
    withdrawn = {
        record.accreditation: entry.time
        for record, entry in reversed(found)
        if isinstance(record, WithdrawalRecord)
    }
    return _Logged(accreditations, withdrawn, records.log.tree_size)
