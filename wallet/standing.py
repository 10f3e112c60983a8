"""How the wallet's credentials stand: within their time by the clock, not revoked by their issuer's lists."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import TypeAlias

from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import from_seconds
from protocol.errors import MalformedError, TallyError
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.status_list import (
    Status,
    VerifiedStatusList,
    read_status,
    status_at,
    verify_status_list_token,
)
from wallet.content import CredentialCopy, HeldCredential, Standing, StandingWord, WalletContent
from wallet.outside import Outside
from wallet.vault import Vault

# The wallet's clock and the issuer's may differ by so much without anybody lying.
_CLOCK_SKEW = timedelta(seconds=60)
_WORDS = {
    Status.VALID: StandingWord.VALID,
    Status.INVALID: StandingWord.REVOKED,
    Status.SUSPENDED: StandingWord.SUSPENDED,
}
_WORST_FIRST = (StandingWord.REVOKED, StandingWord.SUSPENDED, StandingWord.UNKNOWN, StandingWord.VALID)

_ListFinder: TypeAlias = Callable[[str, str], VerifiedStatusList | None]
"""The list of an issuer at an address; None where there is none that can be trusted."""


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
    """

    word: PresentWord
    expires_at: datetime | None
    checked_at: datetime | None


def standing_of(held: HeldCredential, *, now: datetime) -> PresentStanding:
    """How `held` stands at `now`: by the times of its next copy, and by the last word on its status."""
    payload = _payload(held.next_copy)
    expires_at, begins_at = _moment(payload, "exp"), _moment(payload, "nbf")
    checked = held.standing
    if checked is not None and checked.word in (StandingWord.REVOKED, StandingWord.SUSPENDED):
        word = PresentWord(checked.word.value)
    elif expires_at is not None and expires_at <= now:
        word = PresentWord.EXPIRED
    elif begins_at is not None and begins_at > now:
        word = PresentWord.NOT_YET_VALID
    elif checked is None:
        word = PresentWord.UNKNOWN
    else:
        word = PresentWord(checked.word.value)
    return PresentStanding(word, expires_at, None if checked is None else checked.checked_at)


def refresh_standings(vault: Vault, *, outside: Outside) -> None:
    """Ask the issuers' status lists about every credential, and keep what they say.

    Whole lists are fetched, each once, so that nobody learns which credentials are held. What cannot be
    found out is kept as unknown.

    Raises:
        RefusedError, UnavailableError: the wallet could not be saved.
    """

    @cache  # what cannot be had is not asked for again either: each attempt may take as long as is allowed
    def find_list(issuer: str, uri: str) -> VerifiedStatusList | None:
        try:
            return verify_status_list_token(
                outside.fetch_status_list(uri),
                expected_uri=uri,
                issuer=outside.resolve_did(issuer),
                now=outside.clock(),
                clock_skew=_CLOCK_SKEW,
            )
        except TallyError:
            return None

    standings = {
        held.id: Standing(word=_worst_word(held, find_list), checked_at=outside.clock())
        for held in vault.content.credentials
    }

    def change(content: WalletContent) -> WalletContent:
        for held in content.credentials:
            if held.id in standings:
                content = content.with_standing(held.id, standings[held.id])
        return content

    if standings:
        vault.change(change)


def _worst_word(held: HeldCredential, find_list: _ListFinder) -> StandingWord:
    # Each copy has a status index of its own. Those that were shown do not matter while others are left.
    words = [_word(held.issuer, copy, find_list) for copy in held.unused_copies or held.copies]
    return min(words, key=_WORST_FIRST.index)


def _word(issuer: str, copy: CredentialCopy, find_list: _ListFinder) -> StandingWord:
    try:
        reference = read_status(_payload(copy))
        if reference is None:
            return StandingWord.VALID
        status_list = find_list(issuer, reference.uri)
        if status_list is None:
            return StandingWord.UNKNOWN
        return _WORDS[status_at(status_list, reference.index)]
    except TallyError:
        return StandingWord.UNKNOWN


def _payload(copy: CredentialCopy) -> JsonObject:
    return parse_sd_jwt(copy.credential).unverified_payload()


def _moment(payload: JsonObject, name: str) -> datetime | None:
    # The claims were verified when the credential was received: the time is a whole number, if it is there.
    seconds = payload.get(name)
    if not isinstance(seconds, int):
        return None
    try:
        return from_seconds(seconds)
    except MalformedError:
        return None  # after the year 9999: as good as never
