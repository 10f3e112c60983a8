"""did:key: a DID that is one public key (W3C CCG did:key 0.9).

    did:key:<multikey>              the DID
    did:key:<multikey>#<multikey>   its one verification method

The body says which key it is. A fragment that says anything else is refused: whoever compared the fragment
and verified with the body would accept the attacker's key under the owner's name.
"""

from functools import lru_cache

from protocol.codes import Code
from protocol.did.document import create_did_document, parse_did_document
from protocol.did.verified import VerifiedDid, verified_by_itself
from protocol.errors import MalformedError
from protocol.keys import PublicKey
from protocol.keys.multikey import encode_multikey, parse_multikey

_PREFIX = "did:key:"


def encode_did_key(key: PublicKey) -> str:
    """The did:key of `key`."""
    return _PREFIX + encode_multikey(key)


def encode_did_key_method(key: PublicKey) -> str:
    """The DID URL of the one verification method of the did:key of `key`."""
    multikey = encode_multikey(key)
    return f"{_PREFIX}{multikey}#{multikey}"


# A log names the same few keys in every entry, and reading one costs a base58 conversion.
@lru_cache(maxsize=4096)
def parse_did_key(did: str) -> PublicKey:
    """Read the Ed25519 or P-256 key that `did` is.

    Raises:
        MalformedError: not a did:key, or not of a proper key of these two kinds.
    """
    if not did.startswith(_PREFIX):
        raise MalformedError(Code.DID_INVALID, "not a did:key")
    return parse_multikey(did.removeprefix(_PREFIX))


def parse_did_key_method(url: str) -> tuple[str, PublicKey]:
    """Read the DID URL of a did:key's verification method: its did:key, and the key.

    Raises:
        MalformedError: not a did:key with a fragment, the fragment is not the body, or not a proper key.
    """
    did, _, fragment = url.partition("#")
    if fragment != did.removeprefix(_PREFIX):
        raise MalformedError(Code.DID_INVALID, "the fragment of a did:key repeats its body")
    return did, parse_did_key(did)


def resolve_did_key(did: str) -> VerifiedDid:
    """The document and the key of the did:key `did`; nothing is fetched.

    Raises:
        MalformedError: not a did:key (a DID URL is not one), or not of a proper key.
    """
    key = parse_did_key(did)
    fragment = did.removeprefix(_PREFIX)
    document = create_did_document(did, {fragment: key}, assertion=[fragment], authentication=[fragment])
    method_id = f"{did}#{fragment}"
    document |= {"capabilityInvocation": [method_id], "capabilityDelegation": [method_id]}
    return verified_by_itself(parse_did_document(document, expected_did=did))
