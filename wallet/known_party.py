"""The parties a wallet had to do with, as values: verifiers it answered, issuers it has credentials from."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from protocol.openid4vp.client_id import ClientIdPrefix

_UNSIGNED = f"{ClientIdPrefix.REDIRECT_URI}:"


class PartyRole(StrEnum):
    """What a party is to the wallet. Whoever is both is two parties, each with a mark of its own."""

    ISSUER = "issuer"
    VERIFIER = "verifier"


class PartyMark(StrEnum):
    """What the owner of the wallet said of a party. SEEN: nothing yet."""

    SEEN = "seen"
    TRUSTED = "trusted"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownParty:
    """A party this wallet had to do with.

    Attributes:
        client_id: The full client identifier of a verifier, the DID of an issuer.
        name: What it called itself last, which nobody verified.
        first_seen: When it was met first.
        last_seen: When it was met last.
        presentations: How often it was answered.
        role: What it is to the wallet.
        mark: What the owner said of it.
        hosts: Where answers to it went, or where its credentials were fetched from.
        credentials: How many credentials were received from it.
    """

    client_id: str
    name: str | None
    first_seen: datetime
    last_seen: datetime
    presentations: int = 0
    role: PartyRole = PartyRole.VERIFIER
    mark: PartyMark = PartyMark.SEEN
    hosts: tuple[str, ...] = ()
    credentials: int = 0

    @property
    def identity(self) -> str:
        """What the party is recognized by."""
        return identity_of(self.client_id)

    @property
    def is_signed(self) -> bool:
        """Whether it has an identifier that it signs for: nobody is behind a bare address for sure."""
        return not self.client_id.startswith(_UNSIGNED)

    def met_again(self, client_id: str, *, name: str | None, host: str | None, now: datetime) -> "KnownParty":
        """The same, met `now` under this identifier and name; None for a host that it has nothing of."""
        hosts = self.hosts if host is None or host in self.hosts else (*self.hosts, host)
        return replace(self, client_id=client_id, name=name, last_seen=now, hosts=hosts)


def met(client_id: str, role: PartyRole, *, now: datetime) -> KnownParty:
    """A party that is met for the first time. Of one that signs nothing, its host is all there is."""
    hosts = (host_of(client_id.removeprefix(_UNSIGNED)),) if client_id.startswith(_UNSIGNED) else ()
    return KnownParty(client_id=client_id, name=None, first_seen=now, last_seen=now, role=role, hosts=hosts)


def identity_of(client_id: str) -> str:
    """What a party with this identifier is recognized by: the identifier.

    Of an unsigned request it is the host alone, because the rest of the address is often another one for
    every request.
    """
    if client_id.startswith(_UNSIGNED):
        return _UNSIGNED + host_of(client_id.removeprefix(_UNSIGNED))
    return client_id


def host_of(address: str) -> str:
    """The host of a web address that was read before, in its one spelling; with the port if it is another one
    than that of https.
    """
    return urlsplit(address).netloc.lower().removesuffix(":443")
