"""How old what a ledger says of an issuer may be, and for which moment it was asked."""

from datetime import datetime, timedelta

from protocol.codes import Code
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.errors import VerificationError
from protocol.policy import VerificationPolicy

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def verify_evidence_age(evidence: LogEvidence, *, policy: VerificationPolicy, now: datetime) -> str:
    """Check that `evidence` is as young as the policy wants it, and say which kind it is and how old.

    What was handed in has a greatest age of its own: who shows it could have had it for that long.

    Raises:
        VerificationError: too old, or co-signed in the future.
    """
    max_age = policy.offline_evidence_max_age if evidence.handed_in else policy.evidence_max_age
    kind = "handed in" if evidence.handed_in else "from the ledger"
    age = now - evidence.time
    if not -policy.clock_skew <= age <= max_age:
        raise VerificationError(Code.LOG_STALE, f"{kind}, {describe_age(age)}")
    return f"{kind}, {describe_age(age)}"


def require_did_without_history(issuer: VerifiedDid) -> None:
    """Check that `issuer`, for which there is no evidence, is a DID that needs none.

    Raises:
        VerificationError: a resolver that has no evidence for a DID with a history did not do its work.
    """
    if not issuer.did.startswith(("did:key:", "did:jwk:")):
        raise VerificationError(Code.LOG_STALE, "no evidence for the history of the DID")


def describe_age(age: timedelta) -> str:
    """`age` in words, cut to the greatest unit of which there are two: `90 minutes old`, `3 hours old`."""
    seconds = max(0, int(age.total_seconds()))
    size, unit = next((each for each in _UNITS if seconds >= 2 * each[0]), _UNITS[-1])
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'} old"
