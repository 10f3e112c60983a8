"""Asking the issuers how the wallet's credentials stand, without telling them which ones it holds."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias, TypeVar

from protocol.errors import TallyError
from protocol.status_list import (
    Status,
    VerifiedStatusList,
    parse_status_list_subject,
    read_status,
    status_at,
    verify_status_list_token,
)
from wallet.content import WalletContent
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.issuer_evidence import MAX_BYTES, IssuerEvidence
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

_Text = TypeVar("_Text", str, bytes)

_ListFinder: TypeAlias = Callable[[str, str], VerifiedStatusList | None]
"""The list of an issuer at an address; None where there is none that can be trusted."""


@dataclass(frozen=True, slots=True)
class AskedStandings:
    """What the issuers said.

    Attributes:
        found: By the id of a credential, how it stands.
        in_vain: The ids of the credentials about which nobody could be asked.
        evidence: What vouches for those issuers about which the ledger could be asked too.
    """

    found: Mapping[str, Standing]
    in_vain: frozenset[str]
    evidence: tuple[IssuerEvidence, ...] = ()


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
    """Ask the issuers' status lists how these credentials stand, and the ledger for what vouches for them.

    Whole lists are fetched, each once, so that nobody learns which credentials are held.
    """
    tokens: dict[str, list[str]] = {}

    @cache  # what cannot be had is not asked for again either: each attempt may take as long as is allowed
    def find_list(issuer: str, uri: str) -> VerifiedStatusList | None:
        try:
            token, status_list = read_status_list(issuer, uri, outside=outside)
        except TallyError:
            return None
        tokens.setdefault(issuer, []).append(token)
        return status_list

    held_now = tuple(credentials)
    words = {held.id: _worst_word(held, find_list) for held in held_now}
    evidence = []
    for issuer in dict.fromkeys(held.issuer for held in held_now):
        with suppress(TallyError):
            evidence.append(gather_evidence(issuer, tokens.get(issuer, ()), outside=outside))
    found = {
        credential_id: Standing(word=word, checked_at=outside.clock())
        for credential_id, word in words.items()
        if word is not None
    }
    return AskedStandings(found, frozenset(words.keys() - found.keys()), tuple(evidence))


def read_status_list(issuer: str, uri: str, *, outside: Outside) -> tuple[str, VerifiedStatusList]:
    """The token of the status list of `issuer` at `uri`, and what it says.

    Raises:
        MalformedError, VerificationError: there is none to believe.
        UnavailableError: somebody cannot be reached.
    """
    token = outside.fetch_status_list(uri)
    status_list = verify_status_list_token(
        token,
        expected_uri=uri,
        issuer=outside.resolve_did(issuer),
        now=outside.clock(),
        clock_skew=CLOCK_SKEW,
    )
    return token, status_list


def gather_evidence(issuer: str, status_lists: Iterable[str], *, outside: Outside) -> IssuerEvidence:
    """What vouches for `issuer` now: what the ledger says, and the `status_lists`, which were verified just
    now. Of both, in this order, whatever there is room for: anybody who may write to the ledger can make the
    list of an institution's accreditations long, and takes its history from nobody by that.

    Raises:
        MalformedError, VerificationError, UnavailableError: the ledger could not be asked or believed.
    """
    proofs, room = _fitting(outside.prove_issuer(issuer), MAX_BYTES)
    lists, _ = _fitting(status_lists, room)
    return IssuerEvidence(issuer=issuer, asked_at=outside.clock(), proofs=proofs, status_lists=lists)


def keep_standings(vault: Vault, asked: AskedStandings) -> None:
    """Keep what the issuers said of credentials that are still held, and what vouches for them. Where nobody
    could be asked, what was known before stays, with the time it was asked.

    Raises:
        RefusedError, UnavailableError: the wallet could not be saved.
    """

    def change(content: WalletContent) -> WalletContent:
        for held in content.credentials:
            if held.id in asked.found:
                content = content.with_standing(held.id, asked.found[held.id])
        return content.with_evidence(_with_lists_of_before(each, content) for each in asked.evidence)

    if asked.found or asked.evidence:
        vault.change(change)


def status_addresses(copies: Iterable[CredentialCopy]) -> frozenset[str]:
    """Where the status lists are in which `copies` have a place."""
    addresses: set[str] = set()
    for copy in copies:
        with suppress(TallyError):
            reference = read_status(signed_payload(copy))
            addresses |= set() if reference is None else {reference.uri}
    return frozenset(addresses)


def _with_lists_of_before(evidence: IssuerEvidence, content: WalletContent) -> IssuerEvidence:
    """`evidence` with what is kept in the place of lists that could not be had now. All of it then counts as
    asked for when those were, so that the wallet asks anew no later than it would have.
    """
    before = content.evidence_about(evidence.issuer)
    if before is None:
        return evidence
    held_now = [held for held in content.credentials if held.issuer == evidence.issuer]
    missing = status_addresses(copy for held in held_now for copy in held.unused_copies or held.copies) - set(
        map(parse_status_list_subject, evidence.status_lists)
    )
    room = MAX_BYTES - sum(map(len, (*evidence.proofs, *evidence.status_lists)))
    lists, _ = _fitting(
        (token for token in before.status_lists if parse_status_list_subject(token) in missing), room
    )
    if not lists:
        return evidence
    return replace(evidence, asked_at=before.asked_at, status_lists=(*evidence.status_lists, *lists))


def _fitting(texts: Iterable[_Text], room: int) -> tuple[tuple[_Text, ...], int]:
    """Those of `texts` that there is room for, and the room that is left."""
    kept: list[_Text] = []
    for text in texts:
        if len(text) <= room:
            room -= len(text)
            kept.append(text)
    return tuple(kept), room


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
