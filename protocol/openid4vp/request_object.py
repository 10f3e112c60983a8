"""Who asks, and how that was checked (OpenID4VP 1.0 §5.9, §5.10; RFC 9101).

A signed request comes as a Request Object:

    {"alg": "EdDSA", "typ": "oauth-authz-req+jwt", "kid": "did:…#key"}
    {"aud": "https://self-issued.me/v2", "iat": …, "exp": …, "client_id": "decentralized_identifier:did:…", …}

An unsigned one proves nothing but that the answer goes where the client identifier says.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.did.verified import DidResolver, VerifiedDid
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import to_seconds
from protocol.errors import MalformedError, VerificationError
from protocol.jws import Algorithm, UnverifiedJws, parse_jws, sign_jws, verify_jws
from protocol.keys import SigningKey
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix, parse_client_id
from protocol.openid4vp.request import (
    AuthorizationRequest,
    encode_request,
    parse_reply_address,
    parse_request,
)
from protocol.restate import restate_malformed
from protocol.validity import verify_validity
from protocol.web_address import parse_web_address

REQUEST_OBJECT_TYP = "oauth-authz-req+jwt"
REQUEST_OBJECT_MEDIA_TYPE = "application/oauth-authz-req+jwt"
AUDIENCE = "https://self-issued.me/v2"


@dataclass(frozen=True, slots=True)
class DidClient:
    """A verifier that signed with a key its DID lists now."""

    did: VerifiedDid


@dataclass(frozen=True, slots=True)
class RedirectUriClient:
    """A verifier nothing is known of but the host the answer goes to."""

    host: str


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request that may be shown to the holder, and how its sender was checked."""

    request: AuthorizationRequest
    client: DidClient | RedirectUriClient

    @property
    def audience(self) -> str:
        """The audience of the key bindings that answer it: the full client identifier, prefix included."""
        return str(self.request.client_id)


def create_request_object(
    request: AuthorizationRequest,
    *,
    key: SigningKey,
    key_id: str,
    issued_at: datetime,
    expires_at: datetime,
    wallet_nonce: str | None,
    ed25519_name: Algorithm = Algorithm.EDDSA,
) -> str:
    """Sign `request` with `key`, whose absolute DID URL is `key_id`.

    `wallet_nonce` is the one the wallet posted to the request URI, which must be repeated.

    Raises:
        ValueError: the client identifier is not the DID the key lies under, or what `encode_request` refuses.
    """
    client_id = request.client_id
    is_did = client_id.prefix is ClientIdPrefix.DECENTRALIZED_IDENTIFIER
    if not is_did or not key_id.startswith(f"{client_id.value}#"):
        raise ValueError("a request object is signed by a key of the client's DID")
    payload: JsonObject = {
        "aud": AUDIENCE,
        "iat": to_seconds(issued_at),
        "exp": to_seconds(expires_at),
        **encode_request(request),
    }
    if wallet_nonce is not None:
        payload["wallet_nonce"] = wallet_nonce
    return sign_jws(payload, key, typ=REQUEST_OBJECT_TYP, header={"kid": key_id}, ed25519_name=ed25519_name)


def verify_request_object(
    token: str,
    *,
    expected_client_id: str,
    expected_wallet_nonce: str | None,
    now: datetime,
    resolve_did: DidResolver,
    development: bool,
    clock_skew: timedelta = timedelta(seconds=60),
) -> VerifiedRequest:
    """Check a Request Object; only its own parameters count, whatever the link said.

    `expected_client_id` is the one in the link. `expected_wallet_nonce` is the one posted to the request URI,
    None when it was fetched without one.

    Raises:
        MalformedError: it cannot be read, or its sender cannot be answered.
        VerificationError: the sender could not be established, or the request is not for this moment.
        UnavailableError: the DID could not be resolved.
        RequestRefusedError: the sender is established, and must be answered with an error.
    """
    client_id = parse_client_id(expected_client_id, development=development)
    match client_id.prefix:
        case ClientIdPrefix.DECENTRALIZED_IDENTIFIER:
            pass
        case ClientIdPrefix.REDIRECT_URI:
            raise MalformedError(Code.REQUEST_INVALID, "a redirect_uri client cannot sign")
        case _:
            raise VerificationError(Code.REQUEST_CLIENT_UNVERIFIED, "certificates are not checked here")

    # What costs nothing comes first: no DID is looked up for a request that would be refused anyway.
    # §5: typ. §5.10.1: the same client, and the wallet's own nonce. §5.8: the audience.
    jws = parse_jws(token, expected_typ=REQUEST_OBJECT_TYP)
    payload = jws.payload_object()
    if payload.get("client_id") != expected_client_id:
        raise VerificationError(Code.REQUEST_CLIENT_UNVERIFIED, "client_id differs from the one in the link")
    if payload.get("aud") != AUDIENCE:
        raise VerificationError(Code.AUDIENCE_MISMATCH, "request object")
    if expected_wallet_nonce is not None and payload.get("wallet_nonce") != expected_wallet_nonce:
        raise VerificationError(Code.NONCE_MISMATCH, "wallet_nonce")
    try:
        verify_validity(payload, now=now, clock_skew=clock_skew)
    except VerificationError as error:
        if error.code is Code.EXPIRED:
            raise VerificationError(Code.REQUEST_EXPIRED) from error
        raise

    # §5.9.3: a key of the DID, which also must be one that may act in its name. Only then is there anyone to
    # answer.
    did = _verify_signature(jws, client_id, resolve_did)
    reply_to = parse_reply_address(payload, client_id, development=development)
    return VerifiedRequest(parse_request(payload, client_id, reply_to, signed=True), DidClient(did))


def verify_unsigned_request(parameters: JsonObject, *, development: bool) -> VerifiedRequest:
    """Check a request that came as plain parameters, which only a `redirect_uri` client may send.

    Raises:
        MalformedError: it cannot be read, or the answer would not go to the client.
        VerificationError: a client that must sign.
        RequestRefusedError: the request must be answered with an error.
    """
    with restate_malformed(Code.REQUEST_INVALID):
        client_id = parse_client_id(text_member(parameters, "client_id"), development=development)
    if client_id.prefix is not ClientIdPrefix.REDIRECT_URI:
        raise VerificationError(Code.REQUEST_CLIENT_UNVERIFIED, "this client must sign its requests")
    reply_to = parse_reply_address(parameters, client_id, development=development)
    host = parse_web_address(client_id.value, development=development).host
    request = parse_request(parameters, client_id, reply_to, signed=False)
    return VerifiedRequest(request, RedirectUriClient(host))


def _verify_signature(jws: UnverifiedJws, client_id: ClientId, resolve_did: DidResolver) -> VerifiedDid:
    if jws.key_id is None or not jws.key_id.startswith(f"{client_id.value}#"):
        raise VerificationError(Code.REQUEST_CLIENT_UNVERIFIED, "kid is not a key of the client")
    did = resolve_did(client_id.value)
    try:
        key = did.current_key(jws.key_id, Relationship.AUTHENTICATION)
    except VerificationError as error:
        raise VerificationError(Code.REQUEST_CLIENT_UNVERIFIED, error.detail) from error
    verify_jws(jws, key)
    return did
