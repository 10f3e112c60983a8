"""Asking the issuers how the wallet's credentials stand, without telling them which ones it holds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from protocol.errors import TallyError
from protocol.status_list import (
    Status,
    VerifiedStatusList,
    read_status,
    status_at,
    verify_status_list_token,
)
from wallet.content import WalletContent
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.outside import Outside
from wallet.standing import CLOCK_SKEW, signed_payload
from wallet.vault import Vault

_WORDS = {
    Status.VALID: StandingWord.VALID,
    Status.INVALID: StandingWord.REVOKED,
    Status.SUSPENDED: StandingWord.SUSPENDED,
}
# None: nobody could be asked.
_WORST_FIRST = (StandingWord.REVOKED, StandingWord.SUSPENDED, StandingWord.UNKNOWN, None, StandingWord.VALID)

_ListFinder: TypeAlias = Callable[[str, str], VerifiedStatusList | None]
"""The list of an issuer at an address; None where there is none that can be trusted."""


@dataclass(frozen=True, slots=True)
class AskedStandings:
    """What the issuers said.

    Attributes:
        found: By the id of a credential, how it stands.
        in_vain: The ids of the credentials about which nobody could be asked.
    """

    found: Mapping[str, Standing]
    in_vain: frozenset[str]


def refresh_standings(vault: Vault, *, outside: Outside) -> frozenset[str]:
    """Ask the issuers' status lists about every credential, and keep what they say.

    Returns:
        The ids of the credentials about which nobody could be asked.

    Raises:
        RefusedError, UnavailableError: the wallet could not be saved.
    """
    asked = ask_standings(vault.content.credentials, outside=outside)
    keep_standings(vault, asked)
    return asked.in_vain


def ask_standings(credentials: Iterable[HeldCredential], *, outside: Outside) -> AskedStandings:
    """Ask the issuers' status lists how these credentials stand.

    Whole lists are fetched, each once, so that nobody learns which credentials are held.
    """

    @cache  # what cannot be had is not asked for again either: each attempt may take as long as is allowed
    def find_list(issuer: str, uri: str) -> VerifiedStatusList | None:
        try:
            return verify_status_list_token(
                outside.fetch_status_list(uri),
                expected_uri=uri,
                issuer=outside.resolve_did(issuer),
                now=outside.clock(),
                clock_skew=CLOCK_SKEW,
            )
        except TallyError:
            return None

    words = {held.id: _worst_word(held, find_list) for held in credentials}
    found = {
        credential_id: Standing(word=word, checked_at=outside.clock())
        for credential_id, word in words.items()
        if word is not None
    }
    return AskedStandings(found, frozenset(words.keys() - found.keys()))


def keep_standings(vault: Vault, asked: AskedStandings) -> None:
    """Keep what the issuers said of credentials that are still held. Of those about which nobody could be
    asked, what was known before stays, with the time it was asked.

    Raises:
        RefusedError, UnavailableError: the wallet could not be saved.
    """

    def change(content: WalletContent) -> WalletContent:
        for held in content.credentials:
            if held.id in asked.found:
                content = content.with_standing(held.id, asked.found[held.id])
        return content

    if asked.found:
        vault.change(change)


def _worst_word(held: HeldCredential, find_list: _ListFinder) -> StandingWord | None:
    # Each copy has a status index of its own. Those that were shown do not matter while others are left.
    words = [_word(held.issuer, copy, find_list) for copy in held.unused_copies or held.copies]
    return min(words, key=_WORST_FIRST.index)


def _word(issuer: str, copy: CredentialCopy, find_list: _ListFinder) -> StandingWord | None:
    try:
        reference = read_status(signed_payload(copy))
        if reference is None:
            return StandingWord.VALID
        status_list = find_list(issuer, reference.uri)
        if status_list is None:
            return None
        return _WORDS[status_at(status_list, reference.index)]
    except TallyError:
        return StandingWord.UNKNOWN
