"""All that a log holds about one subject, with the proof that it is all, in one file.

tallystick/tally-proof@v1
subject <kind> <name>
entry <leaf index> <time> <base64 of the entry>
…
[neighbour <base64 of a key> <base64 of a value>]
path <position> <base64 of the sibling's hash>
…
index <base64 of the last entry of the index log>
<base64 of a hash of its inclusion proof>
…

<checkpoint of the index log, a signed note>

The form and its verification are docs/formats/tally-proof.md.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise

from protocol.codes import Code
from protocol.encoding.base64 import decode_base64, encode_base64
from protocol.encoding.strict_json import decode_utf8
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import MalformedError, RefusedError, VerificationError
from protocol.index.chain import IndexedLeaf, compute_chain
from protocol.index.leaf import IndexEntry, encode_index_entry, index_origin, parse_index_entry
from protocol.index.map import MapSnapshot
from protocol.index.map_proof import MapProof, Neighbour, PathStep, verify_map_proof
from protocol.index.subject import KEY_BITS, Subject
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.lines import encode_hashes, parse_decimal, parse_hash
from protocol.tlog.merkle import HashReader, create_inclusion_proof, hash_leaf, verify_inclusion
from protocol.tlog.note import parse_note
from protocol.tlog.policy import LogPolicy, VerifiedCheckpoint, verify_checkpoint

SUFFIX = ".tally-proof"
MAX_PROOF_BYTES = 8 << 20
MAX_ENTRIES = 2000

_HEADER = "tallystick/tally-proof@v1"
_MAX_HASHES = 63
_MAX_LINES = MAX_ENTRIES + KEY_BITS + _MAX_HASHES + 4

_parse_number = partial(parse_decimal, code=Code.INDEX_PROOF_INVALID)
_parse_hash = partial(parse_hash, code=Code.INDEX_PROOF_INVALID)


@dataclass(frozen=True, slots=True)
class SubjectEntry:
    """An entry of the log about a subject: its index in the log, when it was logged, and its bytes.

    The time is that of the first entry of the index log that covers it, in whole seconds.
    """

    leaf_index: int
    time: datetime
    leaf: bytes

    @property
    def indexed(self) -> IndexedLeaf:
        """What the index holds of it."""
        return IndexedLeaf(self.leaf_index, self.time, hash_leaf(self.leaf))


@dataclass(frozen=True, slots=True)
class TallyProof:
    """A proof that could be read.

    Attributes:
        subject: What it is about.
        entries: All entries about it in the order of the log, as the proof says.
        map_proof: From the subject's place in the map up to the map's root.
        index_entry: What the last entry of the index log says the log and the map are.
        inclusion_proof: From that entry up to the root of the index log.
        checkpoint: The checkpoint of the index log, a signed note verbatim.
    """

    subject: Subject
    entries: tuple[SubjectEntry, ...]
    map_proof: MapProof
    index_entry: IndexEntry
    inclusion_proof: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class VerifiedRecords:
    """All that a log held about a subject when a quorum looked at it last.

    Attributes:
        subject: What the entries are about.
        entries: All of them in the order of the log; none if the log held nothing about the subject.
        log: The log and its map at that time: origin, size and roots.
        checkpoint: The checkpoint of the index log that says so, with the time the quorum vouches for.
    """

    subject: Subject
    entries: tuple[SubjectEntry, ...]
    log: IndexEntry
    checkpoint: VerifiedCheckpoint

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """The bytes of the entries."""
        return tuple(entry.leaf for entry in self.entries)

    @property
    def time(self) -> datetime | None:
        """When it was like that; None when the policy demands no cosignatures."""
        return self.checkpoint.time


def create_tally_proof(
    subject: Subject,
    entries: Sequence[SubjectEntry],
    *,
    state: MapSnapshot,
    index_entry: IndexEntry,
    checkpoint: str,
    read_hashes: HashReader,
) -> TallyProof:
    """The proof that `entries` are all that the log holds about `subject`.

    `state` is the map as `index_entry` states it, that is the last entry of the index log as `checkpoint` (a
    signed note) states it, and `read_hashes` reads nodes of that log.

    Raises:
        MalformedError: the note is not a checkpoint.
        ValueError: the map is not that of `index_entry`, holds other entries, or the index log is empty.
    """
    chain = compute_chain(entry.indexed for entry in entries) if entries else None
    if state.root_hash != index_entry.map_root or state.get(subject.key) != chain:
        raise ValueError("the map is another, or holds other entries about the subject")
    tree_size = parse_checkpoint(parse_note(checkpoint).text).tree_size
    inclusion_proof = create_inclusion_proof(tree_size - 1, tree_size, read_hashes)
    return TallyProof(
        subject, tuple(entries), state.prove(subject.key), index_entry, inclusion_proof, checkpoint
    )


def encode_tally_proof(proof: TallyProof) -> str:
    """Write `proof` as the text of a `.tally-proof` file.

    Raises:
        RefusedError: more than 2,000 entries, or more than 8 MiB; no reader would take it.
    """
    neighbour = proof.map_proof.neighbour
    lines = [_HEADER, f"subject {proof.subject.kind} {proof.subject.name}"]
    lines += [
        f"entry {entry.leaf_index} {to_seconds(entry.time)} {encode_base64(entry.leaf)}"
        for entry in proof.entries
    ]
    if neighbour is not None:
        lines.append(f"neighbour {encode_base64(neighbour.key)} {encode_base64(neighbour.value)}")
    lines += [f"path {step.position} {encode_base64(step.sibling)}" for step in proof.map_proof.path]
    lines.append(f"index {encode_base64(encode_index_entry(proof.index_entry))}")
    head = "".join(f"{line}\n" for line in lines)
    text = f"{head}{encode_hashes(proof.inclusion_proof)}\n{proof.checkpoint}"
    if len(proof.entries) > MAX_ENTRIES or len(text.encode()) > MAX_PROOF_BYTES:
        raise RefusedError(Code.SIZE_EXCEEDED, "tally proof")
    return text


def parse_tally_proof(source: str | bytes) -> TallyProof:
    """Read a `.tally-proof` file. Not checked: what it proves, and the checkpoint in it, kept as it is.

    Raises:
        MalformedError: not in the form above, more than 2,000 entries, or more than 8 MiB.
    """
    # Lone surrogates in a str become bytes that are not UTF-8 and are refused with the rest.
    data = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    if len(data) > MAX_PROOF_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, "tally proof")
    head, blank_line, checkpoint = decode_utf8(data).partition("\n\n")
    if head.count("\n") > _MAX_LINES:
        raise MalformedError(Code.SIZE_EXCEEDED, "lines of a tally proof")
    lines = deque(head.split("\n"))
    if not blank_line or lines.popleft() != _HEADER:
        raise _malformed("first line, subject, what is proven, blank line, checkpoint")
    subjects = [_parse_subject(kind, name) for kind, name in map(_pair, _take(lines, "subject "))]
    entries = tuple(map(_parse_entry, _take(lines, "entry ")))
    neighbours = [
        Neighbour(_parse_hash(key), _parse_hash(value))
        for key, value in map(_pair, _take(lines, "neighbour "))
    ]
    path = tuple(
        PathStep(_parse_number(position), _parse_hash(sibling))
        for position, sibling in map(_pair, _take(lines, "path "))
    )
    index_entries = [_parse_index_entry(line) for line in _take(lines, "index ")]
    if len(subjects) != 1 or len(index_entries) != 1:
        raise _malformed("one subject line and one index line, in their places")
    if len(neighbours) > (0 if entries else 1):
        raise _malformed("at most one neighbour, and none beside entries")
    if len(entries) > MAX_ENTRIES or len(path) > KEY_BITS or len(lines) > _MAX_HASHES:
        raise MalformedError(Code.SIZE_EXCEEDED, "entries, path or hashes of a tally proof")
    inclusion_proof = tuple(map(_parse_hash, lines))
    map_proof = MapProof(path, neighbours[0] if neighbours else None)
    return TallyProof(subjects[0], entries, map_proof, index_entries[0], inclusion_proof, checkpoint)


def verify_tally_proof(
    proof: TallyProof, *, subject: Subject, policy: LogPolicy, now: datetime
) -> VerifiedRecords:
    """Check that the entries in `proof` are all that a log held about `subject`, as `policy` decides.

    The policy names the index log. The steps are those of docs/formats/tally-proof.md.
    Not checked: how old the proof is (`protocol.tlog.policy.verify_freshness`, with the `checkpoint` of the
    result), which log it is (`log.origin`), and whether the entries are valid.

    Raises:
        MalformedError: the checkpoint cannot be read.
        VerificationError: the checkpoint does not satisfy the policy, it is not one of the index log of the
            log that is spoken of, or the entries are not all that the map knows of the subject.
    """
    checkpoint = verify_checkpoint(proof.checkpoint, policy=policy, now=now)  # step 1
    log = proof.index_entry
    verify_inclusion(  # step 2
        proof.inclusion_proof,
        leaf_hash=hash_leaf(encode_index_entry(log)),
        leaf_index=checkpoint.tree_size - 1,
        tree_size=checkpoint.tree_size,
        root_hash=checkpoint.root_hash,
    )
    if checkpoint.origin != index_origin(log.origin):  # step 3
        raise VerificationError(Code.LOG_ORIGIN_MISMATCH, "the index log is not that of the log")
    if proof.subject != subject:  # step 4
        raise _invalid("it is about another subject")
    value = None  # step 6
    if proof.entries:  # step 5
        indices = [entry.leaf_index for entry in proof.entries]
        if any(left >= right for left, right in pairwise([-1, *indices, log.tree_size])):
            raise _invalid("the entries are not in the order of the log, or outside it")
        times = [entry.time for entry in proof.entries]
        if any(left > right for left, right in pairwise([*times, log.time])):
            raise _invalid("an entry is younger than the one after it, or than the index")
        value = compute_chain(entry.indexed for entry in proof.entries)
    verify_map_proof(proof.map_proof, key=subject.key, value=value, map_root=log.map_root)  # steps 5 and 6
    return VerifiedRecords(subject, proof.entries, log, checkpoint)


def _take(lines: deque[str], word: str) -> Iterator[str]:
    """The lines that come next and begin with `word`, without it."""
    while lines and lines[0].startswith(word):
        yield lines.popleft().removeprefix(word)


def _pair(line: str) -> tuple[str, str]:
    first, space, second = line.partition(" ")
    if not space:
        raise _malformed("a word is missing on a line")
    return first, second


def _parse_entry(line: str) -> SubjectEntry:
    leaf_index, rest = _pair(line)
    seconds, leaf = _pair(rest)
    try:
        time = from_seconds(_parse_number(seconds))
    except MalformedError as error:
        raise _malformed("time of an entry") from error
    return SubjectEntry(_parse_number(leaf_index), time, _decode(leaf))


def _decode(text: str) -> bytes:
    try:
        return decode_base64(text)
    except MalformedError as error:
        raise _malformed("an entry is not in base64") from error


def _parse_subject(kind: str, name: str) -> Subject:
    try:
        return Subject(kind, name)
    except MalformedError as error:
        raise _malformed("subject line") from error


def _parse_index_entry(text: str) -> IndexEntry:
    try:
        return parse_index_entry(_decode(text))
    except MalformedError as error:
        raise _malformed("index line") from error


def _malformed(detail: str) -> MalformedError:
    return MalformedError(Code.INDEX_PROOF_INVALID, detail)


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.INDEX_PROOF_INVALID, detail)
