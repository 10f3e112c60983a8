"""A verified history with the time at which each of its entries was logged, as a quorum saw it.

The time in an entry is its author's word: whoever rotates a key could date the rotation back or ahead. What
counts for the keys is when the entry stood in the log for everybody to see.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from protocol.codes import Code
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.did.webvh.history import VerifiedHistory, date_keys
from protocol.did.webvh.version import CLOCK_TOLERANCE
from protocol.errors import UnavailableError, VerificationError
from protocol.keys import PublicKey


@dataclass(frozen=True, slots=True)
class LoggedHistory:
    """A history as the log holds it.

    Attributes:
        history: The history.
        times: When each of its versions was logged.
        compromised: The keys that are in other hands, since when, as the log says now.
        evidence: Where and when all of that was seen.
    """

    history: VerifiedHistory
    times: tuple[datetime, ...]
    compromised: Mapping[PublicKey, datetime]
    evidence: LogEvidence

    def verified_did(self, *, at: datetime | None) -> VerifiedDid:
        """The document of now, and every key with the interval in which the log listed it; `at` a moment of
        the past the same as of then, as if nothing had been logged since but that keys were compromised: who
        marks a key today takes back what it signed before today.

        Raises:
            MalformedError: the document of a version breaks the rules of DID documents.
            VerificationError: the DID was deactivated, or was not logged yet at that moment.
            UnavailableError: the moment is younger than the evidence: who knows what was logged until then.
        """
        count = len(self.times)
        if at is not None:
            if at > self.evidence.time:
                raise UnavailableError(Code.MOMENT_NOT_COVERED)
            count = bisect_right(self.times, at)
        if count == 0:
            raise VerificationError(Code.DID_NOT_LOGGED_THEN)
        versions, times = self.history.versions[:count], self.times[:count]
        latest = versions[-1]
        if latest.parameters.deactivated:
            raise VerificationError(Code.DID_DEACTIVATED)
        evidence = replace(self.evidence, as_of=at)
        keys = tuple(
            replace(key, compromised=self.compromised.get(key.public_key))
            for key in date_keys(versions, times)
        )
        return VerifiedDid(self.history.did, latest.document(), keys, evidence)


def verify_logged_history(
    history: VerifiedHistory,
    times: Sequence[datetime],
    *,
    compromised: Mapping[PublicKey, datetime],
    evidence: LogEvidence,
) -> LoggedHistory:
    """Check the entries of `history` against the `times` at which they were logged, one for each.

    An entry may be logged long after it was made, as one that is moved from another ledger is. It cannot be
    logged before: more than five minutes ahead of its log, its time is wrong.

    The times do not shrink, as in a verified proof.

    Raises:
        VerificationError: an entry says that it was made after it was logged.
        ValueError: not one time for each version.
    """
    for version, time in zip(history.versions, times, strict=True):
        if version.time > time + CLOCK_TOLERANCE:
            raise VerificationError(Code.DID_TIME_INVALID, "the entry is younger than its place in the log")
    return LoggedHistory(history, tuple(times), compromised, evidence)
