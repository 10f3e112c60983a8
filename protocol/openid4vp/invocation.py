"""How a request reaches the wallet: a link, which may be shown as a QR code (OpenID4VP 1.0 §5.7, §5.10, §9).

openid4vp://?client_id=…&request_uri=https%3A%2F%2F…&request_uri_method=post    to be fetched
openid4vp://?client_id=…&request=eyJ…                                           signed, in the link
openid4vp://?client_id=redirect_uri%3A…&response_type=vp_token&dcql_query=…     unsigned, in the link
"""

from dataclasses import dataclass
from typing import TypeAlias

from protocol.codes import Code
from protocol.encoding.form import encode_form, encode_link, parse_form, parse_link
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import MalformedError
from protocol.jws import Algorithm
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.request import RESPONSE_MODE, RESPONSE_TYPE, AuthorizationRequest, encode_request
from protocol.restate import restate_malformed
from protocol.sdjwt_vc import SD_JWT_VC_TYP as SD_JWT_VC
from protocol.web_address import parse_web_address

SCHEME = "openid4vp"
_OBJECT_PARAMETERS = ("dcql_query", "client_metadata")
_MAX_WALLET_NONCE = 512


@dataclass(frozen=True, slots=True)
class RequestByReference:
    """A Request Object is to be had at `request_uri`: by POST when `by_post`, else by GET."""

    client_id: str
    request_uri: str
    by_post: bool


@dataclass(frozen=True, slots=True)
class RequestByValue:
    """A Request Object, unverified."""

    client_id: str
    request_object: str


@dataclass(frozen=True, slots=True)
class UnsignedRequest:
    """The parameters of a request that nobody signed."""

    parameters: JsonObject


Invocation: TypeAlias = RequestByReference | RequestByValue | UnsignedRequest


def parse_invocation(link: str, *, development: bool) -> Invocation:
    """Read the link that invokes the wallet; parameters this reader does not know are ignored.

    Raises:
        MalformedError: with the code REQUEST_INVALID.
    """
    with restate_malformed(Code.REQUEST_INVALID):
        parameters = parse_link(link, scheme=SCHEME)
        client_id = parameters.get("client_id")
        if not client_id:
            raise MalformedError(Code.MEMBER_MISSING, "client_id")
        if "request_uri" not in parameters and "request_uri_method" in parameters:
            raise MalformedError(Code.REQUEST_INVALID, "request_uri_method without request_uri")
        match ("request" in parameters, "request_uri" in parameters):
            case (True, True):
                raise MalformedError(Code.REQUEST_INVALID, "request and request_uri")
            case (True, False):
                return RequestByValue(client_id, parameters["request"])
            case (False, True):
                parse_web_address(parameters["request_uri"], development=development)
                method = parameters.get("request_uri_method", "get")
                if method not in ("get", "post"):
                    raise MalformedError(Code.REQUEST_INVALID, "request_uri_method")
                return RequestByReference(client_id, parameters["request_uri"], method == "post")
            case _:
                # §5.1: what is an object elsewhere is JSON text here.
                unsigned: JsonObject = {
                    name: parse_json_object(value) if name in _OBJECT_PARAMETERS else value
                    for name, value in parameters.items()
                }
                return UnsignedRequest(unsigned)


def encode_reference(client_id: ClientId, request_uri: str, *, by_post: bool) -> str:
    """The link to a Request Object at `request_uri`."""
    parameters = {"client_id": str(client_id), "request_uri": request_uri}
    if by_post:
        parameters["request_uri_method"] = "post"
    return encode_link(SCHEME, parameters)


def encode_unsigned_request(request: AuthorizationRequest) -> str:
    """The link that carries `request` unsigned.

    Raises:
        ValueError: the client is not one that may ask unsigned, or what `encode_request` refuses.
    """
    if request.client_id.prefix is not ClientIdPrefix.REDIRECT_URI:
        raise ValueError("only a redirect_uri client asks unsigned")
    parameters = {
        name: encode_json(value).decode() if isinstance(value, dict | list) else str(value)
        for name, value in encode_request(request).items()
    }
    return encode_link(SCHEME, parameters)


def encode_fetch_body(wallet_nonce: str) -> str:
    """The body a wallet posts to a request URI (§5.10): what it can do, and the nonce to be repeated."""
    algorithms: list[JsonValue] = [algorithm.value for algorithm in Algorithm]
    wallet_metadata: JsonObject = {
        "vp_formats_supported": {
            SD_JWT_VC: {"sd-jwt_alg_values": algorithms, "kb-jwt_alg_values": algorithms}
        },
        "client_id_prefixes_supported": [ClientIdPrefix.DECENTRALIZED_IDENTIFIER.value],
        "request_object_signing_alg_values_supported": algorithms,
        "response_types_supported": [RESPONSE_TYPE],
        "response_modes_supported": [RESPONSE_MODE],
    }
    return encode_form(
        {"wallet_metadata": encode_json(wallet_metadata).decode(), "wallet_nonce": wallet_nonce}
    )


def parse_fetch_body(body: str | bytes) -> str | None:
    """The wallet nonce in the body posted to a request URI, if there is one. What the wallet can do is not
    looked at: the verifier asks for one format only.

    Raises:
        MalformedError: with the code REQUEST_INVALID.
    """
    with restate_malformed(Code.REQUEST_INVALID):
        wallet_nonce = parse_form(body).get("wallet_nonce")
        if wallet_nonce is not None and not 0 < len(wallet_nonce) <= _MAX_WALLET_NONCE:
            raise MalformedError(Code.MEMBER_INVALID, "wallet_nonce")
        return wallet_nonce
