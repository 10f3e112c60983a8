"""The accreditations of a log as trees: each below the one that it rests on, the roots' on top.

A tree is put together from the complete lists of the DIDs in it. When each accreditation counts is what
`protocol.accreditation` makes of it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from protocol.accreditation import AccreditationLink, verify_rests_on
from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.index.proof import SubjectEntry
from protocol.records import parse_leaf
from protocol.records.accreditation import AccreditationRecord, WithdrawalRecord


class Standing(StrEnum):
    """Whether an accreditation counts."""

    COUNTS = "counts"
    NOT_YET = "not yet"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Accreditation:
    """An accreditation, and those that rest on it.

    Attributes:
        link: What it says, and when it counts.
        leaf_index: Where it stands in the log.
        below: Those that rest on it, in the order of the log.
    """

    link: AccreditationLink
    leaf_index: int
    below: tuple["Accreditation", ...]

    @property
    def record(self) -> AccreditationRecord:
        """What it says."""
        return self.link.record

    def standing(self, moment: datetime) -> Standing:
        """How it stands then. A withdrawal above it is one of it, too, unless it had ended before."""
        link = self.link
        if link.withdrawn is not None and link.withdrawn == link.until <= moment:
            return Standing.WITHDRAWN
        if moment < link.since:
            return Standing.NOT_YET
        return Standing.COUNTS if moment < link.until else Standing.ENDED

    def counts_at(self, moment: datetime) -> bool:
        """Whether it counts then."""
        return self.standing(moment) is Standing.COUNTS

    def walk(self) -> Iterator["Accreditation"]:
        """It and all below it, each before those that rest on it."""
        yield self
        for each in self.below:
            yield from each.walk()


Trees: TypeAlias = tuple[Accreditation, ...]


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """An accreditation, or a withdrawal of one, where and when it stands in the log."""

    record: AccreditationRecord | WithdrawalRecord
    leaf_index: int
    time: datetime


def read_logged(entries: Iterable[SubjectEntry]) -> tuple[LoggedRecord, ...]:
    """The accreditations and withdrawals among `entries`.

    Raises:
        MalformedError: an entry is no record.
    """
    read = [(entry, parse_leaf(entry.leaf)) for entry in entries]
    return tuple(
        LoggedRecord(record, entry.leaf_index, entry.time)
        for entry, record in read
        if isinstance(record, AccreditationRecord | WithdrawalRecord)
    )


def plant_trees(logged: Iterable[LoggedRecord]) -> Trees:
    """The accreditations among `logged` as trees; all withdrawals of each of them are there, too.

    Not checked: that nobody is missing, and the proofs of the records, which whoever copied the log checked.

    Raises:
        VerificationError: ACCREDITATION_INVALID, one rests on none of them, or gives more than that one has.
    """
    found: dict[bytes, tuple[AccreditationRecord, LoggedRecord]] = {}
    withdrawn: dict[bytes, datetime] = {}
    for each in sorted(logged, key=lambda each: each.leaf_index):
        match each.record:
            case AccreditationRecord() as record:
                found[record.leaf_hash] = (record, each)
            case WithdrawalRecord() as withdrawal:
                withdrawn.setdefault(withdrawal.accreditation, each.time)
    below: dict[bytes | None, list[bytes]] = {}
    for leaf_hash, (record, _entry) in found.items():
        if record.under is not None and record.under not in found:
            detail = f"{leaf_hash.hex()}: what it rests on is not there"
            raise VerificationError(Code.ACCREDITATION_INVALID, detail)
        below.setdefault(record.under, []).append(leaf_hash)

    def grow(leaf_hash: bytes, above: tuple[AccreditationLink, ...]) -> Accreditation:
        record, entry = found[leaf_hash]
        if above:
            verify_rests_on(record, [link.record for link in above])
        ends = [withdrawn.get(leaf_hash), above[0].withdrawn if above else None]
        end = min((time for time in ends if time is not None), default=None)
        link = AccreditationLink(record, entry.time, end)
        children = tuple(grow(each, (link, *above)) for each in below.get(leaf_hash, ()))
        return Accreditation(link, entry.leaf_index, children)

    return tuple(grow(leaf_hash, ()) for leaf_hash in below.get(None, ()))


def prune(trees: Trees, wanted: Callable[[Accreditation], bool]) -> Trees:
    """Those of `trees` that are `wanted`, with nothing below one that is not."""
    return tuple(replace(each, below=prune(each.below, wanted)) for each in trees if wanted(each))


def about(trees: Trees, did: str) -> Trees:
    """What concerns `did`: what it was given, all above that, and all that rests on what it gave or has."""
    kept: list[Accreditation] = []
    for each in trees:
        if did in (each.record.accredited, each.record.authorship.by):
            kept.append(each)
        elif below := about(each.below, did):
            kept.append(replace(each, below=below))
    return tuple(kept)


def of_type(trees: Trees, vct: str) -> Trees:
    """What concerns credentials of the type `vct`."""
    return prune(trees, lambda each: vct in each.record.types)


def cut(trees: Trees, most: int) -> Trees:
    """The first `most` accreditations of `trees`, from the top down and branch by branch."""
    kept: list[Accreditation] = []
    for each in trees:
        if most == 0:
            break
        below = cut(each.below, most - 1)
        kept.append(replace(each, below=below))
        most -= count(kept[-1:])
    return tuple(kept)


def count(trees: Iterable[Accreditation]) -> int:
    """How many accreditations there are in `trees`."""
    return sum(1 for tree in trees for _ in tree.walk())


def dids_of(trees: Trees) -> list[str]:
    """Who is accredited in them, in the order of the alphabet."""
    return sorted({each.record.accredited for tree in trees for each in tree.walk()})


def chains_of(trees: Trees, did: str) -> Iterator[Trees]:
    """Each accreditation of `did` with all that it rests on, the nearest first; the newest of them first."""
    found: list[Trees] = []

    def search(some: Trees, above: Trees) -> None:
        for each in some:
            if each.record.accredited == did:
                found.append((each, *above))
            search(each.below, (each, *above))

    search(trees, ())
    yield from sorted(found, key=lambda chain: chain[0].leaf_index, reverse=True)


def verify_above(record: AccreditationRecord, chains: Iterable[Trees], *, moment: datetime) -> None:
    """Check that `record` may rest on what it names, which is among the `chains` that its author has.

    Raises:
        VerificationError: ACCREDITATION_MISSING, its author was not given that; ACCREDITATION_WITHDRAWN or
            ACCREDITATION_OUT_OF_TIME, it does not count at `moment`; ACCREDITATION_INVALID, it gives less.
    """
    for chain in chains:
        nearest = chain[0]
        if nearest.record.leaf_hash != record.under:
            continue
        standing = nearest.standing(moment)
        if standing is Standing.WITHDRAWN:
            raise VerificationError(Code.ACCREDITATION_WITHDRAWN, "what it rests on")
        if standing is not Standing.COUNTS:
            raise VerificationError(Code.ACCREDITATION_OUT_OF_TIME, "what it rests on")
        verify_rests_on(record, [each.record for each in chain])
        return
    raise VerificationError(Code.ACCREDITATION_MISSING, record.authorship.by)
