"""did:jwk: a DID that is one public JWK in base64url (did:jwk specification).

The DID is the exact text of the JWK: two spellings of one key are two DIDs, so what is received is never
written again. The fragment of its one verification method is always `#0`.
"""

from protocol.codes import Code
from protocol.did.document import DidDocument, Relationship, VerificationMethod
from protocol.did.verified import VerifiedDid, verified_by_itself
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError
from protocol.keys import PublicKey
from protocol.keys.jwk import encode_jwk, parse_jwk

_PREFIX = "did:jwk:"
_MAX_JWK_BYTES = 2048
_CONTEXTS = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1")
_RELATIONSHIPS = ("assertionMethod", "authentication", "capabilityInvocation", "capabilityDelegation")


def encode_did_jwk(key: PublicKey) -> str:
    """The did:jwk of `key`, over the canonical JWK of exactly the members a thumbprint covers."""
    return _PREFIX + encode_base64url(canonicalize(encode_jwk(key)))


def resolve_did_jwk(did: str) -> VerifiedDid:
    """The document and the key of the did:jwk `did`; nothing is fetched.

    Raises:
        MalformedError: not a did:jwk (a DID URL is not one), or its JWK is not a public key for signatures:
            a secret, another curve, or a key for encryption.
    """
    if not did.startswith(_PREFIX):
        raise MalformedError(Code.DID_INVALID, "not a did:jwk")
    jwk = parse_json_object(decode_base64url(did.removeprefix(_PREFIX)), max_bytes=_MAX_JWK_BYTES)
    method_id = f"{did}#0"
    document = DidDocument(
        id=did,
        verification_methods=(VerificationMethod(method_id, parse_jwk(jwk)),),
        relationships={relationship: frozenset({method_id}) for relationship in Relationship},
        source=_document(did, method_id, jwk),
    )
    return verified_by_itself(document)


def _document(did: str, method_id: str, jwk: JsonObject) -> JsonObject:
    document: JsonObject = {
        "@context": list(_CONTEXTS),
        "id": did,
        "verificationMethod": [
            {"id": method_id, "type": "JsonWebKey2020", "controller": did, "publicKeyJwk": jwk}
        ],
    }
    document |= {relationship: [method_id] for relationship in _RELATIONSHIPS}
    if "use" not in jwk:
        document["keyAgreement"] = [method_id]
    return document
