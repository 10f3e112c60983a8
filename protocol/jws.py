"""JSON Web Signatures in the compact form (RFC 7515), narrowed by RFC 8725.

    base64url(header) . base64url(payload) . base64url(signature)

The caller names the one `typ` it expects; the algorithm must be in our list *and* fit the key, so a token
can neither choose how it is checked nor be mistaken for a token of another kind.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

import msgspec

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PublicKey, P256PublicKey, PublicKey, SigningKey

MAX_TOKEN_CHARACTERS = 128 * 1024
MAX_HEADER_BYTES = 4096


class Algorithm(StrEnum):
    """The signature algorithms accepted anywhere. EdDSA is the older name of Ed25519 (RFC 9864)."""

    EDDSA = "EdDSA"
    ED25519 = "Ed25519"
    ES256 = "ES256"


_ALGORITHMS: Mapping[JsonValue, Algorithm] = {algorithm.value: algorithm for algorithm in Algorithm}
_ALGORITHMS_OF = {
    Ed25519PublicKey: frozenset({Algorithm.EDDSA, Algorithm.ED25519}),
    P256PublicKey: frozenset({Algorithm.ES256}),
}
# Headers that bring or fetch a key. Only a protocol that defines one of them may let it in (RFC 8725 §3.8,
# §3.10): a caller that does names it in `allowed_key_headers`.
_KEY_HEADERS = ("jwk", "jku", "x5c", "x5u")


class UnverifiedJws(msgspec.Struct, frozen=True):
    """A token that could be read. Nothing in it may be believed before `verify_jws` has returned."""

    header: Mapping[str, JsonValue]
    payload: bytes
    signature: bytes
    signing_input: bytes
    algorithm: Algorithm

    @property
    def key_id(self) -> str | None:
        """The `kid` header, when it is text."""
        key_id = self.header.get("kid")
        return key_id if isinstance(key_id, str) else None

    def payload_object(self) -> JsonObject:
        """The payload as a JSON object, still unverified.

        Raises:
            MalformedError: the payload is not a strict JSON object.
        """
        return parse_json_object(self.payload)


def split_compact(token: str) -> tuple[str, str, str]:
    """The encoded header, payload and signature of a compact JWS, none of them read.

    Raises:
        MalformedError: not three parts.
    """
    # Not `split`: it looks at every character by itself, `partition` at 32 at once.
    header, dot, rest = token.partition(".")
    payload, dot, signature = rest.partition(".")
    if not dot or "." in signature:
        raise MalformedError(Code.FORMAT_INVALID, "a compact JWS has three parts")
    return header, payload, signature


def parse_jws_header(token: str) -> Mapping[str, JsonValue]:
    """The header of a compact JWS. Not checked: what it says, nor whether the other parts can be read.

    Raises:
        MalformedError: not three parts, or the header is not canonical base64url of a strict JSON object.
    """
    encoded, _, _ = split_compact(token)
    return _parse_header(encoded)


def parse_jws(
    token: str,
    *,
    expected_typ: str,
    allowed_key_headers: frozenset[str] = frozenset(),
    max_characters: int = MAX_TOKEN_CHARACTERS,
) -> UnverifiedJws:
    """Read a compact JWS and refuse what its header must not say.

    `expected_typ` is compared exactly. `allowed_key_headers` names those of jwk, jku, x5c and x5u that the
    calling protocol defines; none by default. Not checked: the signature (`verify_jws`).

    Raises:
        MalformedError: not a compact JWS, or its parts are not canonical base64url or strict JSON.
        VerificationError: algorithm not in our list, another `typ`, a critical extension, or a header that
            brings its own key.
    """
    if len(token) > max_characters:
        raise MalformedError(Code.SIZE_EXCEEDED, "token")
    encoded_header, encoded_payload, encoded_signature = split_compact(token)
    header, algorithm = _read_header(encoded_header, expected_typ, allowed_key_headers)
    payload, signature = decode_base64url(encoded_payload), decode_base64url(encoded_signature)
    signing_input = token[: -len(encoded_signature) - 1].encode("ascii")
    return UnverifiedJws(header, payload, signature, signing_input, algorithm)


def verify_jws(jws: UnverifiedJws, key: PublicKey) -> None:
    """Check that `key` signed `jws`, with an algorithm that fits the key.

    Raises:
        VerificationError: the algorithm does not fit the key, or the signature does not match.
    """
    if jws.algorithm not in _ALGORITHMS_OF[type(key)]:
        raise VerificationError(Code.ALGORITHM_NOT_ALLOWED, "alg does not fit the key")
    key.verify(jws.signature, jws.signing_input)


def sign_jws(
    payload: Mapping[str, JsonValue],
    key: SigningKey,
    *,
    typ: str,
    header: Mapping[str, JsonValue] | None = None,
    ed25519_name: Algorithm = Algorithm.EDDSA,
) -> str:
    """Sign `payload` as a compact JWS.

    `header` holds further header members such as `kid`; `ed25519_name` is the name written for an Ed25519
    key, `EdDSA` by default because most deployed verifiers know no other.
    """
    algorithm = ed25519_name if isinstance(key.public_key, Ed25519PublicKey) else Algorithm.ES256
    full_header: JsonObject = {"alg": algorithm.value, "typ": typ, **(header or {})}
    signing_input = f"{encode_base64url(encode_json(full_header))}.{encode_base64url(encode_json(payload))}"
    return f"{signing_input}.{encode_base64url(key.sign(signing_input.encode('ascii')))}"


# The headers of one issuer's credentials, or of all key bindings, are the same text again and again.
@lru_cache(maxsize=256)
def _parse_header(encoded: str) -> Mapping[str, JsonValue]:
    return MappingProxyType(parse_json_object(decode_base64url(encoded), max_bytes=MAX_HEADER_BYTES))


@lru_cache(maxsize=256)
def _read_header(
    encoded: str, expected_typ: str, allowed_key_headers: frozenset[str]
) -> tuple[Mapping[str, JsonValue], Algorithm]:
    header = _parse_header(encoded)
    algorithm_name = header.get("alg")
    algorithm = _ALGORITHMS.get(algorithm_name) if isinstance(algorithm_name, str) else None
    if algorithm is None:
        raise VerificationError(Code.ALGORITHM_NOT_ALLOWED, "alg is not in the list of accepted ones")
    if header.get("typ") != expected_typ:
        raise VerificationError(Code.TYPE_MISMATCH, f"expected typ {expected_typ}")
    if "crit" in header or "b64" in header:
        raise VerificationError(Code.CRITICAL_HEADER)
    for name in _KEY_HEADERS:
        if name in header and name not in allowed_key_headers:
            raise VerificationError(Code.KEY_SOURCE_FORBIDDEN, name)
    return header, algorithm
