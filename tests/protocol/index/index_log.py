"""A log of nine entries about five subjects, its index log, and proofs that can be bent and signed again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from protocol.index.chain import IndexedLeaf
from protocol.index.leaf import IndexEntry, encode_index_entry, index_origin
from protocol.index.map import IndexMap
from protocol.index.proof import (
    SubjectEntry,
    TallyProof,
    VerifiedRecords,
    create_tally_proof,
    verify_tally_proof,
)
from protocol.index.subject import Subject, did_subject
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import (
    HashReader,
    RightEdge,
    compute_root,
    create_inclusion_proof,
    hash_leaf,
)
from protocol.tlog.note import NoteKey, SignatureType, encode_note, encode_vkey, sign_note
from protocol.tlog.policy import parse_log_policy
from protocol.tlog.tiles import extend_tiles, read_hashes_from_tiles

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORIGIN = "ledger.example.org"
LOG_KEY, INDEX_KEY, *COSIGNER_KEYS = (Ed25519PrivateKey(bytes([number]) * 32) for number in range(31, 36))
LINES = [
    f"log {encode_vkey(NoteKey(name, SignatureType.ED25519, key.public_key))}\n"
    for name, key in ((ORIGIN, LOG_KEY), (index_origin(ORIGIN), INDEX_KEY))
]
for number, key in enumerate(COSIGNER_KEYS):
    cosigner = NoteKey(f"node{number}.example.net/copy", SignatureType.ED25519_COSIGNATURE, key.public_key)
    LINES.append(f"witness w{number} {encode_vkey(cosigner)}\n")
POLICY = parse_log_policy("".join(LINES) + "group g 2 w0 w1 w2\nquorum g\n")

NAMES = ["berlin", "amsterdam", "cork", "dublin", "amsterdam", "essen", "amsterdam", "berlin", "cork"]
RECORDS = [(did_subject(f"did:example:{name}"), f"{name} {n}".encode()) for n, name in enumerate(NAMES)]
AMSTERDAM, DUBLIN, FLORENCE = (did_subject(f"did:example:{n}") for n in ("amsterdam", "dublin", "florence"))


# When the log had how many entries.
MADE = {0: NOW - timedelta(hours=3), 2: NOW - timedelta(hours=2), 5: NOW - timedelta(hours=1)}
LATEST = NOW - timedelta(minutes=1)


def time_of(leaf_index: int, size: int) -> datetime:
    """When the entry was logged, in a log of `size` entries."""
    return min([MADE[made] for made in MADE if leaf_index < made <= size], default=MADE.get(size, LATEST))


def entries_about(subject: Subject, size: int = len(RECORDS)) -> tuple[SubjectEntry, ...]:
    return tuple(
        SubjectEntry(n, time_of(n, size), leaf)
        for n, (about, leaf) in enumerate(RECORDS[:size])
        if about == subject
    )


def map_over(size: int) -> IndexMap:
    index = IndexMap()
    for number, (subject, leaf) in enumerate(RECORDS[:size]):
        index.append(subject.key, IndexedLeaf(number, time_of(number, size), hash_leaf(leaf)))
    index.commit()
    return index


def index_entry_over(size: int) -> IndexEntry:
    root = RightEdge().append(hash_leaf(leaf) for _, leaf in RECORDS[:size]).root_hash()
    time = MADE.get(size, LATEST)
    return IndexEntry(ORIGIN, size, time, root, map_over(size).published.root_hash)


EARLIER = [index_entry_over(size) for size in MADE]


def reader_over(entries: Sequence[IndexEntry]) -> HashReader:
    leaves = [hash_leaf(encode_index_entry(entry)) for entry in entries]
    tiles = extend_tiles(0, leaves, lambda _tiles: [])
    return read_hashes_from_tiles(len(leaves), lambda wanted: [tiles[tile] for tile in wanted])


def sign(
    text: str,
    *,
    name: str = index_origin(ORIGIN),
    key: Ed25519PrivateKey = INDEX_KEY,
    ages: Mapping[int, timedelta],
) -> str:
    lines = [sign_note(text, name=name, key=key)]
    for number, age in ages.items():
        cosigner = f"node{number}.example.net/copy"
        lines.append(sign_cosignature(text, name=cosigner, key=COSIGNER_KEYS[number], now=NOW - age))
    return encode_note(text, lines)


TWO = {0: timedelta(seconds=30), 1: timedelta(seconds=10)}


def checkpoint_over(
    entries: Sequence[IndexEntry],
    *,
    name: str = index_origin(ORIGIN),
    key: Ed25519PrivateKey = INDEX_KEY,
    ages: Mapping[int, timedelta] = TWO,
) -> str:
    root = compute_root(len(entries), reader_over(entries))
    return sign(encode_checkpoint(Checkpoint(name, len(entries), root)), name=name, key=key, ages=ages)


def prove(subject: Subject, size: int = len(RECORDS)) -> TallyProof:
    index_log = [*(entry for entry in EARLIER if entry.tree_size < size), index_entry_over(size)]
    return create_tally_proof(
        subject,
        entries_about(subject, size),
        state=map_over(size).published,
        index_entry=index_log[-1],
        checkpoint=checkpoint_over(index_log),
        read_hashes=reader_over(index_log),
    )


def signed_again(proof: TallyProof, **changes: object) -> TallyProof:
    """The proof with its `index_entry` changed; the index log holds that one, and is signed by all."""
    entry = replace(proof.index_entry, **changes)  # type: ignore[arg-type]
    index_log = [*EARLIER, entry]
    path = create_inclusion_proof(len(EARLIER), len(index_log), reader_over(index_log))
    return replace(proof, index_entry=entry, inclusion_proof=path, checkpoint=checkpoint_over(index_log))


def verify(proof: TallyProof, subject: Subject = AMSTERDAM) -> VerifiedRecords:
    return verify_tally_proof(proof, subject=subject, policy=POLICY, now=NOW)
