"""Since when a document has existed at the latest, by a log's word and without any network."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.codes import Code
from protocol.errors import UnavailableError, VerificationError
from protocol.index.proof import parse_tally_proof, verify_tally_proof
from protocol.records.timestamp import create_timestamp, document_subject
from protocol.tlog.policy import LogPolicy


@dataclass(frozen=True, slots=True)
class VerifiedTimestamp:
    """A document existed at `time`, when the quorum saw its hash in the log `origin`."""

    origin: str
    leaf_index: int
    time: datetime


def hash_file(file: Path) -> bytes:
    """The SHA-256 of a file of any size, 32 bytes.

    Raises:
        UnavailableError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise UnavailableError(Code.DISK_ERROR, f"{file}: {error.strerror}") from error


def verify_timestamp(proof: bytes, digest: bytes, *, policy: LogPolicy, now: datetime) -> VerifiedTimestamp:
    """Check that `proof`, a tally proof, shows the document with the SHA-256 `digest` in a log of `policy`.

    How old the proof is does not matter: what it says of the past stays.

    Raises:
        MalformedError: not a tally proof.
        VerificationError: it does not hold, is about something else, or shows that the log had no such
            document (DOCUMENT_NOT_LOGGED).
    """
    parsed = parse_tally_proof(proof)
    if parsed.subject != document_subject(digest):
        raise VerificationError(Code.DOCUMENT_NOT_LOGGED, "the proof is about something else")
    records = verify_tally_proof(parsed, subject=parsed.subject, policy=policy, now=now)
    expected = create_timestamp(digest).leaf
    for entry in records.entries:
        if entry.leaf == expected:
            return VerifiedTimestamp(records.log.origin, entry.leaf_index, entry.time)
    raise VerificationError(Code.DOCUMENT_NOT_LOGGED, records.log.origin)
