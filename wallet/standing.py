"""How the wallet's credentials stand, as far as it knows without asking anybody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import from_seconds
from protocol.errors import MalformedError
from protocol.sdjwt.parse import parse_unverified_payload
from wallet.held import CredentialCopy, HeldCredential, StandingWord

# The wallet's clock and the issuer's may differ by so much without anybody lying.
CLOCK_SKEW = timedelta(seconds=60)
# What an issuer said longer ago than this says nothing about today.
MAX_AGE = timedelta(days=7)


class PresentWord(StrEnum):
    """How a credential stands now, for a person and for `--json`."""

    VALID = "valid"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PresentStanding:
    """How a credential stands now, as far as the wallet knows without asking anybody.

    Attributes:
        word: The worst that is known.
        expires_at: When it ends, if it says so.
        checked_at: When its issuer was last asked about its status.
        has_status: Whether it can be revoked at all, so that there is something to ask.
    """

    word: PresentWord
    expires_at: datetime | None
    checked_at: datetime | None
    has_status: bool


def standing_of(held: HeldCredential, *, now: datetime) -> PresentStanding:
    """How `held` stands at `now`: by the times of its next copy, and by the last word on its status.

    Bad news keeps. Good news is forgotten after `MAX_AGE`.
    """
    payload = signed_payload(held.next_copy)
    expires_at, has_status, checked = _moment(payload, "exp"), "status" in payload, held.standing
    begins_at = max(filter(None, (_moment(payload, "nbf"), _moment(payload, "iat"))), default=now)
    if checked is not None and checked.word in (StandingWord.REVOKED, StandingWord.SUSPENDED):
        word = PresentWord(checked.word.value)
    elif expires_at is not None and expires_at <= now:
        word = PresentWord.EXPIRED
    elif begins_at > now + CLOCK_SKEW:
        word = PresentWord.NOT_YET_VALID
    elif not has_status:
        word = PresentWord.VALID
    elif checked is None or now - checked.checked_at > MAX_AGE:
        word = PresentWord.UNKNOWN
    else:
        word = PresentWord(checked.word.value)
    return PresentStanding(word, expires_at, None if checked is None else checked.checked_at, has_status)


def signed_payload(copy: CredentialCopy) -> JsonObject:
    """What the issuer signed of `copy`: digests, times, and where its status is."""
    return parse_unverified_payload(copy.credential)


def _moment(payload: JsonObject, name: str) -> datetime | None:
    # The claims were verified when the credential was received: the time is a whole number, if it is there.
    seconds = payload.get(name)
    if not isinstance(seconds, int):
        return None
    try:
        return from_seconds(seconds)
    except MalformedError:
        return None  # after the year 9999: as good as never
