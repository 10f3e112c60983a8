"""Asking for credentials and getting them: the nonce, credential, deferred and notification endpoints
(OpenID4VCI 1.0 §7 to §9, §11).

    {"c_nonce": "…"}
    {"credential_configuration_id": "degree", "proofs": {"jwt": ["eyJ…", "eyJ…"]}}
    {"credentials": [{"credential": "eyJ…~…~"}, {"credential": "eyJ…~…~"}], "notification_id": "…"}
    {"transaction_id": "…", "interval": 3600}
    {"notification_id": "…", "event": "credential_accepted"}
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

from protocol.codes import Code
from protocol.encoding.members import (
    integer_member,
    object_member,
    objects_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.errors import MalformedError, RefusedError, TallyError, VerificationError
from protocol.oauth_error import OAuthError, encode_description, express_error, refusal
from protocol.restate import restate_malformed

MAX_REQUEST_BYTES = 512 * 1024
MAX_PROOF_CHARACTERS = 8 * 1024
MAX_CREDENTIAL_CHARACTERS = 256 * 1024
MAX_RESPONSE_BYTES = 8 << 20
_MAX_INTERVAL_SECONDS = 366 * 86_400
_JWT = "jwt"

_CREDENTIAL_WORDS = {
    Code.CREDENTIAL_REQUEST_INVALID: "invalid_credential_request",
    Code.CREDENTIAL_CONFIGURATION_UNKNOWN: "unknown_credential_configuration",
    Code.CREDENTIAL_IDENTIFIER_UNKNOWN: "unknown_credential_identifier",
    Code.PROOF_INVALID: "invalid_proof",
    Code.PROOF_NONCE_INVALID: "invalid_nonce",
    Code.ENCRYPTION_UNSUPPORTED: "invalid_encryption_parameters",
    Code.ISSUANCE_REFUSED: "credential_request_denied",
}
_NOTIFICATION_WORDS = {Code.NOTIFICATION_INVALID: "invalid_notification_id"}


@dataclass(frozen=True, slots=True)
class ConfigurationId:
    """Any credential of this configuration."""

    value: str


@dataclass(frozen=True, slots=True)
class CredentialIdentifier:
    """The credential that the answer of the token endpoint named so."""

    value: str


CredentialTarget: TypeAlias = ConfigurationId | CredentialIdentifier


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """What is asked for, and a `jwt` proof for every key that is to get a copy of it."""

    target: CredentialTarget
    proofs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """Credentials as received, unverified, at most one for every proof."""

    credentials: tuple[str, ...]
    notification_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeferredIssuance:
    """The issuer needs time: ask again with `transaction_id` after `interval`."""

    transaction_id: str
    interval: timedelta


class NotificationEvent(StrEnum):
    """What became of the credentials of one response."""

    ACCEPTED = "credential_accepted"
    FAILURE = "credential_failure"
    DELETED = "credential_deleted"


@dataclass(frozen=True, slots=True)
class Notification:
    """The wallet tells the issuer what became of the credentials it named `notification_id`."""

    notification_id: str
    event: NotificationEvent
    description: str | None = None


def encode_nonce_response(nonce: str) -> JsonObject:
    """The JSON object that brings `nonce` for proofs; it must not be cached."""
    return {"c_nonce": nonce}


def parse_nonce_response(body: str | bytes) -> str:
    """Read the nonce for proofs.

    Raises:
        MalformedError: it cannot be read.
    """
    return text_member(parse_json_object(body), "c_nonce")


def encode_credential_request(request: CredentialRequest) -> JsonObject:
    """The JSON object of `request`."""
    by_configuration = isinstance(request.target, ConfigurationId)
    name = "credential_configuration_id" if by_configuration else "credential_identifier"
    source: JsonObject = {name: request.target.value}
    if request.proofs:
        source["proofs"] = {_JWT: list(request.proofs)}
    return source


def parse_credential_request(body: str | bytes, *, max_proofs: int) -> CredentialRequest:
    """Read a credential request with at most `max_proofs` proofs. Members this reader does not know are
    ignored, the `proof` of drafts before 1.0 among them.

    Raises:
        MalformedError: with the code CREDENTIAL_REQUEST_INVALID.
        VerificationError: proofs of another type than `jwt`.
        RefusedError: an encrypted answer is asked for.
    """
    with restate_malformed(Code.CREDENTIAL_REQUEST_INVALID):
        source = parse_json_object(body, max_bytes=MAX_REQUEST_BYTES)
        if "credential_response_encryption" in source:
            raise RefusedError(Code.ENCRYPTION_UNSUPPORTED)
        match ("credential_configuration_id" in source, "credential_identifier" in source):
            case (True, False):
                target: CredentialTarget = ConfigurationId(text_member(source, "credential_configuration_id"))
            case (False, True):
                target = CredentialIdentifier(text_member(source, "credential_identifier"))
            case _:
                raise MalformedError(
                    Code.CREDENTIAL_REQUEST_INVALID, "credential_configuration_id or credential_identifier"
                )
        if "proofs" not in source:
            return CredentialRequest(target, ())
        proofs = object_member(source, "proofs")
        if len(proofs) != 1:
            raise MalformedError(Code.MEMBER_INVALID, "proofs")
        if _JWT not in proofs:
            raise VerificationError(Code.PROOF_INVALID, "only jwt proofs are taken")
        tokens = texts_member(proofs, _JWT, minimum=1)
        if len(tokens) > max_proofs or any(len(token) > MAX_PROOF_CHARACTERS for token in tokens):
            raise MalformedError(Code.SIZE_EXCEEDED, "proofs")
        return CredentialRequest(target, tuple(tokens))


def encode_credential_response(response: IssuedCredentials) -> JsonObject:
    """The JSON object that brings credentials."""
    credentials: list[JsonValue] = [{"credential": credential} for credential in response.credentials]
    source: JsonObject = {"credentials": credentials}
    if response.notification_id is not None:
        source["notification_id"] = response.notification_id
    return source


def parse_credential_response(
    body: str | bytes, *, expected_count: int
) -> IssuedCredentials | DeferredIssuance:
    """Read the answer of the credential or the deferred endpoint. `expected_count` is the number of keys that
    were proved; the issuer may send fewer credentials. Members this reader does not know are ignored.

    Raises:
        MalformedError: it cannot be read.
        VerificationError: more credentials than keys.
    """
    source = parse_json_object(body, max_bytes=MAX_RESPONSE_BYTES)
    match ("credentials" in source, "transaction_id" in source):
        case (True, False):
            credentials = tuple(
                text_member(item, "credential", max_characters=MAX_CREDENTIAL_CHARACTERS)
                for item in objects_member(source, "credentials", minimum=1)
            )
            if len(credentials) > expected_count:
                raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "more credentials than keys")
            return IssuedCredentials(credentials, optional_text_member(source, "notification_id"))
        case (False, True):
            seconds = integer_member(source, "interval", minimum=1)
            if seconds > _MAX_INTERVAL_SECONDS:
                raise MalformedError(Code.MEMBER_INVALID, "interval")
            return DeferredIssuance(text_member(source, "transaction_id"), timedelta(seconds=seconds))
        case _:
            raise MalformedError(Code.FORMAT_INVALID, "either credentials or transaction_id")


def encode_deferred_request(transaction_id: str) -> JsonObject:
    """The JSON object that asks for credentials the issuer needed time for."""
    return {"transaction_id": transaction_id}


def encode_notification(notification: Notification) -> JsonObject:
    """The JSON object of `notification`."""
    source: JsonObject = {
        "notification_id": notification.notification_id,
        "event": notification.event.value,
    }
    if notification.description is not None:
        source["event_description"] = encode_description(notification.description)
    return source


def parse_notification(body: str | bytes) -> Notification:
    """Read a notification. Members this reader does not know are ignored.

    Raises:
        MalformedError: it cannot be read.
    """
    source = parse_json_object(body)
    event = text_member(source, "event")
    if event not in set(NotificationEvent):
        raise MalformedError(Code.MEMBER_INVALID, "event")
    description = optional_text_member(source, "event_description")
    return Notification(
        text_member(source, "notification_id"),
        NotificationEvent(event),
        None if description is None else encode_description(description),
    )


def express_credential_error(error: TallyError) -> OAuthError:
    """`error` as the credential endpoint says it (§8.3.1.2)."""
    return express_error(error, _CREDENTIAL_WORDS, otherwise="invalid_credential_request")


def credential_refusal(error: OAuthError) -> RefusedError:
    """What an error of the credential endpoint means to the wallet. With PROOF_NONCE_INVALID it fetches a
    fresh nonce and proves again, once; with ACCESS_TOKEN_INVALID it is too late (RFC 6750 §3.1).
    """
    return refusal(error, {**_CREDENTIAL_WORDS, Code.ACCESS_TOKEN_INVALID: "invalid_token"})


def express_notification_error(error: TallyError) -> OAuthError:
    """`error` as the notification endpoint says it (§11.3)."""
    return express_error(error, _NOTIFICATION_WORDS, otherwise="invalid_notification_request")
