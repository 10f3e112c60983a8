"""The grounds of a decision: what the policy says, and how all that it needs to know is found by it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Self

from ledger.evidence import EvidenceResolver
from ledger.fetch import Fetcher, FetchRules, chosen_rules
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.status_list import fetch_status_list
from protocol.did.verified import DidResolver, VerifiedDid
from protocol.issuer_trust import AccreditationReader
from protocol.openid4vp.stapled_evidence import parse_stapled_evidence
from protocol.policy import VerificationPolicy
from verifier.handed_in import (
    EvidenceSource,
    FirstReachable,
    FirstReachableList,
    HandedIn,
    HandedStatusLists,
    LateStatusLists,
    LookUps,
    StatusListFinder,
)
from verifier.policy_file import VerifierPolicy, load_policy
from verifier.status_cache import StatusListMemory, StatusLists

_FETCH_DEADLINE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What one decision rests on.

    Attributes:
        policy: What must hold.
        development: Whether addresses under .localhost count as any other.
        resolve_did: Finds the verified state of a DID.
        status_lists: Finds status lists.
        read_accreditations: Finds the records about accreditations; None where the policy names no root.
        at: The moment of the past that the look-ups answer for; None for now.
        hand_in: Makes look-ups of what somebody hands in; None where nothing is taken.
    """

    policy: VerificationPolicy
    development: bool
    resolve_did: DidResolver
    status_lists: StatusListFinder
    read_accreditations: AccreditationReader | None = None
    at: datetime | None = None
    hand_in: Callable[[HandedIn], LookUps] | None = None

    def with_stapled(self, evidence: str) -> "Grounds":
        """The same grounds with the `evidence` that a wallet stapled to its answer (the value of the
        parameter), which counts only where the ledger or the issuer cannot be reached or is not to be asked,
        and is not even read elsewhere.
        """
        hand_in = self.hand_in
        if hand_in is None:
            return self

        @cache
        def handed_in() -> LookUps:
            stapled = parse_stapled_evidence(evidence)
            return hand_in(HandedIn(stapled.proofs, stapled.status_lists))

        read_accreditations = self.read_accreditations
        return replace(
            self,
            resolve_did=FirstReachable(self.resolve_did, lambda did: handed_in().resolve(did, at=self.at)),
            status_lists=FirstReachableList(self.status_lists, LateStatusLists(lambda: handed_in().lists)),
            read_accreditations=read_accreditations
            and FirstReachable(
                read_accreditations, lambda did, root: handed_in().read_accreditations(did, root)
            ),
        )

    def inquiry(self, now: datetime) -> "Inquiry":
        """The look-ups of one verification at `now`."""
        return Inquiry(self, self.at or now)


class Inquiry:
    """The look-ups of one verification, for `verify_presentation` and its like to be given.

    They resolve the issuer of a credential before they ask for its status list, so the list is checked
    against that issuer before it is kept. One thread at a time.
    """

    def __init__(self, grounds: Grounds, now: datetime) -> None:
        self._grounds = grounds
        self._now = now
        self._issuer: VerifiedDid | None = None

    def resolve_did(self, did: str) -> VerifiedDid:
        """The verified state of the issuer `did`."""
        self._issuer = self._grounds.resolve_did(did)
        return self._issuer

    @property
    def read_accreditations(self) -> AccreditationReader | None:
        """Finds the records about accreditations."""
        return self._grounds.read_accreditations

    def fetch_status_list(self, uri: str) -> str:
        """The status list token of that issuer at `uri`."""
        assert self._issuer is not None, "the issuer is resolved first"
        return self._grounds.status_lists.find(
            uri, issuer=self._issuer, now=self._now, clock_skew=self._grounds.policy.clock_skew
        )


