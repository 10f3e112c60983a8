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
class PendingCredential:
    """A credential that is still to come.

    Attributes:
        configuration_id: The issuer's identifier of its kind.
        identifier: The name the access token has for it, if it has one.
        name: What the issuer calls it.
        vct: Its type.
        proof_algorithms: The names of signatures that prove a key to the issuer.
        keys: The keys its copies are to be bound to, used for nothing else.
    """

    configuration_id: str
    identifier: str | None
    name: str
    vct: str
    proof_algorithms: tuple[str, ...]
    keys: tuple[HolderKey, ...]

    @property
    def target(self) -> CredentialTarget:
        """How it has to be asked for."""
        if self.identifier is None:
            return ConfigurationId(self.configuration_id)
        return CredentialIdentifier(self.identifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingIssuance:
    """An offer whose code was redeemed, and what is still to come of it.

    Attributes:
        offer: The digest of the offer, by which it is recognized.
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

    @property
    def issuer_host(self) -> str:
        """The host that a person agreed to."""
        return urlsplit(self.issuer_url).netloc

    def without(self, credential: PendingCredential) -> "PendingIssuance":
        """What is left when this credential has come."""
        left = tuple(each for each in self.credentials if each is not credential)
        return replace(self, credentials=left)
