"""One verified version of a did:webvh DID, and the step from one to the next.

A `VerifiedVersion` holds all that the next entry is checked against, so a history is extended without being
read again: the step costs the same after one entry and after a thousand.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.codes import Code
from protocol.did.data_integrity import parse_lone_proof, verify_proof
from protocol.did.document import DidDocument, Relationship, parse_did_document
from protocol.did.key import parse_did_key_method
from protocol.did.webvh.entry import LogEntry
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.parameters import (
    Parameters,
    WitnessRule,
    authorized_keys,
    governing_witness,
    parse_first_parameters,
    parse_next_parameters,
)
from protocol.encoding.jcs import check_readable
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError, TallyError, VerificationError

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far in the future an entry may say it was made."""


@dataclass(frozen=True, slots=True)
class VerifiedVersion:
    """An entry that was verified on top of all entries before it.

    Attributes:
        did: What the DID is called in this version; a portable DID may be called otherwise in others.
        number: The version number, from 1.
        version_id: The version number and the entry hash.
        time: When the owner says the entry was made; later than that of the version before.
        state: The DID document, not read beyond its `id`.
        parameters: What is in force after the entry.
        witness: Who must approve the entry. Not checked here (`witness.verify_witnesses`).
    """

    did: str
    number: int
    version_id: str
    time: datetime
    state: JsonObject
    parameters: Parameters
    witness: WitnessRule | None

    def document(self) -> DidDocument:
        """The DID document with its keys.

        Raises:
            MalformedError: it breaks the rules of DID documents, which the history leaves to its reader.
        """
        return parse_did_document(self.state, expected_did=self.did)


def verify_first_entry(entry: LogEntry, *, now: datetime) -> VerifiedVersion:
    """Verify the first entry of a history.

    Not checked: that this is the history of the DID asked for, and the approval of witnesses.

    Raises:
        MalformedError: its parameters or the id of its document break their rules, or its canonical form
            cannot be read.
        VerificationError: it is not the entry its SCID, its hash and its signature say, or not of this time.
    """
    return _verify(entry, None, now)


def verify_next_entry(previous: VerifiedVersion, entry: LogEntry, *, now: datetime) -> VerifiedVersion:
    """Verify the entry that follows the version `previous`.

    Not checked: the approval of witnesses.

    Raises:
        MalformedError: its parameters or the id of its document break their rules, or its canonical form
            cannot be read.
        VerificationError: it does not follow from `previous`, was not made by a key authorized there, or is
            not of this time.
    """
    return _verify(entry, previous, now)


def _verify(entry: LogEntry, previous: VerifiedVersion | None, now: datetime) -> VerifiedVersion:
    """The numbered steps are those of "Read (Resolve)"; the cheap ones come first."""
    # Step 3.1: no gap, no repetition.
    if entry.number != (1 if previous is None else previous.number + 1):
        raise VerificationError(Code.DID_CHAIN_BROKEN, "the version number is not the next one")
    # Step 4: strictly later than the entry before, and not in the future.
    if previous is not None and entry.time <= previous.time:
        raise VerificationError(Code.DID_TIME_INVALID, "not later than the entry before")
    if entry.time > now + CLOCK_TOLERANCE:
        raise VerificationError(Code.DID_TIME_INVALID, "in the future")
    check_readable(entry.content + b"}")
    # Steps 1 and 7: parameters and pre-rotation.
    if previous is None:
        parameters = parse_first_parameters(entry.parameters)
    else:
        parameters = parse_next_parameters(entry.parameters, previous.parameters)
    # Step 6: the DID in the document.
    did = _verify_did(entry.state, previous, parameters)
    # Step 5: the SCID. Step 3.3: the entry hash.
    scid = parameters.scid
    if previous is None and entry.hash_as_first(scid) != scid:
        raise VerificationError(Code.DID_SCID_MISMATCH, "the SCID is not the hash of the first entry")
    predecessor = scid if previous is None else previous.version_id
    if entry.version_id != f"{entry.number}-{entry.hash_after(predecessor)}":
        raise VerificationError(Code.DID_CHAIN_BROKEN, "entry hash")
    # Step 2: the proof.
    before = None if previous is None else previous.parameters
    _verify_proofs(entry, authorized_keys(before, parameters))
    return VerifiedVersion(
        did=did,
        number=entry.number,
        version_id=entry.version_id,
        time=entry.time,
        state=entry.state,
        parameters=parameters,
        witness=governing_witness(before, parameters),
    )


def _verify_did(state: JsonObject, previous: VerifiedVersion | None, parameters: Parameters) -> str:
    did = text_member(state, "id")
    if previous is not None and did == previous.did:
        return did
    # The SCID never changes, whatever else of a portable DID does.
    if not did.startswith(f"did:webvh:{parameters.scid}:"):
        raise VerificationError(Code.DID_SCID_MISMATCH, "the SCID in the document's id")
    parse_webvh(did)
    if previous is not None:
        if not parameters.portable:
            raise VerificationError(Code.DID_PARAMETERS_INVALID, "moved, and is not portable")
        aliases = state.get("alsoKnownAs")
        if not isinstance(aliases, list) or previous.did not in aliases:
            raise MalformedError(Code.DID_DOCUMENT_INVALID, "alsoKnownAs does not name the former DID")
    return did


def _verify_proofs(entry: LogEntry, authorized: tuple[str, ...]) -> None:
    digest = entry.digest()
    signers = [_verify_proof(source, digest, authorized, entry.time) for source in entry.proofs]
    if len(set(signers)) != len(signers):
        raise VerificationError(Code.DID_PROOF_INVALID, "two proofs by one key")


def _verify_proof(source: JsonObject, digest: bytes, authorized: tuple[str, ...], moment: datetime) -> str:
    """The multikey, one of those `authorized`, that made the proof."""
    try:
        proof = parse_lone_proof(source)
    except TallyError as error:
        raise VerificationError(Code.DID_PROOF_INVALID, error.detail) from error
    try:
        did_key, key = parse_did_key_method(proof.verification_method)
    except MalformedError as error:
        raise VerificationError(Code.DID_KEY_NOT_AUTHORIZED, error.detail) from error
    multikey = did_key.removeprefix("did:key:")
    if multikey not in authorized:
        raise VerificationError(Code.DID_KEY_NOT_AUTHORIZED, "not one of the active update keys")
    try:
        # A proof that expires is judged at the time of its entry, or the history would rot and one ledger
        # node would refuse what another accepted.
        verify_proof(proof, digest, key, expected_purpose=Relationship.ASSERTION, now=moment)
    except VerificationError as error:
        raise VerificationError(Code.DID_PROOF_INVALID, error.detail) from error
    return multikey
