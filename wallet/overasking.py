"""Hints that a request asks for more than it needs, found without asking anybody.

Each is a value: what is odd, and about which facts. The doors put it into words. A hint never changes what is
sent; that the needed facts give one is a reason to ask a person twice.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocol.claim_path import ClaimPath
from schemas.request_kinds import RequestKind, request_kinds
from wallet.content import ActivityEntry, ActivityKind
from wallet.known_party import identity_of

_BIRTH_DATES = frozenset({"birth_date", "birthdate", "date_of_birth"})
_OVER_AN_AGE = re.compile(r"age_over_\d{1,3}")


class HintKind(StrEnum):
    """What is odd about a request.

    BIRTH_DATE: it asks when its holder was born, where the credential also says that they are over an age.
    EVERYTHING: it asks for every fact of a credential.
    MORE_THAN_BEFORE: it asks for what this party was not shown the last time.
    UNUSUAL: it asks for what a request for its purpose does not usually need.
    RARELY_NEEDED: what it is for is not known, and hardly any request needs this.
    """

    BIRTH_DATE = "birth_date"
    EVERYTHING = "everything"
    MORE_THAN_BEFORE = "more_than_before"
    UNUSUAL = "unusual"
    RARELY_NEEDED = "rarely_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something odd about what is asked of one credential.

    Attributes:
        kind: What is odd.
        query_id: The part of the request.
        paths: The facts it is about, needed ones and optional ones.
        is_needed: Whether the request cannot be answered without what is odd.
        instead: Facts that would say less: those about an age, of BIRTH_DATE.
        request_kind: What the purpose was taken for, of UNUSUAL: `an age check`.
    """

    kind: HintKind
    query_id: str
    paths: tuple[ClaimPath, ...]
    is_needed: bool
    instead: tuple[ClaimPath, ...] = ()
    request_kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFacts:
    """What is asked of one credential, each fact as small as it can be shown.

    Attributes:
        query_id: The part of the request.
        credential_type: The `vct`.
        needed: What leaves when the person agrees.
        optional: What the verifier would like as well.
        withholdable: What the holder could keep to themselves, asked for or not.
    """

    query_id: str
    credential_type: str
    needed: tuple[ClaimPath, ...]
    optional: tuple[ClaimPath, ...]
    withholdable: frozenset[ClaimPath]

    @property
    def asked(self) -> tuple[ClaimPath, ...]:
        """What is asked for that the holder could keep to themselves, as the consent lists it."""
        return tuple(path for path in (*self.needed, *self.optional) if path in self.withholdable)


def find_hints(
    asked: Iterable[AskedFacts], *, purpose: str | None, party: str, activity: Sequence[ActivityEntry]
) -> tuple[Hint, ...]:
    """What is odd about asking for these facts, for this purpose, in the name of `party`."""
    table = request_kinds()
    kinds = () if purpose is None else table.recognize(purpose)
    return tuple(
        hint
        for part in asked
        for hint in (
            *_birth_date(part),
            *_everything(part),
            *_more_than_before(part, party, activity),
            *(_unusual(part, kinds) if kinds else _rarely_needed(part)),
        )
    )


def _birth_date(part: AskedFacts) -> Iterator[Hint]:
    over_an_age = sorted(
        (path for path in part.withholdable if _OVER_AN_AGE.fullmatch(str(path[-1]))), key=str
    )
    if over_an_age:
        dates = [path for path in part.asked if path[-1] in _BIRTH_DATES]
        yield from _hint(HintKind.BIRTH_DATE, part, dates, instead=tuple(over_an_age))


def _everything(part: AskedFacts) -> Iterator[Hint]:
    # Of a single fact nobody can ask for less.
    if len(part.withholdable) > 1 and part.withholdable <= {*part.asked}:
        yield Hint(
            kind=HintKind.EVERYTHING,
            query_id=part.query_id,
            paths=part.asked,
            is_needed=part.withholdable <= {*part.needed},
        )


def _more_than_before(part: AskedFacts, party: str, activity: Sequence[ActivityEntry]) -> Iterator[Hint]:
    shown = [
        entry
        for entry in activity
        if entry.kind is ActivityKind.PRESENTED
        and entry.credential_type == part.credential_type
        and identity_of(entry.party) == identity_of(party)
    ]
    if shown:
        # Where one answer held two credentials of a type, its lines are of the same moment.
        last = max(entry.time for entry in shown)
        before = {_general(path) for entry in shown if entry.time == last for path in entry.claim_names}
        more = [path for path in part.asked if _general(path) not in before]
        yield from _hint(HintKind.MORE_THAN_BEFORE, part, more)


def _unusual(part: AskedFacts, kinds: Sequence[RequestKind]) -> Iterator[Hint]:
    known = part.credential_type in request_kinds().rarely_needed
    usual = frozenset[ClaimPath]().union(
        *(kind.usual.get(part.credential_type, frozenset()) for kind in kinds)
    )
    odd = [path for path in part.asked if known and not _is_within(path, usual)]
    yield from _hint(HintKind.UNUSUAL, part, odd, request_kind=kinds[0].label)


def _rarely_needed(part: AskedFacts) -> Iterator[Hint]:
    rare = request_kinds().rarely_needed.get(part.credential_type, frozenset())
    odd = [path for path in part.asked if _is_within(path, rare)]
    yield from _hint(HintKind.RARELY_NEEDED, part, odd)


def _hint(
    kind: HintKind,
    part: AskedFacts,
    paths: Sequence[ClaimPath],
    *,
    instead: tuple[ClaimPath, ...] = (),
    request_kind: str | None = None,
) -> Iterator[Hint]:
    if paths:
        yield Hint(
            kind=kind,
            query_id=part.query_id,
            paths=tuple(paths),
            is_needed=any(path in part.needed for path in paths),
            instead=instead,
            request_kind=request_kind,
        )


def _general(path: ClaimPath) -> ClaimPath:
    """The path of every element of a list, for that of one: elements move up where others are withheld."""
    return tuple(name if isinstance(name, str) else None for name in path)


def _is_within(path: ClaimPath, places: frozenset[ClaimPath]) -> bool:
    return any(path[:length] in places for length in range(1, len(path) + 1))
