"""How the wallet's credentials stand: within their time by the clock, not revoked by their issuer's lists."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import from_seconds
from protocol.errors import TallyError
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.status_list import Status, read_status, status_at, verify_status_list_token
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
    """How `held` stands at `now`: by its own times, and by the last word on its status."""
    payload = _payload(held.copies[0])
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
    lists: dict[str, str] = {}
    standings = {held.id: _ask(held, lists, outside) for held in vault.content.credentials}

    def change(content: WalletContent) -> WalletContent:
        known = {held.id for held in content.credentials}
        for credential_id, standing in standings.items():
            if credential_id in known:
                content = content.with_standing(credential_id, standing)
        return content

    if standings:
        vault.change(change)


def _ask(held: HeldCredential, lists: dict[str, str], outside: Outside) -> Standing:
    # The copies of a credential have a status index each; the worst one counts.
    words = [_word(held, copy, lists, outside) for copy in held.unused_copies or held.copies]
    order = [StandingWord.REVOKED, StandingWord.SUSPENDED, StandingWord.UNKNOWN, StandingWord.VALID]
    return Standing(word=min(words, key=order.index), checked_at=outside.clock())


def _word(
    held: HeldCredential, copy: CredentialCopy, lists: dict[str, str], outside: Outside
) -> StandingWord:
    try:
        reference = read_status(_payload(copy))
        if reference is None:
            return StandingWord.VALID
        if reference.uri not in lists:
            lists[reference.uri] = outside.fetch_status_list(reference.uri)
        status_list = verify_status_list_token(
            lists[reference.uri],
            expected_uri=reference.uri,
            issuer=outside.resolve_did(held.issuer),
            now=outside.clock(),
            clock_skew=_CLOCK_SKEW,
        )
        return _WORDS.get(status_at(status_list, reference.index), StandingWord.UNKNOWN)
    except TallyError:
        return StandingWord.UNKNOWN


def _payload(copy: CredentialCopy) -> JsonObject:
    return parse_sd_jwt(copy.credential).unverified_payload()


def _moment(payload: JsonObject, name: str) -> datetime | None:
    # The claims were verified when the credential was received.
    seconds = payload.get(name)
    return from_seconds(seconds) if isinstance(seconds, int) else None
