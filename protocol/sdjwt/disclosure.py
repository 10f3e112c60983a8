"""Disclosures: the salted claims that the issuer's digests commit to (RFC 9901 §4.2).

base64url(["<salt>", "<claim name>", <claim value>])    a member of an object
base64url(["<salt>", <claim value>])                    an element of an array
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonValue, encode_json, parse_json
from protocol.errors import MalformedError

MAX_DISCLOSURES = 256
MAX_DISCLOSURE_CHARACTERS = 16 * 1024
MAX_TOTAL_CHARACTERS = 128 * 1024

SD = "_sd"
SD_ALG = "_sd_alg"
ELLIPSIS = "..."
RESERVED_NAMES = frozenset({SD, SD_ALG, ELLIPSIS})


class HashAlgorithm(StrEnum):
    """The hash functions accepted for digests (§4.1.1). The truncated ones of the registry are not."""

    SHA_256 = "sha-256"
    SHA_384 = "sha-384"
    SHA_512 = "sha-512"


_HASHES = {
    HashAlgorithm.SHA_256: hashlib.sha256,
    HashAlgorithm.SHA_384: hashlib.sha384,
    HashAlgorithm.SHA_512: hashlib.sha512,
}


class Disclosure(msgspec.Struct, frozen=True):
    """One salted claim, revealed or withheld as a unit; `name` is None for an element of an array.

    `encoded` is the text as received: the digest is over it, and writing the JSON anew could change it.
    """

    encoded: str
    salt: str
    name: str | None
    value: JsonValue


def parse_disclosure(encoded: str) -> Disclosure:
    """Read one disclosure. Not checked: whether the issuer signed its digest (`verify_disclosures`).

    Raises:
        MalformedError: more than 16 kB, not canonical base64url of strict JSON, or of another shape.
    """
    if len(encoded) > MAX_DISCLOSURE_CHARACTERS:
        raise MalformedError(Code.DISCLOSURE_LIMIT_EXCEEDED, "one disclosure is too long")
    match parse_json(decode_base64url(encoded)):
        case [str() as salt, str() as name, value]:
            return Disclosure(encoded, salt, name, value)
        case [str() as salt, value]:
            return Disclosure(encoded, salt, None, value)
        case _:
            raise MalformedError(Code.DISCLOSURE_MALFORMED, "not an array of salt, name and value")


def create_disclosure(salt: str, name: str | None, value: JsonValue) -> Disclosure:
    """Make a disclosure; `name` is None for an element of an array."""
    content: list[JsonValue] = [salt, value] if name is None else [salt, name, value]
    return Disclosure(encode_base64url(encode_json(content)), salt, name, value)


def digest_of(encoded: str, algorithm: HashAlgorithm) -> str:
    """What the issuer signs in place of a disclosure, or of any other ASCII text (§4.2.3, §4.3.1)."""
    return encode_base64url(_HASHES[algorithm](encoded.encode("ascii")).digest())


def exceed_limits(encoded: Sequence[str]) -> bool:
    """Whether these disclosures are more, or more together, than any honest credential needs."""
    return len(encoded) > MAX_DISCLOSURES or sum(map(len, encoded)) > MAX_TOTAL_CHARACTERS
