"""DID documents: which key may do what in the name of a DID (DID Core 1.0 §5, W3C CID 1.0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from protocol.codes import Code
from protocol.encoding.members import (
    array_member,
    object_member,
    objects_member,
    optional_text_member,
    text_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, VerificationError
from protocol.keys import PublicKey
from protocol.keys.jwk import parse_jwk
from protocol.keys.multikey import encode_multikey, parse_multikey

MAX_VERIFICATION_METHODS = 64
_CONTEXTS: list[JsonValue] = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]
# Every Ed25519 multikey begins with the first, every P-256 one with the second.
_MULTIKEY_PREFIXES = ("z6Mk", "zDn")
_JWK_CURVES = ("Ed25519", "P-256")


class Relationship(StrEnum):
    """What a key may be used for: to issue (assertionMethod), or to prove who acts (authentication)."""

    ASSERTION = "assertionMethod"
    AUTHENTICATION = "authentication"


@dataclass(frozen=True, slots=True)
class VerificationMethod:
    """One key of a DID; `id` is its absolute DID URL."""

    id: str
    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class DidDocument:
    """A DID document whose keys and relationships have been read; `source` is the JSON as received."""

    id: str
    verification_methods: tuple[VerificationMethod, ...]
    relationships: Mapping[Relationship, frozenset[str]]
    source: JsonObject

    def key(self, key_id: str, relationship: Relationship) -> PublicKey:
        """The key `key_id` (an absolute DID URL), which must stand in `relationship`.

        Raises:
            VerificationError: no such key, or not for this use.
        """
        if key_id in self.relationships[relationship]:
            for method in self.verification_methods:
                if method.id == key_id:
                    return method.public_key
        raise VerificationError(Code.ISSUER_KEY_NOT_AUTHORIZED, relationship.value)


def parse_did_document(source: JsonObject, *, expected_did: str) -> DidDocument:
    """Read the DID document of `expected_did`. Properties this reader does not need are ignored.

    A verification method must be controlled by the DID itself and lie under it: a document cannot borrow
    the key of another DID. Embedded methods in a relationship count like listed ones. A method whose key is
    of a kind that is not used here (such as X25519 for key agreement) is left out of the result.

    Raises:
        MalformedError: another DID, a repeated or foreign method, both key forms, an improper key, or more
            than 64 methods.
    """
    if text_member(source, "id") != expected_did:
        raise MalformedError(Code.DID_DOCUMENT_INVALID, "id is another DID")
    embedded: list[JsonObject] = []
    relationships: dict[Relationship, frozenset[str]] = {}
    for relationship in Relationship:
        references: set[str] = set()
        for item in array_member(source, relationship) if relationship in source else []:
            if isinstance(item, dict):
                embedded.append(item)
                references.add(_absolute(text_member(item, "id"), expected_did))
            elif isinstance(item, str):
                references.add(_absolute(item, expected_did))
            else:
                raise MalformedError(Code.DID_DOCUMENT_INVALID, relationship)
        relationships[relationship] = frozenset(references)

    listed = objects_member(source, "verificationMethod") if "verificationMethod" in source else []
    methods: list[VerificationMethod] = []
    ids: set[str] = set()
    if len(listed) + len(embedded) > MAX_VERIFICATION_METHODS:
        raise MalformedError(Code.DID_DOCUMENT_INVALID, "too many verification methods")
    for item in [*listed, *embedded]:
        method_id = _absolute(text_member(item, "id"), expected_did)
        # DID Core requires a controller; several did:webvh authors leave it out. The id already says whose
        # key it is, so an absent controller hides nothing.
        if optional_text_member(item, "controller") not in (None, expected_did):
            raise MalformedError(Code.DID_DOCUMENT_INVALID, "a verification method has another controller")
        if method_id in ids:
            raise MalformedError(Code.DID_DOCUMENT_INVALID, "two verification methods share an id")
        ids.add(method_id)
        key = _read_key(item)
        if key is not None:
            methods.append(VerificationMethod(method_id, key))
    return DidDocument(expected_did, tuple(methods), relationships, source)


def create_did_document(
    did: str,
    keys: Mapping[str, PublicKey],
    *,
    assertion: list[str],
    authentication: list[str],
    services: list[JsonValue] | None = None,
) -> JsonObject:
    """The DID document of `did` with `keys` by fragment (without `#`) in the relationships naming them."""
    document: JsonObject = {
        "@context": list(_CONTEXTS),
        "id": did,
        "verificationMethod": [
            {
                "id": f"{did}#{fragment}",
                "type": "Multikey",
                "controller": did,
                "publicKeyMultibase": encode_multikey(key),
            }
            for fragment, key in keys.items()
        ],
        Relationship.ASSERTION.value: [f"{did}#{fragment}" for fragment in assertion],
        Relationship.AUTHENTICATION.value: [f"{did}#{fragment}" for fragment in authentication],
    }
    if services:
        document["service"] = services
    return document


# The same few keys come back in every version of a history, and reading one costs a base58 conversion.
_parse_multikey = lru_cache(maxsize=4096)(parse_multikey)


def _read_key(method: JsonObject) -> PublicKey | None:
    match ("publicKeyMultibase" in method, "publicKeyJwk" in method):
        case (True, False):
            multikey = text_member(method, "publicKeyMultibase")
            return _parse_multikey(multikey) if multikey.startswith(_MULTIKEY_PREFIXES) else None
        case (False, True):
            jwk = object_member(method, "publicKeyJwk")
            # A secret in a document is refused whatever its kind (`parse_jwk`).
            return parse_jwk(jwk) if jwk.get("crv") in _JWK_CURVES or "d" in jwk or "k" in jwk else None
        case (True, True):
            raise MalformedError(Code.DID_DOCUMENT_INVALID, "two key forms in one verification method")
        case _:
            return None


def _absolute(reference: str, did: str) -> str:
    absolute = did + reference if reference.startswith("#") else reference
    if not absolute.startswith(f"{did}#"):
        raise MalformedError(Code.DID_DOCUMENT_INVALID, "a verification method of another DID")
    return absolute
