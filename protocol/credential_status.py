"""Whether a credential was revoked or suspended, as far as can be known (Token Status List §8.3)."""

from collections.abc import Callable
from datetime import datetime

from protocol.checks import CheckRecord, Outcome
from protocol.codes import Code
from protocol.did.verified import VerifiedDid
from protocol.encoding.time import encode_utc
from protocol.errors import UnavailableError, VerificationError
from protocol.policy import StatusRule, VerificationPolicy
from protocol.sdjwt_vc import UnverifiedCredential
from protocol.status_list import VerifiedStatusList, read_status, verify_status, verify_status_list_token

StatusListFetcher = Callable[[str], str]
"""Fetches the status list token at an address, or raises UnavailableError. What it brings is untrusted."""

# What makes a list one of another time than the moment that was asked about: signed later, expired before
# it, or by a key that was not listed then.
_OF_ANOTHER_TIME = frozenset({Code.NOT_YET_VALID, Code.STATUS_EXPIRED, Code.STATUS_SIGNATURE_INVALID})
# What says by itself what is missing.
_PLAIN = frozenset({Code.STATUS_LIST_MISSING, Code.STATUS_LIST_STALE, Code.STATUS_THEN_UNKNOWN})


def verify_credential_status(
    credential: UnverifiedCredential,
    *,
    issuer: VerifiedDid,
    policy: VerificationPolicy,
    now: datetime,
    at: datetime | None,
    fetch_status_list: StatusListFetcher,
    record: CheckRecord,
) -> None:
    """Check the status of `credential` now, or at a moment of the past, and note what there is to say.

    What a list of another time says, says nothing of that moment: a credential that is valid today may have
    been suspended then, and one that was revoked since was valid. Only a list of that moment tells.

    Raises:
        MalformedError: the list cannot be read.
        VerificationError: revoked, suspended, no list to believe, or no status where the policy wants one.
        UnavailableError: nobody knows, and the policy does not let that pass.
    """
    reference = read_status(credential.payload)
    if reference is None:
        if policy.status is StatusRule.REQUIRED:
            raise VerificationError(Code.CLAIM_MISSING, "status")
        record.note(Outcome.SKIPPED, "the credential has no status")
        return
    try:
        status_list = _find(reference.uri, issuer, policy, now, at, fetch_status_list)
    except UnavailableError as error:
        if policy.status is StatusRule.WHEN_REACHABLE:
            record.note(Outcome.UNKNOWN, f"let pass by the policy: {error.code}")
            return
        if error.code in _PLAIN:
            raise
        raise UnavailableError(Code.STATUS_UNAVAILABLE, error.code) from error
    verify_status(status_list, reference.index)
    if at is not None:
        record.note(Outcome.PASSED, f"on {encode_utc(at)}")


def _find(
    uri: str,
    issuer: VerifiedDid,
    policy: VerificationPolicy,
    now: datetime,
    at: datetime | None,
    fetch_status_list: StatusListFetcher,
) -> VerifiedStatusList:
    try:
        return verify_status_list_token(
            fetch_status_list(uri),
            expected_uri=uri,
            issuer=issuer,
            now=at or now,
            clock_skew=policy.clock_skew,
        )
    except VerificationError as error:
        if at is None or error.code not in _OF_ANOTHER_TIME:
            raise
        raise UnavailableError(Code.STATUS_THEN_UNKNOWN) from error
