"""Finding the state of a DID, and its accreditations, in proofs that somebody handed in, without any network.

A proof is worth what the trusted ledger's quorum says in it, whoever brings it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Code
from protocol.did.jwk import resolve_did_jwk
from protocol.did.key import resolve_did_key
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.did.webvh.history import VerifiedHistory, verify_history
from protocol.did.webvh.logged import LoggedHistory, verify_logged_history
from protocol.did.webvh.witness import APPROVED_BY_LOG
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.index.leaf import IndexEntry
from protocol.index.proof import TallyProof, VerifiedRecords, parse_tally_proof, verify_tally_proof
from protocol.index.subject import Subject, did_subject
from protocol.issuer_trust import LoggedRecords
from protocol.records import split_history
from protocol.records.accreditation import accreditation_subject
from protocol.records.key_compromise import KeyCompromisedRecord, compromised_keys
from protocol.tlog.policy import VerifiedCheckpoint

MAX_PROOFS = 16
ACCREDITATIONS_OF = "accreditations of "
"""Stands before the DID in the detail of EVIDENCE_MISSING where it is not its history that is missing."""


class EvidenceResolver:
    """Resolves did:webvh from the tally proofs it was given, did:key and did:jwk by themselves.

    Of several proofs about one DID the youngest counts; that the others hold too is demanded all the same.

    Args:
        trusted: The ledgers whose proofs count, each for the DIDs that live on it.
        proofs: Tally proofs, bytes as they came.
        clock: Tells the time.

    Raises:
        MalformedError: one is no tally proof, or there are more than 16.
    """

    def __init__(
        self, trusted: TrustedLedgers, proofs: Iterable[bytes], *, clock: Callable[[], datetime]
    ) -> None:
        self._trusted = trusted
        self._clock = clock
        self._proofs: list[TallyProof] = []
        for data in proofs:
            if len(self._proofs) == MAX_PROOFS:
                raise MalformedError(Code.SIZE_EXCEEDED, "proofs handed in")
            self._proofs.append(parse_tally_proof(data))

    def resolve(self, did: str, *, at: datetime | None = None) -> VerifiedDid:
        """The verified state of `did`, or what it was at a moment of the past.

        How old the proof is, is for the policy to judge: `evidence.time` of the result says it.

        Raises:
            MalformedError: not a DID, or a part of its proof cannot be read.
            VerificationError: no supported method, on no trusted ledger, or its history must not be trusted.
            UnavailableError: EVIDENCE_MISSING, none of the proofs is about it.
        """
        return resolve_by_itself(did) or self.read_history(did).verified_did(at=at)

    def read_history(self, did: str) -> LoggedHistory:
        """The verified history of `did`, a did:webvh.

        Raises:
            MalformedError, VerificationError, UnavailableError: as `resolve`, but for a deactivated DID.
        """
        ledger = self._trusted.ledger_of(did)
        subject = did_subject(did)
        found = [proof for proof in self._proofs if proof.subject == subject]
        if not found:
            raise UnavailableError(Code.EVIDENCE_MISSING, did)
        verified = [self._verify(proof, did, ledger) for proof in found]
        return max(verified, key=lambda logged: logged.evidence.time)

    def read_accreditations(self, did: str, root: str) -> LoggedRecords:
        """All records about the accreditations of `did` on the ledger that `root` lives on.

        Raises:
            MalformedError: not a DID, or a proof cannot be read.
            VerificationError: that ledger is not trusted, or a proof does not hold.
            UnavailableError: EVIDENCE_MISSING, none of the proofs is about them on that ledger.
        """
        ledger = self._trusted.ledger_of(root)
        subject = accreditation_subject(did)
        # Others than its own ledger may hold accreditations of the same DID, for other roots.
        found = [
            self._verify_records(proof, subject, ledger)
            for proof in self._proofs
            if proof.subject == subject and proof.index_entry.origin == ledger.origin
        ]
        if not found:
            raise UnavailableError(Code.EVIDENCE_MISSING, f"{ACCREDITATIONS_OF}{did}")
        return max(found, key=lambda logged: logged.evidence.time)

    def _verify(self, proof: TallyProof, did: str, ledger: TrustedLedger) -> LoggedHistory:
        logged = self._verify_records(proof, did_subject(did), ledger)
        records = logged.records
        if not records.entries:
            raise UnavailableError(Code.DID_NOT_FOUND, did)
        entries, marks = split_history(records.leaves)
        history = verify_history(entries, did=did, now=self._clock(), witness_proofs=APPROVED_BY_LOG)
        return logged_history(history, marks, records, evidence=logged.evidence)

    def _verify_records(self, proof: TallyProof, subject: Subject, ledger: TrustedLedger) -> LoggedRecords:
        records = verify_tally_proof(proof, subject=subject, policy=ledger.policy, now=self._clock())
        if records.log.origin != ledger.origin:
            raise VerificationError(Code.LOG_ORIGIN_MISMATCH, "the proof is of another log")
        return LoggedRecords(records, log_evidence(records.log, records.checkpoint, handed_in=True))


def resolve_by_itself(did: str) -> VerifiedDid | None:
    """The state of a DID that is its own key; None for one that must be looked up, a did:webvh.

    Raises:
        MalformedError: not a DID.
        VerificationError: no supported method.
    """
    if did.startswith("did:key:"):
        return resolve_did_key(did)
    if did.startswith("did:jwk:"):
        return resolve_did_jwk(did)
    if not did.startswith("did:"):
        raise MalformedError(Code.DID_INVALID)
    if not did.startswith("did:webvh:"):
        raise VerificationError(Code.DID_METHOD_UNSUPPORTED)
    return None


def log_evidence(log: IndexEntry, checkpoint: VerifiedCheckpoint, *, handed_in: bool) -> LogEvidence:
    """What `checkpoint`, of the index log, says of when `log` was seen.

    Raises:
        VerificationError: nobody else vouches for a time.
    """
    if checkpoint.time is None:
        raise VerificationError(Code.LOG_STALE, "the log policy demands no cosignatures, so there is no time")
    return LogEvidence(log.origin, log.tree_size, checkpoint.time, handed_in)


def logged_history(
    history: VerifiedHistory,
    marks: Sequence[KeyCompromisedRecord],
    records: VerifiedRecords,
    *,
    evidence: LogEvidence,
) -> LoggedHistory:
    """`history` and the `marks` on its keys, read from `records`, with the times at which it was logged.

    Raises:
        VerificationError: an entry says that it was made after it was logged.
    """
    marked = {mark.leaf for mark in marks}
    times = [entry.time for entry in records.entries if entry.leaf not in marked]
    return verify_logged_history(history, times, compromised=compromised_keys(marks), evidence=evidence)
