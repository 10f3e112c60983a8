"""Proofs that travel with what they prove: an inclusion proof and its checkpoint (C2SP tlog-proof).

c2sp.org/tlog-proof@v1
[extra <base64>]
index <n>
<base64 of a hash>, from the leaf's sibling up to the root's child
…

<the checkpoint, a signed note>
"""

from dataclasses import dataclass
from datetime import datetime

from protocol.codes import Code
from protocol.encoding.base64 import decode_base64, encode_base64
from protocol.errors import MalformedError
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.lines import encode_hashes, parse_decimal, parse_hash
from protocol.tlog.merkle import HashReader, create_inclusion_proof, hash_leaf, verify_inclusion
from protocol.tlog.note import MAX_NOTE_BYTES, parse_note
from protocol.tlog.policy import LogPolicy, VerifiedCheckpoint, verify_checkpoint

_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_HASHES = 63
_MAX_CHARACTERS = MAX_NOTE_BYTES + 64 * 1024


@dataclass(frozen=True, slots=True)
class LogProof:
    """A proof that could be read. `checkpoint` is the signed note verbatim; `extra` is signed by nobody."""

    leaf_index: int
    inclusion_proof: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None


def create_log_proof(leaf_index: int, *, checkpoint: str, read_hashes: HashReader) -> LogProof:
    """The proof that the entry at `leaf_index` is in the log as `checkpoint` (a signed note) states it.

    Raises:
        MalformedError: the note is not a checkpoint.
        ValueError: the log of that checkpoint has no such entry.
    """
    tree_size = parse_checkpoint(parse_note(checkpoint).text).tree_size
    return LogProof(leaf_index, create_inclusion_proof(leaf_index, tree_size, read_hashes), checkpoint)


def encode_log_proof(proof: LogProof) -> str:
    """Write `proof` as the text of a `.tlog-proof` file."""
    extra = "" if proof.extra is None else f"extra {encode_base64(proof.extra)}\n"
    hashes = encode_hashes(proof.inclusion_proof)
    return f"{_HEADER}\n{extra}index {proof.leaf_index}\n{hashes}\n{proof.checkpoint}"


def parse_log_proof(text: str) -> LogProof:
    """Read the text of a `.tlog-proof` file. Not checked: the checkpoint in it, which is kept as it is.

    Raises:
        MalformedError: not in the form above.
    """
    if len(text) > _MAX_CHARACTERS:
        raise MalformedError(Code.SIZE_EXCEEDED, "log proof")
    head, blank_line, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not blank_line or lines.pop(0) != _HEADER:
        raise _malformed("first line, index, hashes, blank line, checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        try:
            extra = decode_base64(lines.pop(0).removeprefix("extra "))
        except MalformedError as error:
            raise _malformed("extra line") from error
    if not lines or not lines[0].startswith("index "):
        raise _malformed("index line")
    leaf_index = parse_decimal(lines.pop(0).removeprefix("index "), Code.LOG_PROOF_INVALID)
    if len(lines) > _MAX_HASHES:
        raise _malformed("too many hashes")
    hashes = tuple(parse_hash(line, Code.LOG_PROOF_INVALID) for line in lines)
    return LogProof(leaf_index, hashes, checkpoint, extra)


def verify_log_proof(
    proof: LogProof, *, entry: bytes, policy: LogPolicy, now: datetime
) -> VerifiedCheckpoint:
    """Check that `entry` is in the log at `proof.leaf_index`, in a state that satisfies `policy`.

    The leaf hash is computed here from the very entry that is to be believed, so a valid proof of another
    entry fails. Not checked: that nothing newer about the same subject was logged since; inclusion is not
    freshness.

    Raises:
        MalformedError: the checkpoint cannot be read.
        VerificationError: the checkpoint does not satisfy the policy, or the proof is not of this entry.
    """
    checkpoint = verify_checkpoint(proof.checkpoint, policy=policy, now=now)
    verify_inclusion(
        proof.inclusion_proof,
        leaf_hash=hash_leaf(entry),
        leaf_index=proof.leaf_index,
        tree_size=checkpoint.tree_size,
        root_hash=checkpoint.root_hash,
    )
    return checkpoint


def _malformed(detail: str) -> MalformedError:
    return MalformedError(Code.LOG_PROOF_INVALID, detail)
