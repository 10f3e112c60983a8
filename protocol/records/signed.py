"""What the records that somebody signs have in common: who says it, when, and the proof.

{"type": …, "by": <did:webvh>, "time": <UTC>, …,
 "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "created": <UTC>,
           "verificationMethod": <DID URL>, "proofPurpose": "assertionMethod", "proofValue": "z…"}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from protocol.codes import Code
from protocol.did.data_integrity import (
    UnverifiedProof,
    create_proof,
    document_digest,
    parse_lone_proof,
    verify_proof,
)
from protocol.did.document import DidDocument, Relationship
from protocol.did.webvh.identifier import parse_webvh
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import object_member, text_member
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc, parse_utc
from protocol.errors import MalformedError, VerificationError
from protocol.keys import PublicKey, SigningKey

_COMMON = frozenset({"type", "by", "time", "proof"})
# No `expires`: what is admitted at one time must not be refused by whoever copies the log later.
_PROOF = frozenset({"type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"})


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who says it, and when, by their own word. The proof is unverified (`verify_authorship`)."""

    by: str
    time: datetime
    proof: UnverifiedProof
    digest: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """What it takes to sign a record: a key that the DID `by` lists in assertionMethod as `key_id`."""

    by: str
    key: SigningKey
    key_id: str


def parse_authorship(
    source: JsonObject, *, members: frozenset[str], optional: frozenset[str] = frozenset()
) -> Authorship:
    """Read what every signed record has; `members` are the other ones of its kind.

    Raises:
        MalformedError: a member is missing, unknown, or has another form; or it is another type of proof.
    """
    check_members(source, members | _COMMON, optional=optional)
    by = did_member(source, "by")
    proof = object_member(source, "proof")
    check_members(proof, _PROOF)
    unsigned = {name: value for name, value in source.items() if name != "proof"}
    try:
        parsed = parse_lone_proof(proof)
    except VerificationError as error:
        raise MalformedError(error.code, error.detail) from error
    return Authorship(by, time_member(source, "time"), parsed, document_digest(unsigned))


def verify_authorship(authorship: Authorship, document: DidDocument) -> PublicKey:
    """Check that a key which `document`, that of the author, lists for assertions made the proof; gives it.

    Raises:
        VerificationError: no such key there, or not its signature.
    """
    proof = authorship.proof
    key = document.key(proof.verification_method, Relationship.ASSERTION)
    verify_proof(proof, authorship.digest, key, expected_purpose=Relationship.ASSERTION, now=authorship.time)
    return key


def sign_record(members: Mapping[str, JsonValue], *, signer: Signer, time: datetime) -> bytes:
    """The canonical bytes of a record with these `members`, those of its kind, signed at `time`.

    Raises:
        ValueError: the key is not an Ed25519 key.
    """
    unsigned: JsonObject = {**members, "by": signer.by, "time": encode_utc(time)}
    proof = create_proof(
        unsigned,
        key=signer.key,
        verification_method=signer.key_id,
        purpose=Relationship.ASSERTION,
        created=time,
    )
    return canonicalize({**unsigned, "proof": proof})


def check_members(
    source: Mapping[str, JsonValue], members: frozenset[str], *, optional: frozenset[str] = frozenset()
) -> None:
    """Refuse members that a record of this kind does not have, and one that lacks those it has.

    Raises:
        MalformedError: the first of them in the order of the alphabet.
    """
    for name in sorted(source.keys() - members - optional):
        raise MalformedError(Code.MEMBER_INVALID, f"unknown member {name[:64]}")
    for name in sorted(members - source.keys()):
        raise MalformedError(Code.MEMBER_MISSING, name)


def did_member(source: Mapping[str, JsonValue], name: str) -> str:
    """The did:webvh `name`.

    Raises:
        MalformedError: absent, or none.
    """
    return parse_webvh(text_member(source, name)).did


def time_member(source: Mapping[str, JsonValue], name: str) -> datetime:
    """The UTC time `name`.

    Raises:
        MalformedError: absent, or of another form.
    """
    return parse_utc(text_member(source, name))


def hash_member(source: Mapping[str, JsonValue], name: str) -> bytes:
    """The 32 bytes that the member `name` spells as 64 lower-case hex digits.

    Raises:
        MalformedError: absent, or of another form.
    """
    return parse_hash_text(text_member(source, name), name)


def parse_hash_text(text: str, name: str) -> bytes:
    """The 32 bytes that `text` spells as 64 lower-case hex digits; errors call it `name`.

    Raises:
        MalformedError: another form.
    """
    if len(text) == 64 and not text.strip("0123456789abcdef"):
        return bytes.fromhex(text)
    raise MalformedError(Code.MEMBER_INVALID, name)
