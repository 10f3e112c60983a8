"""The rules of `dc+sd-jwt` credentials on top of SD-JWT (draft-ietf-oauth-sd-jwt-vc-19).

The draft leaves open how the issuer's key is found. Here `iss` is a bare DID and `kid` the absolute DID URL
of one of its keys; there is no other way, so a token cannot choose between several.
"""

from collections.abc import Callable, Collection

import msgspec

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, RefusedError, VerificationError
from protocol.jws import Algorithm, UnverifiedJws, parse_jws
from protocol.keys import PublicKey, SigningKey
from protocol.keys.jwk import parse_jwk
from protocol.sdjwt.issue import issue_sd_jwt
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.verify import VerifiedClaims
from protocol.validity import time_claim

SD_JWT_VC_TYP = "dc+sd-jwt"
# §2.2.2.3: what the checks depend on is never in a disclosure, neither as a whole nor in part.
PROTECTED_CLAIMS = ("iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "aka_vcts")
_MAX_CHARACTERS = 2048


class UnverifiedCredential(msgspec.Struct, frozen=True):
    """What an SD-JWT VC says about itself before anything of it is believed."""

    jws: UnverifiedJws
    payload: JsonObject
    issuer: str
    vct: str
    issued_at: int | None


def parse_credential(jws: UnverifiedJws) -> UnverifiedCredential:
    """Read what the issuer-signed JWT of a credential says about itself, in claims that are never hidden.

    Raises:
        MalformedError: the payload is not a strict JSON object.
        VerificationError: `iss` or `vct` missing, or they or `iat` of another type.
    """
    payload = jws.payload_object()
    return UnverifiedCredential(
        jws, payload, _text_claim(payload, "iss"), _text_claim(payload, "vct"), time_claim(payload, "iat")
    )


def parse_credential_jws(sd_jwt: SdJwt) -> UnverifiedJws:
    """Read the issuer-signed JWT of a credential by its header rules (§2.2.1).

    Raises:
        MalformedError: not a compact JWS.
        VerificationError: another `typ`, an algorithm that is not ours, a critical extension, or a header
            that brings its own key.
    """
    return parse_jws(sd_jwt.issuer_jwt, expected_typ=SD_JWT_VC_TYP)


def issuer_key_id(credential: UnverifiedCredential) -> str:
    """The DID URL of the key that is said to have signed, which must lie under the issuer's DID.

    Raises:
        VerificationError: no `kid`, or the key of another DID.
    """
    key_id = credential.jws.key_id
    if key_id is None or not key_id.startswith(f"{credential.issuer}#"):
        raise VerificationError(Code.ISSUER_KEY_NOT_AUTHORIZED, "kid is not a key of the issuer")
    return key_id


def verify_credential_rules(payload: JsonObject, verified: VerifiedClaims) -> PublicKey | None:
    """Check the rules for the claims of a credential (§2.2.2); the key of its holder, if it names one.

    `payload` is the signed one that `verified` was made from.

    Raises:
        VerificationError: a protected claim that is selectively disclosable, `aka_vcts` that is not a list
            of other types, or `cnf` that is not exactly one usable `jwk`.
    """
    claims = verified.claims
    for name in PROTECTED_CLAIMS:
        # What is as it was signed was not touched by any digest. A withheld sub-claim shows here too.
        if name in claims and (name not in payload or payload[name] != claims[name]):
            raise VerificationError(Code.CLAIM_NOT_DISCLOSABLE, name)
    if "aka_vcts" in claims:
        types = claims["aka_vcts"]
        if not isinstance(types, list) or not types or not all(isinstance(vct, str) for vct in types):
            raise VerificationError(Code.CLAIM_INVALID, "aka_vcts")
        if claims["vct"] in types:
            raise VerificationError(Code.CLAIM_INVALID, "aka_vcts repeats vct")
    return _holder_key(claims["cnf"]) if "cnf" in claims else None


def issue_sd_jwt_vc(
    claims: JsonObject,
    *,
    disclosable: Collection[ClaimPath],
    key: SigningKey,
    key_id: str,
    salts: Callable[[], str],
    decoys: int = 0,
    ed25519_name: Algorithm = Algorithm.EDDSA,
) -> SdJwt:
    """Issue a credential; `key_id` is the absolute DID URL of `key`, under the DID in `iss`.

    The other arguments are those of `issue_sd_jwt`. Not checked: that the claims fit their type.

    Raises:
        RefusedError: a protected claim among the disclosable ones, or what `issue_sd_jwt` refuses.
        ValueError: no `vct`, or `key_id` is not under `iss`.
    """
    if not isinstance(claims.get("vct"), str) or not key_id.startswith(f"{claims.get('iss')}#"):
        raise ValueError("a credential has a vct, and a key id under its iss")
    for path in disclosable:
        if path[0] in PROTECTED_CLAIMS:
            raise RefusedError(Code.CLAIM_NOT_DISCLOSABLE, str(path[0]))
    return issue_sd_jwt(
        claims,
        disclosable=disclosable,
        key=key,
        salts=salts,
        typ=SD_JWT_VC_TYP,
        header={"kid": key_id},
        decoys=decoys,
        ed25519_name=ed25519_name,
    )


def _holder_key(confirmation: JsonValue) -> PublicKey:
    # RFC 7800 §3.1 allows one key only, and knows more ways to name it than a verifier should follow.
    if not isinstance(confirmation, dict) or list(confirmation) != ["jwk"]:
        raise VerificationError(Code.HOLDER_KEY_INVALID, "cnf is not exactly one jwk")
    jwk = confirmation["jwk"]
    if not isinstance(jwk, dict):
        raise VerificationError(Code.HOLDER_KEY_INVALID, "jwk")
    try:
        return parse_jwk(jwk)
    except MalformedError as error:
        raise VerificationError(Code.HOLDER_KEY_INVALID, error.detail) from error


def _text_claim(payload: JsonObject, name: str) -> str:
    if name not in payload:
        raise VerificationError(Code.CLAIM_MISSING, name)
    value = payload[name]
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CHARACTERS:
        raise VerificationError(Code.CLAIM_INVALID, name)
    return value
