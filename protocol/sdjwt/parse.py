"""The compact form of an SD-JWT, with or without key binding (RFC 9901 §4).

    <issuer-signed JWT>~<disclosure 1>~…~<disclosure n>~
    <issuer-signed JWT>~<disclosure 1>~…~<disclosure n>~<key binding JWT>

The JSON serialisations of §8 are not read: two forms of one thing are two chances to disagree.
"""

from collections.abc import Mapping

import msgspec

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.errors import MalformedError, VerificationError
from protocol.jws import split_compact
from protocol.sdjwt.disclosure import SD_ALG, Disclosure, HashAlgorithm, exceed_limits, parse_disclosure

_HASH_ALGORITHMS: Mapping[JsonValue, HashAlgorithm] = {name.value: name for name in HashAlgorithm}


class SdJwt(msgspec.Struct, frozen=True):
    """An SD-JWT whose disclosures could be read. Nothing in it is verified."""

    issuer_jwt: str
    disclosures: tuple[Disclosure, ...]
    key_binding_jwt: str | None = None

    @property
    def encoded_without_key_binding(self) -> str:
        """The text up to and including the last `~`: what a key binding covers (§4.3.1)."""
        return "~".join([self.issuer_jwt, *[disclosure.encoded for disclosure in self.disclosures], ""])

    @property
    def encoded(self) -> str:
        """The whole text."""
        return self.encoded_without_key_binding + (self.key_binding_jwt or "")

    def unverified_payload(self) -> JsonObject:
        """The payload of the issuer-signed JWT, for holders, who verified it when they received it.

        Raises:
            MalformedError: not a strict JSON object in canonical base64url.
        """
        return parse_unverified_payload(self.issuer_jwt)


def parse_sd_jwt(text: str) -> SdJwt:
    """Read an SD-JWT and its disclosures. The JWTs are only counted; `parse_jws` reads them.

    Raises:
        MalformedError: not of the compact form, a disclosure that cannot be read, or beyond the limits.
    """
    if text.strip() != text or not text.isascii():
        raise MalformedError(Code.FORMAT_INVALID, "white space around, or other characters than ASCII")
    issuer_jwt, tilde, rest = text.partition("~")
    if not tilde:
        raise MalformedError(Code.FORMAT_INVALID, "an SD-JWT without its ~")
    *encoded, last = rest.split("~")
    if exceed_limits(encoded):
        raise MalformedError(Code.DISCLOSURE_LIMIT_EXCEEDED, "too many, or too long together")
    split_compact(issuer_jwt)
    if last:
        split_compact(last)
    if "" in encoded:
        raise MalformedError(Code.FORMAT_INVALID, "an empty disclosure")
    return SdJwt(issuer_jwt, tuple(map(parse_disclosure, encoded)), last or None)


def parse_unverified_payload(text: str) -> JsonObject:
    """The payload of the issuer-signed JWT that `text` is or begins with. No disclosure is looked at.

    Raises:
        MalformedError: not a strict JSON object in canonical base64url.
    """
    issuer_jwt, _, _ = text.partition("~")
    _, payload, _ = split_compact(issuer_jwt)
    return parse_json_object(decode_base64url(payload))


def read_hash_algorithm(payload: Mapping[str, JsonValue]) -> HashAlgorithm:
    """The hash function of the digests, named at the top of the payload or else SHA-256 (§4.1.1).

    Raises:
        VerificationError: not one of ours.
    """
    name = payload.get(SD_ALG, "sha-256")
    algorithm = _HASH_ALGORITHMS.get(name) if isinstance(name, str) else None
    if algorithm is None:
        raise VerificationError(Code.HASH_ALGORITHM_NOT_ALLOWED, SD_ALG)
    return algorithm
