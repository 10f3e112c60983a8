"""Whether a policy trusts an issuer for a type: it lists it, or a root whom its accreditation leads to.

Why the accreditation has to have counted at which moment is docs/decisions/0012-accredited-when-it-issued.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeAlias

from protocol.accreditation import VerifiedAccreditation, verify_accreditation
from protocol.codes import Code
from protocol.did.verified import LogEvidence
from protocol.encoding.time import from_seconds
from protocol.errors import UnavailableError, VerificationError
from protocol.evidence_age import verify_evidence_age
from protocol.index.proof import VerifiedRecords
from protocol.policy import AccreditationRule, VerificationPolicy
from protocol.records.accreditation import Action
from protocol.sdjwt_vc import UnverifiedCredential

ROUNDING = timedelta(days=1)
"""How far an issuer may have rounded down the time at which it issued."""


@dataclass(frozen=True, slots=True)
class LoggedRecords:
    """All that a log holds about the accreditations of a DID, and when and how that was seen."""

    records: VerifiedRecords
    evidence: LogEvidence


AccreditationReader: TypeAlias = Callable[[str, str], LoggedRecords]
"""Finds the records about the accreditations of a DID, the first, on the ledger that a root, the second,
lives on, or raises: VerificationError (must not be trusted), UnavailableError."""


@dataclass(frozen=True, slots=True)
class IssuerTrust:
    """Why an issuer is trusted: `accreditation` is the chain to a root, None where the policy lists it.

    `detail` says in a clause how old the evidence of the chain is.
    """

    accreditation: VerifiedAccreditation | None = None
    detail: str = ""


def verify_issuer_trust(
    credential: UnverifiedCredential,
    *,
    policy: VerificationPolicy,
    now: datetime,
    at: datetime | None,
    read_accreditations: AccreditationReader | None,
) -> IssuerTrust:
    """Check that `policy` trusts the issuer of `credential` for its type, as of `at` if that is given.

    Nothing is read on the word of the credential: of an issuer that the policy does not list, only the ledger
    of a root that the policy names is asked. Not checked: that the issuer signed it.

    Raises:
        VerificationError: ISSUER_NOT_TRUSTED, the policy names neither it nor a root; else of
            `verify_accreditation`, for the root that came nearest, or LOG_STALE.
        MalformedError: a record, or the time of issue, cannot be read.
        UnavailableError: it is trusted as far as can be known by no root, and of one of them it is not known:
            MOMENT_NOT_COVERED, `at` is younger than the evidence; or what `read_accreditations` raises.
        ValueError: the policy names a root, and there is nothing to read accreditations with.
    """
    if credential.issuer in policy.trusted_issuers.get(credential.vct, frozenset()):
        return IssuerTrust()
    roots = policy.trusted_roots.get(credential.vct, frozenset())
    # Only such DIDs can be accredited.
    if not roots or not credential.issuer.startswith("did:webvh:"):
        raise VerificationError(Code.ISSUER_NOT_TRUSTED)
    if read_accreditations is None:
        raise ValueError("the policy names a root, and there is nothing to read accreditations with")
    failure: VerificationError | None = None
    unread: UnavailableError | None = None
    for root in sorted(roots):
        try:
            return _verify_accredited(credential, root, policy, now, at, read_accreditations)
        except UnavailableError as error:
            unread = unread or error
        except VerificationError as error:
            if failure is None or failure.code in (
                Code.ACCREDITATION_MISSING,
                Code.ACCREDITATION_NOT_ROOTED,
            ):
                failure = error
    ended = unread or failure
    assert ended is not None, "there is a root"
    raise ended


def _verify_accredited(
    credential: UnverifiedCredential,
    root: str,
    policy: VerificationPolicy,
    now: datetime,
    at: datetime | None,
    read_accreditations: AccreditationReader,
) -> IssuerTrust:
    seen: list[LogEvidence] = []

    @cache
    def read(did: str) -> VerifiedRecords:
        found = read_accreditations(did, root)
        verify_evidence_age(found.evidence, policy=policy, now=now)
        if at is not None and at > found.evidence.time:
            raise UnavailableError(Code.MOMENT_NOT_COVERED)
        seen.append(found.evidence)
        return found.records

    def verify(moment: datetime, begun_by: datetime) -> VerifiedAccreditation:
        return verify_accreditation(
            credential.issuer,
            action=Action.ISSUE,
            vct=credential.vct,
            root=root,
            moment=moment,
            begun_by=begun_by,
            read_records=read,
        )

    present = at or now
    issued = present if credential.issued_at is None else min(from_seconds(credential.issued_at), present)
    accreditation = verify(issued, min(issued + ROUNDING, present))
    if policy.accreditation is AccreditationRule.WHEN_CHECKED:
        accreditation = verify(present, present)
    oldest = min(seen, key=lambda evidence: evidence.time)
    return IssuerTrust(accreditation, f"accredited, {verify_evidence_age(oldest, policy=policy, now=now)}")
