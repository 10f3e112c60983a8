"""What the management API says: the requests of the institution's own programs, and the answers, as JSON."""

from dataclasses import dataclass
from datetime import timedelta

from issuer.credential_type import IssuedType
from issuer.offer import CreatedOffer, OfferRecord, credential_offer, offer_address
from issuer.register import CredentialRecord
from issuer.settings import IssuerSettings
from protocol.codes import Code
from protocol.encoding.members import (
    boolean_member,
    object_member,
    optional_integer_member,
    text_member,
)
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError
from protocol.openid4vci.offer import encode_offer_link, encode_reference_link
from protocol.status_list import Status

MAX_EXPIRES_IN = timedelta(days=30)
OFFER_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["type", "claims"],
    "properties": {
        "type": {"type": "string", "description": "The name of the type, as /manage/types lists it."},
        "claims": {"type": "object", "description": "The claims, as the schema of the type says."},
        "tx_code": {
            "type": "boolean",
            "default": False,
            "description": "Whether the holder has to enter a code that you send another way.",
        },
        "copies": {"type": "integer", "minimum": 1, "description": "How many copies the wallet may have."},
        "expires_in": {
            "type": "integer",
            "minimum": 1,
            "maximum": int(MAX_EXPIRES_IN.total_seconds()),
            "description": "For how many seconds the offer stands.",
        },
    },
}
_STATUS_WORDS = {Status.VALID: "valid", Status.INVALID: "revoked", Status.SUSPENDED: "suspended"}


@dataclass(frozen=True, slots=True)
class OfferRequest:
    """An offer to be made; what is None follows from the settings."""

    type: str
    claims: JsonObject
    with_tx_code: bool
    copies: int | None
    lifetime: timedelta | None


def parse_offer_request(source: JsonObject) -> OfferRequest:
    """Read the body of a request for an offer. Not checked: the type and the claims.

    Raises:
        MalformedError: a member is missing, unknown, of another type or out of range.
    """
    properties = OFFER_SCHEMA["properties"]
    assert isinstance(properties, dict)
    # A misspelt `tx_code` must not make an offer without one.
    if not source.keys() <= properties.keys():
        raise MalformedError(Code.MEMBER_INVALID, "a member that no offer has")
    expires_in = optional_integer_member(source, "expires_in", minimum=1)
    if expires_in is not None and expires_in > MAX_EXPIRES_IN.total_seconds():
        raise MalformedError(Code.MEMBER_INVALID, "expires_in")
    return OfferRequest(
        type=text_member(source, "type", max_characters=64),
        claims=object_member(source, "claims"),
        with_tx_code=boolean_member(source, "tx_code", default=False),
        copies=optional_integer_member(source, "copies", minimum=1),
        lifetime=None if expires_in is None else timedelta(seconds=expires_in),
    )


def encode_offer_request(request: OfferRequest) -> JsonObject:
    """The body of a request for an offer."""
    source: JsonObject = {"type": request.type, "claims": request.claims, "tx_code": request.with_tx_code}
    if request.copies is not None:
        source["copies"] = request.copies
    if request.lifetime is not None:
        source["expires_in"] = int(request.lifetime.total_seconds())
    return source


def created_offer_document(settings: IssuerSettings, created: CreatedOffer) -> JsonObject:
    """A new offer, with the links and the code that are shown this once."""
    by_value = credential_offer(
        settings.url, created.type, created.reference, tx_code_required=created.tx_code is not None
    )
    return {
        "id": created.id,
        "offer": encode_reference_link(offer_address(settings.url, created.reference)),
        "offer_by_value": encode_offer_link(by_value),
        "tx_code": created.tx_code,
        "expires_at": encode_utc(created.expires_at),
    }


def offer_document(offer: OfferRecord) -> JsonObject:
    """What may be shown of an offer at any time."""
    return {
        "id": offer.id,
        "type": offer.type,
        "state": offer.state.value,
        "tx_code": offer.tx_code_required,
        "created_at": encode_utc(offer.created_at),
        "expires_at": encode_utc(offer.expires_at),
        "credential": offer.credential,
    }


def credential_document(credential: CredentialRecord) -> JsonObject:
    """What the register says of an issued credential."""
    return {
        "id": credential.id,
        "type": credential.type,
        "offer": credential.offer,
        "status": _STATUS_WORDS[credential.status],
        "status_changed_at": encode_utc(credential.status_changed_at),
        "issued_at": encode_utc(credential.issued_at),
        "expires_at": None if credential.expires_at is None else encode_utc(credential.expires_at),
        "copies": credential.copies,
        "refill_until": None if credential.refill_until is None else encode_utc(credential.refill_until),
        "notified": credential.notified,
    }


def type_document(issued: IssuedType) -> JsonObject:
    """What the institution issues under one name."""
    return {
        "name": issued.name,
        "vct": issued.definition.vct,
        "valid_days": issued.validity.days,
        "refill_days": issued.refill.days,
    }
