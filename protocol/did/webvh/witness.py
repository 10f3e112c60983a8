"""The witnesses of a did:webvh log, chosen by its owner to approve its entries (did:webvh 1.0, Witnesses).

    did-witness.json: [{"versionId": "3-Qm...", "proof": [{...}, ...]}, ...]

Each proof signs `{"versionId": "3-Qm..."}` with the key of a did:key DID, and approves that entry and all
before it. The file is published before the log, so it may speak of entries the log does not have yet; those
proofs say nothing about any other entry, and neither do proofs taken from the log of another DID.

These witnesses are not the ones that co-sign the checkpoints of a transparency log.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from protocol.codes import Code
from protocol.did.data_integrity import (
    UnverifiedProof,
    document_digest,
    parse_lone_proof,
    sign_digest,
    verify_proof,
)
from protocol.did.document import Relationship
from protocol.did.key import encode_did_key_method, parse_did_key_method
from protocol.did.webvh.parameters import WitnessRule
from protocol.did.webvh.version import CLOCK_TOLERANCE, VerifiedVersion
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import objects_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json
from protocol.encoding.time import parse_utc
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.keys import PublicKey, SigningKey

MAX_WITNESS_FILE_BYTES = 5 << 20
MAX_WITNESS_PROOFS = 8192
"""In the whole file: what one resolution may cost when all of them are false."""

WitnessProofs: TypeAlias = Mapping[str, Sequence[JsonObject]]
"""The proofs by the version id they sign; unverified."""

NO_WITNESS_PROOFS: WitnessProofs = MappingProxyType({})

APPROVED_BY_LOG: Final = None
"""In the place of proofs where the entries are proven to be in a log: then its quorum stands behind them."""

# Further members would be signed too, and could make a proof end that counted when it was taken.
_PROOF_MEMBERS = frozenset(
    {"type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"}
)


def parse_witness_file(data: str | bytes) -> WitnessProofs:
    """Read did-witness.json. The proofs themselves are read when they are needed.

    Raises:
        MalformedError: larger than 5 MiB, not strict JSON, or not an array of version ids with proofs.
    """
    items = parse_json(data, max_bytes=MAX_WITNESS_FILE_BYTES)
    if not isinstance(items, list):
        raise MalformedError(Code.FORMAT_INVALID, "did-witness.json is an array")
    proofs: dict[str, list[JsonObject]] = {}
    for item in items:
        if not isinstance(item, dict):
            raise MalformedError(Code.FORMAT_INVALID, "did-witness.json is an array of objects")
        # An item whose proofs were all removed may stay behind.
        found = objects_member(item, "proof") if "proof" in item else []
        proofs.setdefault(text_member(item, "versionId"), []).extend(found)
    if sum(map(len, proofs.values())) > MAX_WITNESS_PROOFS:
        raise MalformedError(Code.SIZE_EXCEEDED, "witness proofs")
    return proofs


def encode_witness_file(proofs: WitnessProofs) -> bytes:
    """Write did-witness.json."""
    return canonicalize([{"versionId": name, "proof": list(found)} for name, found in proofs.items()])


def create_witness_proof(version_id: str, *, key: SigningKey, created: datetime) -> JsonObject:
    """Approve the entry `version_id` and all before it, as the witness whose did:key is that of `key`.

    A witness verifies the entry on top of its own copy of the log before it does so.

    Raises:
        ValueError: `key` is not an Ed25519 key.
    """
    return sign_digest(
        document_digest({"versionId": version_id}),
        key=key,
        verification_method=encode_did_key_method(key.public_key),
        purpose=Relationship.ASSERTION,
        created=created,
    )


def verify_witness_proof(source: JsonObject, *, version_id: str, witness: str, now: datetime) -> None:
    """Check that the witness with this did:key approved the entry `version_id`, for good.

    Stricter than a reader of did-witness.json: whoever hands a proof on wants it to count tomorrow, and for
    every reader.

    Raises:
        MalformedError: the proof cannot be read, or has other members than those it needs.
        VerificationError: somebody else's proof, of something else, or dated more than five minutes ahead.
    """
    if source.keys() != _PROOF_MEMBERS:
        raise MalformedError(Code.MEMBER_INVALID, "members of a witness proof")
    proof = parse_lone_proof(source)
    approver, key = parse_did_key_method(proof.verification_method)
    if approver != witness:
        raise VerificationError(Code.DID_KEY_NOT_AUTHORIZED, "the proof of another witness")
    if parse_utc(text_member(source, "created")) > now + CLOCK_TOLERANCE:
        raise VerificationError(Code.DID_TIME_INVALID, "the proof is from the future")
    _verify_approval(proof, key, version_id, now)


def count_approved(rules: Sequence[WitnessRule | None], approvals: Mapping[str, Collection[int]]) -> int:
    """How many versions of a history, from the first on, can be shown so that their witnesses approve all.

    `rules` says for each version who must approve it; `approvals` for each witness the numbers of the
    versions it has signed a proof for. A proof for a version that is not shown says nothing to a reader.
    """
    shown = len(rules)
    while (refused := _first_unapproved(rules[:shown], approvals)) is not None:
        # To show more than that is of no use, and to show less takes nothing from those before it but proofs.
        shown = refused
    return shown


def verify_witnesses(versions: Sequence[VerifiedVersion], proofs: WitnessProofs | None) -> None:
    """Check that enough witnesses approved each of `versions`, which are consecutive and end with the latest.

    With `APPROVED_BY_LOG` nothing is checked.

    Raises:
        VerificationError: a version is approved by fewer distinct witnesses than its rule demands.
    """
    if proofs is None:
        return
    missing = {witness for version in versions if version.witness for witness in version.witness.witnesses}
    approved: dict[str, int] = {}  # up to which version each witness approves
    # From the latest on, so that the first valid proof of a witness is the only one that must be verified.
    for version in reversed(versions) if missing else ():
        for source in proofs.get(version.version_id, ()):
            witness = _approving_witness(source, version, missing)
            if witness is not None:
                approved[witness] = version.number
                missing.remove(witness)
    for version in versions:
        if version.witness is None:
            continue
        count = sum(approved.get(witness, 0) >= version.number for witness in version.witness.witnesses)
        if count < version.witness.threshold:
            raise VerificationError(Code.DID_WITNESS_MISSING, f"version {version.number}")


def _approving_witness(source: JsonObject, version: VerifiedVersion, sought: set[str]) -> str | None:
    """The witness among `sought` whose valid proof `source` is; an invalid proof counts for nobody."""
    try:
        witness, key = parse_did_key_method(text_member(source, "verificationMethod"))
        if witness not in sought:
            return None
        _verify_approval(parse_lone_proof(source), key, version.version_id, version.time)
    except TallyError:
        return None
    return witness


def _verify_approval(proof: UnverifiedProof, key: PublicKey, version_id: str, now: datetime) -> None:
    digest = document_digest({"versionId": version_id})
    verify_proof(proof, digest, key, expected_purpose=Relationship.ASSERTION, now=now)


def _first_unapproved(
    rules: Sequence[WitnessRule | None], approvals: Mapping[str, Collection[int]]
) -> int | None:
    """How many of the versions stand before the first that too few witnesses approve, if one is."""
    shown = len(rules)
    reach = {
        witness: max((number for number in numbers if number <= shown), default=0)
        for witness, numbers in approvals.items()
    }
    for number, rule in enumerate(rules, 1):
        if rule is None:
            continue
        if sum(reach.get(witness, 0) >= number for witness in rule.witnesses) < rule.threshold:
            return number - 1
    return None
