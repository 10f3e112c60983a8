"""Data Integrity proofs with the cryptosuite eddsa-jcs-2022 (W3C VC-DI-EDDSA 1.0 §3.3, VC-DATA-INTEGRITY §4).

    {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "created": <time>, "expires": <time>,
     "verificationMethod": <DID URL>, "proofPurpose": <relationship>, "proofValue": "z<base58btc>"}

What is signed is SHA-256(JCS(proof without proofValue)) followed by SHA-256(JCS(document without proof)).
A document may carry a set of proofs, and a proof may name others it was made on top of (`previousProof`):
those are then part of the document it signs.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.encoding.base58btc import decode_multibase, encode_multibase
from protocol.encoding.jcs import canonicalize, check_readable
from protocol.encoding.members import (
    objects_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PublicKey, PublicKey, SigningKey

PROOF_TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"
MAX_PROOFS = 16
_SIGNATURE_BYTES = 64

# XML Schema dateTimeStamp: the offset must be there. 24:00 would be allowed, but older Pythons refuse it: so
# do we.
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True)
class UnverifiedProof:
    """A proof that could be read. Nothing in it may be believed before `verify_proof` has returned.

    `config_digest` is the SHA-256 of the canonical proof without its value: it covers every member, also
    those not read here. `previous` holds the ids in `previousProof`.
    """

    verification_method: str
    purpose: str
    expires: datetime | None
    previous: tuple[str, ...]
    signature: bytes
    config_digest: bytes


@dataclass(frozen=True, slots=True)
class VerifiedDocument:
    """A document all of whose proofs are valid: the document without them, and which keys made them."""

    document: JsonObject
    verification_methods: tuple[str, ...]


def document_digest(document: Mapping[str, JsonValue]) -> bytes:
    """The half of the signed bytes that stands for `document`, which must be without `proof`: 32 bytes."""
    return hashlib.sha256(canonicalize(document)).digest()


def parse_proof(source: Mapping[str, JsonValue]) -> UnverifiedProof:
    """Read one proof. Not checked: the signature, the purpose and the time (`verify_proof`).

    Raises:
        MalformedError: a member is missing or has another form, `created` and `expires` among them.
        VerificationError: another type of proof or another cryptosuite.
    """
    if source.get("type") != PROOF_TYPE or source.get("cryptosuite") != CRYPTOSUITE:
        raise VerificationError(Code.ALGORITHM_NOT_ALLOWED, f"expected a proof of {CRYPTOSUITE}")
    signature = decode_multibase(text_member(source, "proofValue"))
    if len(signature) != _SIGNATURE_BYTES:
        raise MalformedError(Code.MEMBER_INVALID, "proofValue")
    _parse_time(source, "created")
    config = canonicalize({name: value for name, value in source.items() if name != "proofValue"})
    check_readable(config)
    return UnverifiedProof(
        verification_method=text_member(source, "verificationMethod"),
        purpose=text_member(source, "proofPurpose"),
        expires=_parse_time(source, "expires"),
        previous=_previous(source),
        signature=signature,
        config_digest=hashlib.sha256(config).digest(),
    )


def parse_lone_proof(source: Mapping[str, JsonValue]) -> UnverifiedProof:
    """Read the proof of a document that has no @context and of which no other proof is a part.

    Raises:
        MalformedError: as `parse_proof`, or the proof says that there is one.
        VerificationError: another type of proof or another cryptosuite.
    """
    if "@context" in source or "previousProof" in source:
        raise MalformedError(Code.MEMBER_INVALID, "@context or previousProof")
    return parse_proof(source)


def verify_proof(
    proof: UnverifiedProof, digest: bytes, key: PublicKey, *, expected_purpose: Relationship, now: datetime
) -> None:
    """Check that `key` made `proof` over the document with `digest` (`document_digest`).

    Not checked: that `key` is the verification method's, and that the method may be used for the purpose.

    Raises:
        VerificationError: made for another purpose, expired at `now`, a key of another kind, or not the
            signature of `key` over this document.
    """
    if proof.purpose != expected_purpose:
        raise VerificationError(Code.TYPE_MISMATCH, f"expected proofPurpose {expected_purpose}")
    if proof.expires is not None and proof.expires <= now:
        raise VerificationError(Code.EXPIRED, "proof")
    if not isinstance(key, Ed25519PublicKey):
        raise VerificationError(Code.ALGORITHM_NOT_ALLOWED, f"{CRYPTOSUITE} needs an Ed25519 key")
    key.verify(proof.signature, proof.config_digest + digest)


def verify_document(
    secured: JsonObject,
    *,
    expected_purpose: Relationship,
    now: datetime,
    find_key: Callable[[str], PublicKey],
) -> VerifiedDocument:
    """Check every proof of a document with one proof or a set of them, chained ones included.

    `find_key` gives the key of a verification method, or raises when it may not be used for the purpose.

    Raises:
        MalformedError: no proof, more than 16, or one that cannot be read.
        VerificationError: a proof is not valid, is given twice, builds on a proof that is not there, or was
            made in another @context.
    """
    sources = _proofs_of(secured)
    document = {name: value for name, value in secured.items() if name != "proof"}
    by_id: dict[JsonValue, JsonObject] = {}
    for source in sources:
        if (proof_id := optional_text_member(source, "id")) is not None:
            if proof_id in by_id:
                raise VerificationError(Code.SIGNATURE_INVALID, "two proofs share an id")
            by_id[proof_id] = source
    plain_digest = document_digest(document)
    methods = []
    for source in sources:
        proof = parse_proof(source)
        signed = _signed_document(document, source, [_find(by_id, name) for name in proof.previous])
        digest = plain_digest if signed is document else document_digest(signed)
        key = find_key(proof.verification_method)
        verify_proof(proof, digest, key, expected_purpose=expected_purpose, now=now)
        methods.append(proof.verification_method)
    return VerifiedDocument(document, tuple(methods))


def create_proof(
    document: JsonObject,
    *,
    key: SigningKey,
    verification_method: str,
    purpose: Relationship,
    created: datetime,
    expires: datetime | None = None,
    proof_id: str | None = None,
    previous: Sequence[JsonObject] = (),
) -> JsonObject:
    """Sign `document`, which must be without `proof`, and return the proof to put there.

    `previous` holds the proofs, each with an id, that this one is made on top of.

    Raises:
        ValueError: `key` is not an Ed25519 key.
    """
    options: JsonObject = {}
    if proof_id is not None:
        options["id"] = proof_id
    if expires is not None:
        options["expires"] = encode_utc(expires)
    if previous:
        options["previousProof"] = [text_member(proof, "id") for proof in previous]
    if "@context" in document:
        options["@context"] = document["@context"]
    digest = document_digest(_signed_document(document, options, previous))
    return sign_digest(
        digest,
        key=key,
        verification_method=verification_method,
        purpose=purpose,
        created=created,
        options=options,
    )


def sign_digest(
    digest: bytes,
    *,
    key: SigningKey,
    verification_method: str,
    purpose: Relationship,
    created: datetime,
    options: JsonObject | None = None,
) -> JsonObject:
    """Make a proof over the document with `digest`; `options` holds further members of the proof.

    Raises:
        ValueError: `key` is not an Ed25519 key.
    """
    if not isinstance(key.public_key, Ed25519PublicKey):
        raise ValueError(f"{CRYPTOSUITE} needs an Ed25519 key")
    proof: JsonObject = {
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": encode_utc(created),
        "verificationMethod": verification_method,
        "proofPurpose": purpose.value,
        **(options or {}),
    }
    proof["proofValue"] = encode_multibase(key.sign(document_digest(proof) + digest))
    return proof


def _proofs_of(secured: JsonObject) -> list[JsonObject]:
    """The proofs in `secured`: one object or an array of 1 to 16.

    Raises:
        MalformedError: none, too many, or not objects.
    """
    proof = secured.get("proof")
    sources = [proof] if isinstance(proof, dict) else objects_member(secured, "proof", minimum=1)
    if len(sources) > MAX_PROOFS:
        raise MalformedError(Code.SIZE_EXCEEDED, "proofs")
    return sources


def _signed_document(
    document: JsonObject, proof: Mapping[str, JsonValue], previous: Sequence[JsonObject]
) -> JsonObject:
    """The document as `proof` signs it; `document` itself where the two do not differ."""
    changes: JsonObject = {"proof": list(previous)} if previous else {}
    if "@context" in proof and proof["@context"] != document.get("@context"):
        # The document may have been given further contexts since; those the proof was made in stay first
        # (VC-DI-EDDSA §3.3.2 steps 4 and 5).
        made_in, present = _contexts(proof), _contexts(document)
        if present[: len(made_in)] != made_in:
            raise VerificationError(Code.SIGNATURE_INVALID, "the proof was made in another @context")
        changes["@context"] = proof["@context"]
    return document | changes if changes else document


def _contexts(source: Mapping[str, JsonValue]) -> list[JsonValue]:
    context = source.get("@context")
    return context if isinstance(context, list) else [context]


def _find(by_id: Mapping[JsonValue, JsonObject], proof_id: str) -> JsonObject:
    if proof_id not in by_id:
        raise VerificationError(Code.SIGNATURE_INVALID, "previousProof is not among the proofs")
    return by_id[proof_id]


def _previous(source: Mapping[str, JsonValue]) -> tuple[str, ...]:
    if "previousProof" not in source:
        return ()
    if isinstance(source["previousProof"], str):
        return (text_member(source, "previousProof"),)
    return tuple(texts_member(source, "previousProof", minimum=1))


def _parse_time(source: Mapping[str, JsonValue], name: str) -> datetime | None:
    text = optional_text_member(source, name)
    if text is None:
        return None
    try:
        if _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedError(Code.MEMBER_INVALID, name) from error
    raise MalformedError(Code.MEMBER_INVALID, name)
