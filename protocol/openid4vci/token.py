"""A code or a refresh token for an access token: the token endpoint in the pre-authorized code flow
(OpenID4VCI 1.0 §6, RFC 6749 §6).

grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code&pre-authorized_code=…&tx_code=493536
grant_type=refresh_token&refresh_token=…

{"access_token": "…", "token_type": "Bearer", "expires_in": 300, "refresh_token": "…",
 "authorization_details": [{"type": "openid_credential", "credential_configuration_id": "degree",
                            "credential_identifiers": ["degree-2026"]}]}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from protocol.codes import Code
from protocol.encoding.form import encode_form, parse_form
from protocol.encoding.members import (
    objects_member,
    optional_integer_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json, parse_json_object
from protocol.errors import MalformedError, RefusedError, TallyError
from protocol.oauth_error import OAuthError, express_error, refusal
from protocol.openid4vci.credential import ConfigurationId, CredentialIdentifier, CredentialTarget
from protocol.openid4vci.offer import MAX_CODE_LENGTH, PRE_AUTHORIZED_CODE

BEARER = "Bearer"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 (the name of a grant type and of a member)
_CREDENTIAL_DETAILS = "openid_credential"
_MAX_AUTHORIZED = 64
_MAX_TOKEN_CHARACTERS = 16 * 1024
_MAX_SECONDS = 10 * 366 * 86_400
# RFC 6750 §2.1: what may stand in the header the token is sent in.
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# RFC 6749 App. A.17.
_REFRESH_TOKEN = re.compile(r"[\x20-\x7e]+")
_WRONG_CODE = "invalid_grant"
# A word of the 1.1 draft: read, never written.
_WRONG_TX_CODE = "invalid_tx_code"
_WORDS = {
    Code.GRANT_INVALID: _WRONG_CODE,
    Code.TRANSACTION_CODE_WRONG: _WRONG_CODE,
    Code.GRANT_TYPE_UNSUPPORTED: "unsupported_grant_type",
    Code.TRANSACTION_CODE_REQUIRED: "invalid_request",
}


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A pre-authorized code to be redeemed.

    Attributes:
        code: The pre-authorized code.
        transaction_code: What the holder entered, None if nothing was asked for.
        configuration_ids: The credentials the token is wanted for; empty: all that were offered.
    """

    code: str = field(repr=False)
    transaction_code: str | None = field(default=None, repr=False)
    configuration_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """A refresh token to be exchanged for another access token, for the same credentials."""

    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """An access token, and which credentials it stands for.

    Attributes:
        access_token: The token, sent as `Authorization: Bearer`.
        expires_in: For how long it is good, if the server says so.
        credential_identifiers: By configuration id, the names under which credentials must be asked for;
            empty where the server gives none, and they are asked for by configuration.
        refresh_token: What can be exchanged for another access token later, if the server allows it.
    """

    access_token: str = field(repr=False)
    expires_in: timedelta | None = None
    credential_identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refresh_token: str | None = field(default=None, repr=False)


def encode_token_request(request: TokenRequest | RefreshRequest) -> str:
    """The form body of `request`."""
    if isinstance(request, RefreshRequest):
        return encode_form({"grant_type": REFRESH_TOKEN, REFRESH_TOKEN: request.refresh_token})
    parameters = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": request.code}
    if request.transaction_code is not None:
        parameters["tx_code"] = request.transaction_code
    if request.configuration_ids:
        details: list[JsonValue] = [
            {"type": _CREDENTIAL_DETAILS, "credential_configuration_id": identifier}
            for identifier in request.configuration_ids
        ]
        parameters["authorization_details"] = encode_json(details).decode()
    return encode_form(parameters)


def parse_token_request(body: str | bytes) -> TokenRequest | RefreshRequest:
    """Read the body of a token request. Parameters and authorization details of other types are ignored.

    Raises:
        MalformedError: it cannot be read.
        RefusedError: another grant type.
    """
    parameters = parse_form(body)
    grant_type = text_member(parameters, "grant_type")
    if grant_type == REFRESH_TOKEN:
        return RefreshRequest(text_member(parameters, REFRESH_TOKEN, max_characters=_MAX_TOKEN_CHARACTERS))
    if grant_type != PRE_AUTHORIZED_CODE:
        raise RefusedError(Code.GRANT_TYPE_UNSUPPORTED)
    details = (
        _parse_details(parameters["authorization_details"]) if "authorization_details" in parameters else []
    )
    return TokenRequest(
        text_member(parameters, "pre-authorized_code"),
        optional_text_member(parameters, "tx_code", max_characters=MAX_CODE_LENGTH),
        tuple(text_member(item, "credential_configuration_id") for item in details),
    )


