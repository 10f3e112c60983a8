"""What an issuer was asked for and that is not in the wallet yet, sealed with it so that nothing gets lost.

Between the access token and the kept credential the network, a ledger or the disk may fail, the clock be
wrong, or the process die. What is here is enough to go on: the issuer gives the same credential for the same
token and the same keys, until it hears that it was kept. No claims are among it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from protocol.openid4vci.credential import ConfigurationId, CredentialIdentifier, CredentialTarget
from wallet.recovery_phrase import HolderKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """How further copies of a credential are had, as long as its issuer allows it.

    It goes into a backup with its credential: whoever opens one has the keys anyway, and a restored wallet
    can fetch copies that nobody has seen. If it was used since the backup, the issuer refuses it then and
    ends the refill, and the wallet forgets it.

    Attributes:
        authorization_server: Who gave the refresh token, and nobody else is given it.
        configuration_id: The issuer's identifier of the kind of credential.
        identifier: The name the access token had for it, if it had one.
        refresh_token: What is exchanged for the next access token, and for another refresh token. Credentials
            that came together share it.
    """

    authorization_server: str
    configuration_id: str
    identifier: str | None
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCredential:
    """A credential that is still to come.

    Attributes:
        configuration_id: The issuer's identifier of its kind.
        identifier: The name the access token has for it, if it has one.
        name: What the issuer calls it.
        vct: Its type.
        proof_algorithms: The names of signatures that prove a key to the issuer.
        keys: The keys its copies are to be bound to, used for nothing else.
        refill: How further copies are had once it is here.
    """

    configuration_id: str
    identifier: str | None
    name: str
    vct: str
    proof_algorithms: tuple[str, ...]
    keys: tuple[HolderKey, ...]
    refill: Refill | None = None

    @property
    def target(self) -> CredentialTarget:
        """How it has to be asked for."""
        if self.identifier is None:
            return ConfigurationId(self.configuration_id)
        return CredentialIdentifier(self.identifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingIssuance:
    """An offer whose code was redeemed, or a refill that was begun, and what is still to come of it.

    Attributes:
        offer: The digest of the offer, by which it is recognized.
        refill_of: The id of the credential that gets further copies; None for what the offer itself brings.
        issuer_url: The Credential Issuer Identifier.
        access_token: What the code was exchanged for.
        begun_at: When that was.
        credentials: What did not come yet.
    """

    offer: str
    issuer_url: str
    credential_endpoint: str
    nonce_endpoint: str | None
    notification_endpoint: str | None
    access_token: str = field(repr=False)
    begun_at: datetime
    credentials: tuple[PendingCredential, ...]
    refill_of: str | None = None

    @property
    def issuer_host(self) -> str:
        """The host that a person agreed to."""
        return urlsplit(self.issuer_url).netloc

    def without(self, credential: PendingCredential) -> "PendingIssuance":
        """What is left when this credential has come."""
        left = tuple(each for each in self.credentials if each is not credential)
        return replace(self, credentials=left)
