"""Public keys as JSON Web Keys (RFC 7517, RFC 8037, RFC 7518 §6.2) and their thumbprints (RFC 7638)."""

import hashlib
from collections.abc import Mapping

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError
from protocol.keys import Ed25519PublicKey, P256PublicKey, PublicKey

_ALGORITHMS = {Ed25519PublicKey: ("EdDSA", "Ed25519"), P256PublicKey: ("ES256",)}


def parse_jwk(jwk: Mapping[str, JsonValue]) -> PublicKey:
    """Read a public signature key; members this reader does not know are ignored.

    Raises:
        MalformedError: a private or symmetric key, another curve, a key not meant for verifying, or
            coordinates that are not a point.
    """
    if "d" in jwk or "k" in jwk:
        raise MalformedError(Code.KEY_INVALID, "the JWK holds a secret")
    if "use" in jwk and text_member(jwk, "use") != "sig":
        raise MalformedError(Code.KEY_INVALID, "the JWK is not for signatures")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise MalformedError(Code.KEY_INVALID, "the JWK is not for verifying")
    key: PublicKey
    match (text_member(jwk, "kty"), text_member(jwk, "crv")):
        case ("OKP", "Ed25519"):
            key = Ed25519PublicKey(decode_base64url(text_member(jwk, "x")))
        case ("EC", "P-256"):
            x, y = decode_base64url(text_member(jwk, "x")), decode_base64url(text_member(jwk, "y"))
            key = P256PublicKey.from_coordinates(x, y)
        case _:
            raise MalformedError(Code.KEY_INVALID, "neither Ed25519 nor P-256")
    if "alg" in jwk and text_member(jwk, "alg") not in _ALGORITHMS[type(key)]:
        raise MalformedError(Code.KEY_INVALID, "alg does not fit the key")
    return key


def encode_jwk(key: PublicKey) -> JsonObject:
    """The JWK of `key` with exactly the members a thumbprint covers."""
    if isinstance(key, Ed25519PublicKey):
        return {"crv": "Ed25519", "kty": "OKP", "x": encode_base64url(key.raw)}
    x, y = key.coordinates()
    return {"crv": "P-256", "kty": "EC", "x": encode_base64url(x), "y": encode_base64url(y)}


def thumbprint(key: PublicKey) -> str:
    """The SHA-256 thumbprint of `key` (RFC 7638), in base64url."""
    return encode_base64url(hashlib.sha256(canonicalize(encode_jwk(key))).digest())