def encode_token_response(response: TokenResponse) -> JsonObject:
    """The JSON object of `response`."""
    source: JsonObject = {"access_token": response.access_token, "token_type": BEARER}
    if response.expires_in is not None:
        source["expires_in"] = int(response.expires_in.total_seconds())
    if response.refresh_token is not None:
        source[REFRESH_TOKEN] = response.refresh_token
    if response.credential_identifiers:
        source["authorization_details"] = [
            {
                "type": _CREDENTIAL_DETAILS,
                "credential_configuration_id": configuration_id,
                "credential_identifiers": list(identifiers),
            }
            for configuration_id, identifiers in response.credential_identifiers.items()
        ]
    return source


def parse_token_response(body: str | bytes) -> TokenResponse:
    """Read an access token. Members this reader does not know are ignored.

    Raises:
        MalformedError: it cannot be read, or the token is of another type than `Bearer`.
    """
    source = parse_json_object(body)
    # RFC 6749 §5.1: the type is compared without regard to case.
    if text_member(source, "token_type").lower() != BEARER.lower():
        raise MalformedError(Code.MEMBER_INVALID, "token_type")
    access_token = text_member(source, "access_token", max_characters=_MAX_TOKEN_CHARACTERS)
    if not _BEARER_TOKEN.fullmatch(access_token):
        raise MalformedError(Code.MEMBER_INVALID, "access_token")
    refresh_token = optional_text_member(source, REFRESH_TOKEN, max_characters=_MAX_TOKEN_CHARACTERS)
    if refresh_token is not None and not _REFRESH_TOKEN.fullmatch(refresh_token):
        raise MalformedError(Code.MEMBER_INVALID, REFRESH_TOKEN)
    seconds = optional_integer_member(source, "expires_in")
    if seconds is not None and seconds > _MAX_SECONDS:
        raise MalformedError(Code.MEMBER_INVALID, "expires_in")
    details = objects_member(source, "authorization_details") if "authorization_details" in source else []
    identifiers: dict[str, tuple[str, ...]] = {}
    for item in _credential_details(details):
        configuration_id = text_member(item, "credential_configuration_id")
        more = tuple(texts_member(item, "credential_identifiers", minimum=1))
        identifiers[configuration_id] = identifiers.get(configuration_id, ()) + more
    expires_in = None if seconds is None else timedelta(seconds=seconds)
    return TokenResponse(access_token, expires_in, identifiers, refresh_token)


def select_targets(response: TokenResponse, configuration_id: str) -> tuple[CredentialTarget, ...]:
    """How the credentials of a configuration must be asked for with this token: by the identifiers the server
    gave, and only if it gave none at all by configuration (§8.2).

    Raises:
        RefusedError: the token is not for this configuration.
    """
    if not response.credential_identifiers:
        return (ConfigurationId(configuration_id),)
    if configuration_id not in response.credential_identifiers:
        raise RefusedError(Code.CREDENTIAL_CONFIGURATION_UNKNOWN, "the access token is for other credentials")
    return tuple(map(CredentialIdentifier, response.credential_identifiers[configuration_id]))


def express_token_error(error: TallyError) -> OAuthError:
    """`error` as the token endpoint says it (RFC 6749 §5.2)."""
    return express_error(error, _WORDS, otherwise="invalid_request")


def token_refusal(error: OAuthError, *, with_transaction_code: bool) -> RefusedError:
    """What an error of the token endpoint means to the wallet, which sent a transaction code or not.

    The endpoint has one word for a wrong code and for a wrong transaction code. If both were sent, it means
    the one that a person typed: the other comes from an offer that was open a moment ago.
    """
    if error.error == _WRONG_TX_CODE or (with_transaction_code and error.error == _WRONG_CODE):
        return refusal(error, {Code.TRANSACTION_CODE_WRONG: error.error})
    return refusal(error, _WORDS)


def _parse_details(text: str) -> list[JsonObject]:
    source = parse_json(text)
    if not isinstance(source, list):
        raise MalformedError(Code.MEMBER_INVALID, "authorization_details")
    return _credential_details(objects_member({"authorization_details": source}, "authorization_details"))


def _credential_details(items: list[JsonObject]) -> list[JsonObject]:
    details = [item for item in items if item.get("type") == _CREDENTIAL_DETAILS]
    if len(details) > _MAX_AUTHORIZED:
        raise MalformedError(Code.SIZE_EXCEEDED, "authorization_details")
    return details
