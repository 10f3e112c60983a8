"""Evidence that a log signed two histories: two of its checkpoints that no honest log signs both.

tallystick/fork-evidence@v1
log <vkey>
[prefix <base64 of 32 bytes>
<base64 of a hash of a consistency proof>
…]

<the checkpoint with the smaller tree, a signed note>

<the checkpoint with the larger tree, a signed note>

The form and its verification are docs/formats/fork-evidence.md. A failed consistency proof is no evidence: it
may only be a wrong proof. So the larger tree says by a *valid* one what its own beginning is, the prefix.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.tlog.checkpoint import Checkpoint, parse_checkpoint
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.lines import encode_hashes, parse_hash
from protocol.tlog.merkle import HashReader, compute_root, create_consistency_proof, verify_consistency
from protocol.tlog.note import (
    MAX_NOTE_BYTES,
    NoteKey,
    SignatureType,
    UnverifiedNote,
    encode_vkey,
    parse_note,
    parse_vkey,
    verify_signed_by_log,
)

SUFFIX = ".fork-evidence"

_HEADER = "tallystick/fork-evidence@v1"
_LOG = "log "
_PREFIX = "prefix "
_MAX_HASHES = 63
_MAX_CHARACTERS = 2 * MAX_NOTE_BYTES + 64 * 1024


@dataclass(frozen=True, slots=True)
class ForkEvidence:
    """Evidence that could be read. `smaller` and `larger` are signed notes verbatim.

    `path` is the consistency proof from `prefix` to the larger root; trees of one size have neither.
    """

    log_key: NoteKey
    smaller: str
    larger: str
    prefix: bytes | None = None
    path: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedFork:
    """Two states that the holder of `log_key` signed; the larger does not continue the smaller."""

    log_key: NoteKey
    smaller: Checkpoint
    larger: Checkpoint

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self.log_key.name


def create_fork_evidence(
    smaller: str, larger: str, *, log_key: NoteKey, read_hashes: HashReader | None
) -> ForkEvidence:
    """The evidence that two signed notes contradict each other; it has been verified.

    `read_hashes` reads nodes of the tree of `larger`, and need not be trusted. Trees of one size do without.

    Raises:
        MalformedError: a note is not a checkpoint, or what `read_hashes` raises.
        VerificationError: no evidence comes of it, as `verify_fork_evidence` says.
    """
    old_size, new_size = (parse_checkpoint(parse_note(note).text).tree_size for note in (smaller, larger))
    prefix: bytes | None = None
    path: tuple[bytes, ...] = ()
    if read_hashes is not None and 0 < old_size < new_size:
        prefix = compute_root(old_size, read_hashes)
        path = create_consistency_proof(old_size, new_size, read_hashes)
    evidence = ForkEvidence(log_key, smaller, larger, prefix, path)
    verify_fork_evidence(evidence)
    return evidence


def encode_fork_evidence(evidence: ForkEvidence) -> str:
    """Write `evidence` as the text of a `.fork-evidence` file."""
    hashes = () if evidence.prefix is None else (evidence.prefix, *evidence.path)
    proof = f"{_PREFIX}{encode_hashes(hashes)}" if hashes else ""
    head = f"{_HEADER}\n{_LOG}{encode_vkey(evidence.log_key)}\n{proof}"
    return f"{head}\n{evidence.smaller}\n{evidence.larger}"


def parse_fork_evidence(text: str) -> ForkEvidence:
    """Read the text of a `.fork-evidence` file. Not checked: the notes in it, which are kept as they are.

    Raises:
        MalformedError: not in the form above.
    """
    if len(text) > _MAX_CHARACTERS:
        raise MalformedError(Code.SIZE_EXCEEDED, "fork evidence")
    # The text of a checkpoint holds no blank line, so these four are all there are.
    parts = text.split("\n\n")
    if len(parts) != 5 or not text.endswith("\n"):
        raise _malformed("first lines, and two signed notes, each after a blank line")
    lines = parts[0].split("\n")
    if lines.pop(0) != _HEADER:
        raise _malformed("first line")
    if not lines or not lines[0].startswith(_LOG):
        raise _malformed("log line")
    log_key = _parse_log_key(lines.pop(0).removeprefix(_LOG))
    prefix = None
    if lines:
        if not lines[0].startswith(_PREFIX):
            raise _malformed("prefix line")
        prefix = parse_hash(lines.pop(0).removeprefix(_PREFIX), Code.FORK_EVIDENCE_MALFORMED)
    if len(lines) > _MAX_HASHES:
        raise _malformed("too many hashes")
    path = tuple(parse_hash(line, Code.FORK_EVIDENCE_MALFORMED) for line in lines)
    smaller, larger = f"{parts[1]}\n\n{parts[2]}\n", f"{parts[3]}\n\n{parts[4]}"
    return ForkEvidence(log_key, smaller, larger, prefix, path)


def verify_fork_evidence(evidence: ForkEvidence) -> VerifiedFork:
    """Check that the key in `evidence` signed two checkpoints that contradict each other.

    It says nothing about whose key that is. Not checked: cosignatures. The steps are those of
    docs/formats/fork-evidence.md.

    Raises:
        MalformedError: a note is not a checkpoint.
        VerificationError: one is of another log or not signed by the key, or the two are no fork
            (FORK_NOT_PROVEN).
    """
    key, prefix = evidence.log_key, evidence.prefix
    smaller, larger = (_verify_signed(note, key) for note in (evidence.smaller, evidence.larger))  # step 2
    if not 0 < smaller.tree_size <= larger.tree_size:  # step 1
        raise VerificationError(Code.FORK_NOT_PROVEN, "a tree with leaves, then one that is not smaller")
    if (prefix is None) != (smaller.tree_size == larger.tree_size):
        raise VerificationError(
            Code.FORK_NOT_PROVEN, "a prefix stands where the sizes differ, and only there"
        )
    if prefix is None:  # step 3
        if evidence.path or smaller.root_hash == larger.root_hash:
            raise VerificationError(Code.FORK_NOT_PROVEN, "two trees of one size have two roots and no proof")
    else:  # step 4
        if prefix == smaller.root_hash:
            raise VerificationError(Code.FORK_NOT_PROVEN, "the larger tree begins with the smaller one")
        try:
            verify_consistency(
                evidence.path,
                old_size=smaller.tree_size,
                old_root=prefix,
                new_size=larger.tree_size,
                new_root=larger.root_hash,
            )
        except VerificationError as error:
            # Its own words would accuse the log.
            raise VerificationError(Code.FORK_NOT_PROVEN, error.detail) from error
    return VerifiedFork(key, smaller, larger)


def find_false_cosigners(evidence: ForkEvidence, cosigners: Iterable[NoteKey]) -> tuple[NoteKey, ...]:
    """Those of `cosigners` who cosigned both states of a verified fork, as nobody does who keeps the rules.

    A cosigner with one valid cosignature was merely shown that history.
    """
    notes = [parse_note(note) for note in (evidence.smaller, evidence.larger)]
    return tuple(key for key in cosigners if all(_is_cosigned(note, key) for note in notes))


def _is_cosigned(note: UnverifiedNote, key: NoteKey) -> bool:
    for signature in note.signatures:
        with suppress(VerificationError):
            verify_cosignature(note.text, signature, key)
            return True
    return False


def _verify_signed(source: str, key: NoteKey) -> Checkpoint:
    note = parse_note(source)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != key.name:
        raise VerificationError(Code.LOG_ORIGIN_MISMATCH, "the key is that of another log")
    verify_signed_by_log(note, key)
    return checkpoint


def _parse_log_key(vkey: str) -> NoteKey:
    try:
        key = parse_vkey(vkey)
    except MalformedError as error:
        raise _malformed("key of the log") from error
    if key.signature_type is not SignatureType.ED25519:
        raise _malformed("a key of the wrong type")
    return key


def _malformed(detail: str) -> MalformedError:
    return MalformedError(Code.FORK_EVIDENCE_MALFORMED, detail)
