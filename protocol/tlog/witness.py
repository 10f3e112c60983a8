"""What a log and a witness say to each other about a checkpoint (C2SP tlog-witness v1.0.0, add-checkpoint).

The log asks:

old <tree size of the last checkpoint this witness cosigned>
<base64 of a hash of the consistency proof>
…

<the checkpoint, a signed note>

The witness answers with the signature lines to add to the note.
"""

import hashlib
from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError
from protocol.tlog.lines import encode_hashes, parse_decimal, parse_hash
from protocol.tlog.note import NoteSignature, parse_note

MAX_REQUEST_BYTES = 256 * 1024
_MAX_HASHES = 63


@dataclass(frozen=True, slots=True)
class AddCheckpointRequest:
    """A request that could be read. `checkpoint` is the signed note verbatim."""

    old_size: int
    consistency_proof: tuple[bytes, ...]
    checkpoint: str


def hash_origin(origin: str) -> str:
    """What stands for the log `origin` in addresses, 64 hex digits."""
    return hashlib.sha256(origin.encode()).hexdigest()


def parse_add_checkpoint(body: bytes) -> AddCheckpointRequest:
    """Read the body of an add-checkpoint request. Not checked: the proof, and the checkpoint in it.

    Raises:
        MalformedError: not in the form above, or more than 63 hashes.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, "add-checkpoint request")
    head, blank_line, checkpoint = decode_utf8(body).partition("\n\n")
    lines = head.split("\n")
    if not blank_line or not lines[0].startswith("old "):
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "old size, hashes, blank line, checkpoint")
    old_size = parse_decimal(lines.pop(0).removeprefix("old "), Code.LOG_NOTE_MALFORMED)
    if len(lines) > _MAX_HASHES:
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "too many hashes")
    hashes = tuple(parse_hash(line, Code.LOG_NOTE_MALFORMED) for line in lines)
    return AddCheckpointRequest(old_size, hashes, checkpoint)


def encode_add_checkpoint(request: AddCheckpointRequest) -> bytes:
    """Write the body of an add-checkpoint request."""
    hashes = encode_hashes(request.consistency_proof)
    return f"old {request.old_size}\n{hashes}\n{request.checkpoint}".encode()


def parse_cosignature_lines(body: bytes) -> tuple[NoteSignature, ...]:
    """Read the answer to an add-checkpoint request. Not checked: the signatures.

    Raises:
        MalformedError: not signature lines of a note, one at least.
    """
    # A note of one line has the same signature lines, and the reader of notes all the bounds.
    return parse_note(b"checkpoint\n\n" + body).signatures
