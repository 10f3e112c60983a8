"""An honest verifier, issuer and holder for the tests of OpenID4VP and OpenID4VCI, each a did:key."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.did.jwk import resolve_did_jwk
from protocol.did.key import encode_did_key, encode_did_key_method, resolve_did_key
from protocol.did.verified import VerifiedDid
from protocol.encoding.strict_json import JsonObject
from protocol.errors import UnavailableError
from protocol.keys import Ed25519PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.refusal import ReplyAddress
from protocol.openid4vp.request import AuthorizationRequest, RequestStatement
from protocol.policy import VerificationPolicy
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.present import select_disclosures
from protocol.sdjwt_vc import issue_sd_jwt_vc

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"
STATE = "qJ2b0yq3iQ3Y2aVdC8vGJw"
VCT = "https://issuer.example/vct/identity/1"

ISSUER_KEY = Ed25519PrivateKey(bytes(range(32)))
HOLDER_KEY = Ed25519PrivateKey(bytes(range(1, 33)))
VERIFIER_KEY = Ed25519PrivateKey(bytes(range(2, 34)))
OTHER_KEY = Ed25519PrivateKey(bytes(range(3, 35)))
ISSUER, VERIFIER = (encode_did_key(key.public_key) for key in (ISSUER_KEY, VERIFIER_KEY))
VERIFIER_KEY_ID = encode_did_key_method(VERIFIER_KEY.public_key)

CLIENT_ID = ClientId(ClientIdPrefix.DECENTRALIZED_IDENTIFIER, VERIFIER)
RESPONSE_URI = "https://verifier.example/response"
POLICY = VerificationPolicy(trusted_issuers={VCT: frozenset({ISSUER})})
CLAIMS: JsonObject = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "birthdate": "1815-12-10",
    "address": {"locality": "London", "street": "Ockham"},
    "nationalities": ["GB", "FR"],
}
DISCLOSABLE: tuple[ClaimPath, ...] = (
    *((name,) for name in CLAIMS),
    ("address", "locality"),
    ("address", "street"),
    ("nationalities", None),
)

QUERY: JsonObject = {
    "credentials": [
        {
            "id": "pid",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [VCT]},
            "claims": [{"path": ["birthdate"]}],
        }
    ]
}
REQUEST = AuthorizationRequest(
    client_id=CLIENT_ID,
    reply_to=ReplyAddress(RESPONSE_URI, STATE),
    nonce=NONCE,
    query=parse_dcql_query(QUERY),
    client_name="The Cinema",
    statement=RequestStatement("To see that you are of age", timedelta(0)),
)
REDIRECT_CLIENT = ClientId(ClientIdPrefix.REDIRECT_URI, RESPONSE_URI)
UNSIGNED = replace(REQUEST, client_id=REDIRECT_CLIENT, statement=None)

_salts = count()


def resolve_did(did: str) -> VerifiedDid:
    if did.startswith("did:key:"):
        return resolve_did_key(did)
    if did.startswith("did:jwk:"):
        return resolve_did_jwk(did)
    raise UnavailableError(Code.DID_NOT_FOUND)


def fetch_nothing(address: str) -> str:
    raise UnavailableError(Code.NETWORK_UNREACHABLE, address)


def issue(*, vct: str = VCT, holder: Ed25519PrivateKey | None = HOLDER_KEY, **changes: Any) -> SdJwt:
    """A credential of `CLAIMS` with `changes`, every claim of it disclosable."""
    about: JsonObject = {
        "iss": ISSUER,
        "vct": vct,
        "iat": int((NOW - timedelta(hours=1)).timestamp()),
        "exp": int((NOW + timedelta(days=1)).timestamp()),
    }
    if holder is not None:
        about["cnf"] = {"jwk": encode_jwk(holder.public_key)}
    return issue_sd_jwt_vc(
        about | CLAIMS | changes,
        disclosable=DISCLOSABLE,
        key=ISSUER_KEY,
        key_id=encode_did_key_method(ISSUER_KEY.public_key),
        salts=lambda: f"{next(_salts):022d}",
    )


def present(
    credential: SdJwt,
    paths: Collection[ClaimPath],
    *,
    key: Ed25519PrivateKey | None = HOLDER_KEY,
    nonce: str = NONCE,
    audience: str = str(CLIENT_ID),
) -> str:
    """The credential with the claims at `paths`, bound to the request by `key`, or not bound without one."""
    shown = select_disclosures(credential, paths)
    if key is None:
        return shown.encoded_without_key_binding
    binding = create_key_binding(shown, key=key, nonce=nonce, audience=audience, issued_at=NOW)
    return shown.encoded_without_key_binding + binding
