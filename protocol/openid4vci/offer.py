"""Credential offers: the link or QR code with which an issuance begins (OpenID4VCI 1.0 §4.1).

    openid-credential-offer://?credential_offer=<JSON>
    openid-credential-offer://?credential_offer_uri=https%3A%2F%2F…

    {"credential_issuer": "https://issuer.example", "credential_configuration_ids": ["degree"],
     "grants": {"urn:ietf:params:oauth:grant-type:pre-authorized_code":
                {"pre-authorized_code": "…", "tx_code": {"length": 6}}}}

An offer is never signed and says nothing that may be believed: the wallet checks the issuer it names as if
its user had typed the address, and nothing happens before the user agrees.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from protocol.codes import Code
from protocol.encoding.form import encode_link, parse_link
from protocol.encoding.members import (
    object_member,
    optional_integer_member,
    optional_object_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import MalformedError
from protocol.openid4vci.metadata import parse_issuer_identifier
from protocol.restate import restate_malformed
from protocol.web_address import parse_web_address

SCHEME = "openid-credential-offer"
PRE_AUTHORIZED_CODE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
AUTHORIZATION_CODE = "authorization_code"

MAX_CONFIGURATIONS = 64
MAX_CODE_LENGTH = 64
_MAX_DESCRIPTION = 300


class InputMode(StrEnum):
    """What a transaction code is made of: digits only, or anything."""

    NUMERIC = "numeric"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class TransactionCode:
    """The holder must enter a code that the issuer sent another way; this says what it looks like."""

    input_mode: InputMode = InputMode.NUMERIC
    length: int | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class PreAuthorizedGrant:
    """Whoever has this code, and the transaction code if there is one, gets the credential."""

    code: str = field(repr=False)
    transaction_code: TransactionCode | None = None
    authorization_server: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationCodeGrant:
    """The holder logs in with the issuer. `issuer_state` is echoed, and may have been injected by anyone."""

    issuer_state: str | None = None
    authorization_server: str | None = None


@dataclass(frozen=True, slots=True)
class CredentialOffer:
    """An offer that could be read; without a grant, the issuer's metadata says what it supports."""

    credential_issuer: str
    configuration_ids: tuple[str, ...]
    pre_authorized: PreAuthorizedGrant | None = None
    authorization_code: AuthorizationCodeGrant | None = None


@dataclass(frozen=True, slots=True)
class OfferReference:
    """The offer is to be fetched from `address` with GET."""

    address: str


def parse_offer_link(link: str, *, development: bool) -> CredentialOffer | OfferReference:
    """Read the link that invokes the wallet with an offer, or with the address of one.

    Raises:
        MalformedError: with the code OFFER_INVALID.
    """
    with restate_malformed(Code.OFFER_INVALID):
        parameters = parse_link(link, scheme=SCHEME)
        match ("credential_offer" in parameters, "credential_offer_uri" in parameters):
            case (True, False):
                return parse_offer(parameters["credential_offer"], development=development)
            case (False, True):
                address = parameters["credential_offer_uri"]
                parse_web_address(address, development=development)
                return OfferReference(address)
            case _:
                raise MalformedError(Code.OFFER_INVALID, "either credential_offer or credential_offer_uri")


def encode_offer_link(offer: CredentialOffer) -> str:
    """The link that carries `offer` itself."""
    return encode_link(SCHEME, {"credential_offer": encode_json(encode_offer(offer)).decode()})


def encode_reference_link(address: str) -> str:
    """The link that carries the address of an offer, short enough for a QR code."""
    return encode_link(SCHEME, {"credential_offer_uri": address})


def parse_offer(text: str | bytes, *, development: bool) -> CredentialOffer:
    """Read the JSON of an offer. Members and grants this reader does not know are ignored.

    Raises:
        MalformedError: with the code OFFER_INVALID.
    """
    with restate_malformed(Code.OFFER_INVALID):
        source = parse_json_object(text)
        issuer = text_member(source, "credential_issuer")
        parse_issuer_identifier(issuer, development=development)
        configuration_ids = texts_member(source, "credential_configuration_ids", minimum=1)
        if len(configuration_ids) > MAX_CONFIGURATIONS or not all(configuration_ids):
            raise MalformedError(Code.MEMBER_INVALID, "credential_configuration_ids")
        if len(set(configuration_ids)) != len(configuration_ids):
            raise MalformedError(Code.MEMBER_INVALID, "credential_configuration_ids")
        grants = optional_object_member(source, "grants") or {}
        pre_authorized = optional_object_member(grants, PRE_AUTHORIZED_CODE)
        authorization = optional_object_member(grants, AUTHORIZATION_CODE)
        return CredentialOffer(
            issuer,
            tuple(configuration_ids),
            None if pre_authorized is None else _parse_pre_authorized(pre_authorized),
            None if authorization is None else _parse_authorization(authorization),
        )


def encode_offer(offer: CredentialOffer) -> JsonObject:
    """The JSON object of `offer`."""
    grants: JsonObject = {}
    if offer.authorization_code is not None:
        grants[AUTHORIZATION_CODE] = _present(
            issuer_state=offer.authorization_code.issuer_state,
            authorization_server=offer.authorization_code.authorization_server,
        )
    if offer.pre_authorized is not None:
        grant = _present(authorization_server=offer.pre_authorized.authorization_server)
        grant["pre-authorized_code"] = offer.pre_authorized.code
        code = offer.pre_authorized.transaction_code
        if code is not None:
            grant["tx_code"] = _present(
                input_mode=code.input_mode.value, length=code.length, description=code.description
            )
        grants[PRE_AUTHORIZED_CODE] = grant
    return {
        "credential_issuer": offer.credential_issuer,
        "credential_configuration_ids": list(offer.configuration_ids),
        **({"grants": grants} if grants else {}),
    }


def _parse_pre_authorized(source: JsonObject) -> PreAuthorizedGrant:
    return PreAuthorizedGrant(
        text_member(source, "pre-authorized_code"),
        # Present but empty still means: a code is needed.
        _parse_transaction_code(object_member(source, "tx_code")) if "tx_code" in source else None,
        optional_text_member(source, "authorization_server"),
    )


def _parse_transaction_code(source: JsonObject) -> TransactionCode:
    input_mode = optional_text_member(source, "input_mode") or InputMode.NUMERIC
    length = optional_integer_member(source, "length", minimum=1)
    if input_mode not in set(InputMode) or (length is not None and length > MAX_CODE_LENGTH):
        raise MalformedError(Code.MEMBER_INVALID, "tx_code")
    description = optional_text_member(source, "description", max_characters=_MAX_DESCRIPTION)
    return TransactionCode(InputMode(input_mode), length, description)


def _parse_authorization(source: JsonObject) -> AuthorizationCodeGrant:
    return AuthorizationCodeGrant(
        optional_text_member(source, "issuer_state"), optional_text_member(source, "authorization_server")
    )


def _present(**members: str | int | None) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