class PolicyGrounds:
    """The grounds that a policy file states. The file is read again whenever it was replaced or edited, so
    that a decision never rests on what it said before.

    Args:
        file: The policy file.
        state: The folder of what was seen before: checkpoints of ledgers, and times of status lists.
        clock: Tells the time.
        handed_in: What somebody handed in, for where the network does not reach.
        at: The moment of the past to decide for; None for now.
    """

    def __init__(
        self,
        file: Path,
        *,
        state: Path,
        clock: Callable[[], datetime],
        handed_in: HandedIn | None = None,
        at: datetime | None = None,
    ) -> None:
        self._file = file
        self._clock = clock
        self._handed_in = handed_in
        self._at = at
        self._checkpoints = CheckpointMemory(state / "seen")
        self._lists = StatusListMemory(state / "status-lists")
        self._lock = threading.Lock()
        self._fetchers: dict[FetchRules, Fetcher] = {}
        self._read: tuple[object, Grounds] | None = None

    def __call__(self) -> Grounds:
        """The grounds of now.

        Raises:
            RefusedError: the policy file cannot be used.
        """
        with self._lock:
            edition = _edition(self._file)
            if self._read is None or self._read[0] != edition:
                self._read = edition, self._make_grounds(load_policy(self._file))
            return self._read[1]

    def close(self) -> None:
        """Close the connections that were kept."""
        for fetcher in self._fetchers.values():
            fetcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _make_grounds(self, policy: VerifierPolicy) -> Grounds:
        handed_in, at = self._handed_in, self._at
        if handed_in is None and policy.evidence is EvidenceSource.STAPLED:
            found = self._from_files(policy, HandedIn())
        elif handed_in is None:
            found = self._over_the_network(policy)
        else:
            found = self._from_files(policy, handed_in)
            if not handed_in.offline:
                fetched = self._over_the_network(policy)
                # A list that is fetched now says nothing of another day.
                lists = (fetched.lists, found.lists) if at is None else (found.lists, fetched.lists)
                found = LookUps(
                    FirstReachable(fetched.resolve, found.resolve),
                    FirstReachableList(*lists),
                    FirstReachable(fetched.read_accreditations, found.read_accreditations),
                )
        return Grounds(
            policy.rules,
            policy.ledgers.development,
            partial(found.resolve, at=at),
            found.lists,
            found.read_accreditations,
            at,
            None if policy.evidence is EvidenceSource.FETCHED else partial(self._from_files, policy),
        )

    def _from_files(self, policy: VerifierPolicy, handed_in: HandedIn) -> LookUps:
        evidence = EvidenceResolver(policy.ledgers, handed_in.proofs, clock=self._clock)
        lists = HandedStatusLists(
            handed_in.status_lists,
            memory=self._lists if self._at is None else None,
            max_age=policy.rules.offline_evidence_max_age,
        )
        return LookUps(evidence.resolve, lists, evidence.read_accreditations)

    def _over_the_network(self, policy: VerifierPolicy) -> LookUps:
        development = policy.ledgers.development
        anywhere = FetchRules(development=development, deadline=_FETCH_DEADLINE)
        # Only the ledgers are addresses of the owner's own choice, so only they may be at any port.
        only_ledgers = replace(
            chosen_rules(ledger.url for ledger in policy.ledgers.ledgers),
            development=development,
            deadline=_FETCH_DEADLINE,
        )
        resolver = LedgerResolver(
            policy.ledgers,
            fetcher=self._fetcher(only_ledgers),
            memory=self._checkpoints,
            clock=self._clock,
        )
        fetch = partial(fetch_status_list, fetcher=self._fetcher(anywhere))
        lists = StatusLists(fetch, memory=self._lists)
        return LookUps(resolver.resolve, lists, resolver.read_accreditations)

    def _fetcher(self, rules: FetchRules) -> Fetcher:
        if rules not in self._fetchers:
            self._fetchers[rules] = Fetcher(rules)
        return self._fetchers[rules]


def _edition(file: Path) -> object:
    """What changes when the file is replaced or edited."""
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns
