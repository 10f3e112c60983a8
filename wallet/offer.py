"""Opening an offer: what it would lead to, read and fetched without giving anything away (OpenID4VCI 1.0 §4).

An offer may come from anyone, and says what it likes. A person decides by the host of the issuer.
"""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.jws import Algorithm
from protocol.openid4vci.configuration import CredentialConfiguration
from protocol.openid4vci.metadata import (
    ISSUER_WELL_KNOWN,
    IssuerMetadata,
    parse_issuer_metadata,
    select_configuration,
    well_known_address,
)
from protocol.openid4vci.offer import (
    CredentialOffer,
    OfferReference,
    PreAuthorizedGrant,
    TransactionCode,
    parse_offer,
    parse_offer_link,
)
from wallet.outside import JSON, Outside, status_error
from wallet.recovery_phrase import HolderKeyType

_GONE = (404, 410)
_BINDING_METHOD = "jwk"


@dataclass(frozen=True, slots=True)
class OfferedCredential:
    """A credential on offer.

    Attributes:
        configuration_id: The issuer's identifier of it.
        name: What the issuer calls it.
        vct: Its type.
        key_type: The kind of key it can be bound to.
        proof_algorithms: The names of signatures that prove such a key to the issuer.
    """

    configuration_id: str
    name: str
    vct: str
    key_type: HolderKeyType
    proof_algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenedOffer:
    """An offer with the issuer's metadata, ready to be shown. Names are the issuer's own words.

    Attributes:
        digest: What the link is recognized by when it is given again.
        issuer_url: The Credential Issuer Identifier.
        issuer_name: What the issuer calls itself.
        credentials: What is offered.
        transaction_code: What the code looks like that the issuer sent another way, None if there is none.
        batch_size: How many copies of a credential the issuer gives at most.
    """

    digest: str
    issuer_url: str
    issuer_name: str | None
    credentials: tuple[OfferedCredential, ...]
    transaction_code: TransactionCode | None
    batch_size: int
    grant: PreAuthorizedGrant
    metadata: IssuerMetadata

    @property
    def issuer_host(self) -> str:
        """The host a person should recognize before going on."""
        return urlsplit(self.issuer_url).netloc


def offer_digest(source: str) -> str:
    """What an offer (a link, or its JSON) is recognized by, without being kept: its SHA-256."""
    return hashlib.sha256(source.strip().encode("utf-8", "backslashreplace")).hexdigest()


def open_offer(source: str, *, outside: Outside) -> OpenedOffer:
    """Read an offer (a link, or its JSON) and the metadata of its issuer. Nothing of it is redeemed.

    Raises:
        MalformedError: not an offer, or metadata that cannot be read.
        VerificationError: the metadata belongs to another issuer.
        RefusedError: an offer this wallet cannot redeem, or there is none any more.
        UnavailableError: the issuer cannot be reached.
    """
    offer = _read_offer(source, outside)
    if offer.pre_authorized is None:
        raise RefusedError(Code.OFFER_INVALID, "it asks to log in with the issuer, which this wallet cannot")
    metadata = fetch_issuer_metadata(offer.credential_issuer, outside=outside)
    return OpenedOffer(
        digest=offer_digest(source),
        issuer_url=metadata.credential_issuer,
        issuer_name=next((display.name for display in metadata.display if display.name), None),
        # What would not work is found out here, before the code of the offer is used up.
        credentials=tuple(read_offered(metadata, identifier) for identifier in offer.configuration_ids),
        transaction_code=offer.pre_authorized.transaction_code,
        batch_size=metadata.batch_size,
        grant=offer.pre_authorized,
        metadata=metadata,
    )


def _read_offer(source: str, outside: Outside) -> CredentialOffer:
    text = source.strip()
    if text.startswith("{"):
        return parse_offer(text, development=outside.development)
    offer = parse_offer_link(text, development=outside.development)
    if isinstance(offer, OfferReference):
        fetched = outside.fetcher.fetch(offer.address, accept=JSON)
        if fetched.status in _GONE:
            raise RefusedError(Code.OFFER_NOT_FOUND)
        if fetched.status != 200:
            raise status_error(fetched)
        return parse_offer(fetched.body, development=outside.development)
    return offer


def fetch_issuer_metadata(issuer: str, *, outside: Outside) -> IssuerMetadata:
    """What `issuer` says about itself, at its own address.

    Raises:
        MalformedError: it cannot be read.
        VerificationError: it belongs to another issuer.
        UnavailableError: the issuer cannot be reached.
    """
    address = well_known_address(issuer, ISSUER_WELL_KNOWN, development=outside.development)
    fetched = outside.fetcher.fetch_ok(address, accept=JSON)
    return parse_issuer_metadata(fetched.body, expected_issuer=issuer, development=outside.development)


def read_offered(metadata: IssuerMetadata, identifier: str) -> OfferedCredential:
    """The credential that the issuer gives under `identifier`, if this wallet can hold it.

    Raises:
        RefusedError: the issuer gives none, or none that could be held here.
    """
    configuration = select_configuration(metadata, identifier)
    assert configuration.vct is not None, "select_configuration gives none without a type"
    return OfferedCredential(
        configuration_id=identifier,
        name=next((display.name for display in configuration.display if display.name), identifier),
        vct=configuration.vct,
        key_type=_key_type(configuration),
        proof_algorithms=configuration.proof_algorithms,
    )


def _key_type(configuration: CredentialConfiguration) -> HolderKeyType:
    algorithms, methods = configuration.proof_algorithms, configuration.binding_methods
    if not algorithms:
        raise RefusedError(Code.OFFER_INVALID, "the credential would be bound to nobody's key")
    if methods and _BINDING_METHOD not in methods:
        raise RefusedError(Code.OFFER_INVALID, f"the issuer binds to {', '.join(methods)}, not to a bare key")
    if Algorithm.EDDSA in algorithms or Algorithm.ED25519 in algorithms:
        return HolderKeyType.ED25519
    if Algorithm.ES256 in algorithms:
        return HolderKeyType.P256
    raise RefusedError(Code.OFFER_INVALID, "the issuer takes no proof by a key of ours")
