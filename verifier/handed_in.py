"""What somebody handed in, so that a decision needs no network: tally proofs and status list tokens.

It is checked like what is fetched, under the same policy, and it may be older. Where the network is there,
what is fetched counts, and what was handed in only where that cannot be had.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, ParamSpec, Protocol, TypeVar

from protocol.codes import Code
from protocol.did.verified import VerifiedDid
from protocol.errors import MalformedError, UnavailableError
from protocol.evidence_age import describe_age
from protocol.issuer_trust import AccreditationReader
from protocol.status_list import parse_status_list_subject, verify_no_rollback, verify_status_list_token
from verifier.status_cache import StatusListMemory

MAX_STATUS_LISTS = 16

P = ParamSpec("P")
T = TypeVar("T")


class EvidenceSource(StrEnum):
    """Where a verifier that answers wallets takes from what vouches for an issuer.

    FETCHED: the ledger and the issuer's status list are asked.
    EITHER: they are, and where they cannot be reached, what the wallet staples to its answer counts.
    STAPLED: nobody is asked.
    """

    FETCHED = "fetched"
    EITHER = "either"
    STAPLED = "stapled"


class DatedResolver(Protocol):
    """Finds the verified state of a DID, as it is or as it was at a moment of the past."""

    def __call__(self, did: str, *, at: datetime | None = None) -> VerifiedDid:
        """The state of `did` at `at`, or as it is."""


class StatusListFinder(Protocol):
    """Finds status list tokens that the issuer has signed."""

    def find(self, uri: str, *, issuer: VerifiedDid, now: datetime, clock_skew: timedelta) -> str:
        """The token of the list at `uri`."""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """Tally proofs and status list tokens, as they came, and whether nothing but them may be used."""

    proofs: tuple[bytes, ...] = ()
    status_lists: tuple[str, ...] = ()
    offline: bool = False


@dataclass(frozen=True, slots=True)
class LookUps:
    """How DIDs, accreditations and status lists are found: fetched, or among what was handed in."""

    resolve: DatedResolver
    lists: StatusListFinder
    read_accreditations: AccreditationReader


class HandedStatusLists:
    """Finds status list tokens among those handed in.

    How long a copy may be kept before a fresh one is fetched (`ttl`) is meant for who can fetch one. Here the
    list's own end counts, and the age that the policy allows for what was handed in.

    Args:
        tokens: At most 16.
        memory: Remembers the newest list of each address; None where lists of the past are asked for, whose
            age says nothing.
        max_age: How old a list may be; of no account without a memory.

    Raises:
        MalformedError: one is no status list token, or there are too many.
        VerificationError: one is of another type or algorithm.
    """

    def __init__(self, tokens: Iterable[str], *, memory: StatusListMemory | None, max_age: timedelta) -> None:
        self._tokens = [(parse_status_list_subject(token), token) for token in tokens]
        if len(self._tokens) > MAX_STATUS_LISTS:
            raise MalformedError(Code.SIZE_EXCEEDED, "status lists handed in")
        self._memory = memory
        self._max_age = max_age

    def find(self, uri: str, *, issuer: VerifiedDid, now: datetime, clock_skew: timedelta) -> str:
        """The token of the list at `uri`, which `issuer` has signed; the youngest if there are several.

        Raises:
            MalformedError, VerificationError: not a list to believe, or older than one already seen.
            UnavailableError: there is none, or it is too old.
        """
        found = [
            (
                verify_status_list_token(
                    token, expected_uri=uri, issuer=issuer, now=now, clock_skew=clock_skew
                ),
                token,
            )
            for subject, token in self._tokens
            if subject == uri
        ]
        if not found:
            raise UnavailableError(Code.STATUS_LIST_MISSING, uri)
        status_list, token = max(found, key=lambda each: each[0].issued_at)
        if self._memory is not None:
            age = now - status_list.issued_at
            if age > self._max_age:
                raise UnavailableError(Code.STATUS_LIST_STALE, describe_age(age))
            verify_no_rollback(status_list, last_issued_at=self._memory.recall(issuer.did, uri))
            self._memory.remember(issuer.did, uri, status_list.issued_at)
        return token


@dataclass(frozen=True, slots=True)
class FirstReachable(Generic[P, T]):
    """Looks up at `first`, and at `second` what `first` cannot reach, or says is `missing`.

    What `second` does not have either is as unreachable as `first` said. Else each raises what it raises.
    """

    first: Callable[P, T]
    second: Callable[P, T]
    missing: Code = Code.EVIDENCE_MISSING

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the look-up gives."""
        try:
            return self.first(*args, **kwargs)
        except UnavailableError as unreachable:
            if not unreachable.code.startswith("network_") and unreachable.code is not self.missing:
                raise
            try:
                return self.second(*args, **kwargs)
            except UnavailableError as absent:
                if absent.code is self.missing:
                    raise unreachable from absent
                raise


@dataclass(frozen=True, slots=True)
class FirstReachableList:
    """Finds status lists at `first`, and at `second` those which `first` cannot reach or does not have."""

    first: StatusListFinder
    second: StatusListFinder

    def find(self, uri: str, *, issuer: VerifiedDid, now: datetime, clock_skew: timedelta) -> str:
        """The token of the list at `uri`.

        Raises:
            MalformedError, VerificationError, UnavailableError: as the two.
        """
        look_up = FirstReachable(self.first.find, self.second.find, Code.STATUS_LIST_MISSING)
        return look_up(uri, issuer=issuer, now=now, clock_skew=clock_skew)


@dataclass(frozen=True, slots=True)
class LateStatusLists:
    """Finds status lists with what `make` makes when the first is asked for."""

    make: Callable[[], StatusListFinder]

    def find(self, uri: str, *, issuer: VerifiedDid, now: datetime, clock_skew: timedelta) -> str:
        """The token of the list at `uri`."""
        return self.make().find(uri, issuer=issuer, now=now, clock_skew=clock_skew)
