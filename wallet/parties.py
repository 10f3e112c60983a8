"""The parties a wallet knows: what its owner says of them, and what that forbids.

A host stands for one identity. Whoever comes from a known host as somebody else may be the same party with a
new key, or somebody who took its place; only its owner can find out, so everything stops until they did.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.known_party import KnownParty, PartyMark, PartyRole, identity_of
from wallet.vault import Vault

_MAX_SHOWN = 200


class UnwelcomePartyError(RefusedError):
    """The wallet has nothing to do with a party.

    Attributes:
        party: Who came.
        known: Who was blocked (PARTY_BLOCKED), or whose host it is (PARTY_CHANGED): the one to look at, and
            to unmark or forget.
        is_noted: Whether the history says so already.
    """

    def __init__(self, code: Code, detail: str, *, party: str, known: KnownParty) -> None:
        super().__init__(code, detail)
        self.party = party
        self.known = known
        self.is_noted = False


def find_party(content: WalletContent, name: str) -> KnownParty:
    """The one party that is named by its client identifier, its DID or one of its hosts.

    Raises:
        RefusedError: there is none, or there are several.
    """
    exact = [party for party in content.parties if party.client_id == name]
    found = exact or [party for party in content.parties if name in _names(party)]
    if not found:
        raise RefusedError(Code.NOT_FOUND, "no such party")
    if len(found) > 1:
        names = ", ".join(party.client_id for party in found)
        raise RefusedError(Code.USAGE_INVALID, f"several parties are called that: {names}")
    return found[0]


def mark_party(vault: Vault, name: str, mark: PartyMark) -> KnownParty:
    """Mark the party that `find_party` finds under `name`.

    Raises:
        RefusedError: as `find_party`; also to trust a party that signs nothing, because anybody can ask in
            its name; or another process holds the wallet.
    """

    def change(content: WalletContent) -> WalletContent:
        party = find_party(content, name)
        if mark is PartyMark.TRUSTED and not party.is_signed:
            raise RefusedError(Code.REQUEST_CLIENT_UNVERIFIED, "it signs nothing, so it is not recognized")
        return content.with_party_marked(party, mark)

    vault.change(change)
    return find_party(vault.content, name)


def forget_party(vault: Vault, name: str) -> KnownParty:
    """Forget the party that `find_party` finds under `name`, its mark and what it was recognized by.

    The history stays.

    Raises:
        RefusedError: as `find_party`; or another process holds the wallet.
    """
    party = find_party(vault.content, name)
    vault.change(lambda content: content.without_party(find_party(content, name)))
    return party


def blocked_issuers(content: WalletContent) -> frozenset[str]:
    """The DIDs of the issuers that are blocked, whose credentials are to be marked."""
    return frozenset(
        party.client_id
        for party in content.parties
        if party.role is PartyRole.ISSUER and party.mark is PartyMark.BLOCKED
    )


def require_welcome_verifier(content: WalletContent, client_id: str, *, host: str | None) -> None:
    """Check that the owner of the wallet lets `client_id` ask, from or with an answer to `host`.

    `host` is None as long as there is none.

    Raises:
        UnwelcomePartyError: PARTY_BLOCKED, or PARTY_CHANGED for a host that is known as somebody else's.
    """
    known = [
        party
        for party in content.parties
        if party.role is PartyRole.VERIFIER
        and (party.identity == identity_of(client_id) or host in party.hosts)
    ]
    _require_unblocked(known, client_id)
    # Who asked without a signature proved nothing: whoever signs for that host now takes nobody's place.
    _require_unchanged([party for party in known if party.is_signed], client_id, host)


def require_welcome_issuer(content: WalletContent, did: str | None, *, host: str) -> None:
    """Check that the owner of the wallet takes credentials of `did` from `host`.

    `did` is None as long as it is not known, which is until a credential has come.

    Raises:
        UnwelcomePartyError: PARTY_BLOCKED, or PARTY_CHANGED for a host that is known as somebody else's.
    """
    known = [
        party
        for party in content.parties
        if party.role is PartyRole.ISSUER and (party.client_id == did or host in party.hosts)
    ]
    _require_unblocked(known, did)
    if did is not None:
        _require_unchanged(known, did, host)


@contextmanager
def noting_refusals(vault: Vault, *, now: datetime) -> Iterator[None]:
    """Write into the history when the block ends because a party is not welcome."""
    try:
        yield
    except UnwelcomePartyError as error:
        if error.is_noted:
            raise
        error.is_noted = True
        entry = ActivityEntry(time=now, kind=ActivityKind.REFUSED, party=error.party, outcome=error.code)
        # It is refused all the same where that cannot be written.
        with suppress(TallyError):
            vault.change(lambda content: content.with_activity(entry))
        raise


def _require_unblocked(known: Iterable[KnownParty], party: str | None) -> None:
    for other in known:
        if other.mark is PartyMark.BLOCKED:
            code, detail = Code.PARTY_BLOCKED, _shown(other.client_id)
            raise UnwelcomePartyError(code, detail, party=party or other.client_id, known=other)


def _require_unchanged(known: Iterable[KnownParty], party: str, host: str | None) -> None:
    for other in known:
        if other.identity != identity_of(party):
            detail = f"{host} was {_shown(other.client_id)}, and is {_shown(party)} now"
            raise UnwelcomePartyError(Code.PARTY_CHANGED, detail, party=party, known=other)


def _shown(client_id: str) -> str:
    """An identifier in a sentence; of a very long one what tells it from others is as well at its end."""
    if len(client_id) <= _MAX_SHOWN:
        return client_id
    half = _MAX_SHOWN // 2
    return f"{client_id[:half]}…{client_id[-half:]}"


def _names(party: KnownParty) -> set[str]:
    return {party.identity, party.identity.partition(":")[2], *party.hosts}
