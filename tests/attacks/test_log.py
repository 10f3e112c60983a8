"""Attacks on proofs, checkpoints, cosignatures and tiles: each starts from a good one and breaks one thing.

What is signed is signed again after the change, so that a case fails for what it changes. The rows NT-L31 and
NT-L32 need a running ledger and stand in tests/ledger; NT-L28 is for a witness with a state.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from protocol.codes import Code
from protocol.errors import TallyError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint, parse_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import (
    compute_root,
    create_consistency_proof,
    hash_leaf,
    verify_consistency,
    verify_inclusion,
)
from protocol.tlog.note import (
    NoteKey,
    NoteSignature,
    SignatureType,
    encode_note,
    encode_vkey,
    parse_note,
    sign_note,
    verify_note_signature,
)
from protocol.tlog.policy import (
    VerifiedCheckpoint,
    parse_log_policy,
    verify_checkpoint,
    verify_freshness,
)
from protocol.tlog.proof import (
    create_log_proof,
    encode_log_proof,
    parse_log_proof,
    verify_log_proof,
)
from protocol.tlog.tiles import (
    EntryBundle,
    HashTile,
    encode_entry_bundle,
    extend_tiles,
    parse_entry_bundle,
    parse_hash_tile,
    parse_tile_path,
    read_hashes_from_tiles,
)
from protocol.tlog.witness import AddCheckpointRequest, encode_add_checkpoint, parse_add_checkpoint

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORIGIN = "ledger.example.org"
SIZE = 7
ENTRIES = [f"entry {number}".encode() for number in range(SIZE)]
LEAVES = [hash_leaf(entry) for entry in ENTRIES]
TILES = extend_tiles(0, LEAVES, lambda _tiles: [])


def read_tiles(tiles: Sequence[HashTile]) -> list[bytes]:
    return [TILES[HashTile(0, 0, SIZE)][: tile.width * 32] for tile in tiles]


def root_of(size: int) -> bytes:
    return compute_root(size, read_hashes_from_tiles(size, read_tiles))


LOG_KEY, OTHER_KEY, *WITNESS_KEYS = (Ed25519PrivateKey(bytes([number]) * 32) for number in range(1, 6))
READ_HASHES = read_hashes_from_tiles(SIZE, read_tiles)
TEXT = encode_checkpoint(Checkpoint(ORIGIN, SIZE, root_of(SIZE)))


def log_signature(text: str = TEXT, *, name: str = ORIGIN) -> NoteSignature:
    return sign_note(text, name=name, key=LOG_KEY)


def cosignature(number: int, text: str = TEXT, *, time: datetime = NOW) -> NoteSignature:
    return sign_cosignature(text, name=f"witness.example.org/{number}", key=WITNESS_KEYS[number], now=time)


def dated(seconds: int) -> NoteSignature:
    """A cosignature with a time that no honest signer writes."""
    signed = WITNESS_KEYS[0].sign(f"cosignature/v1\ntime {seconds}\n{TEXT}".encode())
    return replace(cosignature(0), signature=seconds.to_bytes(8) + signed)


def witness_line(number: int, name: str, key_name: str | None = None) -> str:
    key = NoteKey(
        key_name or f"witness.example.org/{number}",
        SignatureType.ED25519_COSIGNATURE,
        WITNESS_KEYS[number].public_key,
    )
    return f"witness {name} {encode_vkey(key)}\n"


NOTE_KEY = NoteKey(ORIGIN, SignatureType.ED25519, LOG_KEY.public_key)
LINES = f"log {encode_vkey(NOTE_KEY)}\n" + "".join(witness_line(number, f"w{number}") for number in range(3))
POLICY_TEXT = f"{LINES}group g 2 w0 w1 w2\nquorum g\n"
POLICY = parse_log_policy(POLICY_TEXT)
GOOD = (log_signature(), cosignature(0), cosignature(1))
NOTE = encode_note(TEXT, GOOD)
PROOF = create_log_proof(2, checkpoint=NOTE, read_hashes=READ_HASHES)
PROOF_TEXT = encode_log_proof(PROOF)
CONSISTENCY = create_consistency_proof(3, SIZE, READ_HASHES)
REQUEST = AddCheckpointRequest(3, CONSISTENCY, NOTE)


def checkpoint(*signatures: NoteSignature, text: str = TEXT, source: str | bytes = "") -> VerifiedCheckpoint:
    return verify_checkpoint(source or encode_note(text, signatures), policy=POLICY, now=NOW)


def signed(text: str) -> VerifiedCheckpoint:
    """Whatever `text` says, the log and two witnesses signed it."""
    return checkpoint(log_signature(text), cosignature(0, text), cosignature(1, text), text=text)


def inclusion(
    proof: Sequence[bytes] = PROOF.inclusion_proof,
    *,
    leaf: bytes = LEAVES[2],
    index: int = 2,
    size: int = SIZE,
    root: bytes = root_of(SIZE),
) -> None:
    verify_inclusion(proof, leaf_hash=leaf, leaf_index=index, tree_size=size, root_hash=root)


def consistency(
    proof: Sequence[bytes] = CONSISTENCY,
    *,
    old: int = 3,
    old_root: bytes = root_of(3),
    new: int = SIZE,
    new_root: bytes = root_of(SIZE),
) -> None:
    verify_consistency(proof, old_size=old, old_root=old_root, new_size=new, new_root=new_root)


def proof_file(text: str = PROOF_TEXT, *, entry: bytes = ENTRIES[2]) -> VerifiedCheckpoint:
    return verify_log_proof(parse_log_proof(text), entry=entry, policy=POLICY, now=NOW)


def witness(request: AddCheckpointRequest = REQUEST, *, recorded: int = 3, key: NoteKey = NOTE_KEY) -> None:
    """What a witness checks of a request, with its last checkpoint at `recorded`."""
    read = parse_add_checkpoint(encode_add_checkpoint(request))
    note = parse_note(read.checkpoint)
    submitted = parse_checkpoint(note.text)
    if submitted.origin != key.name:
        raise VerificationError(Code.LOG_ORIGIN_MISMATCH)
    verify_note_signature(note.text, note.signatures[0], key)
    verify_consistency(
        read.consistency_proof,
        old_size=read.old_size,
        old_root=root_of(recorded),
        new_size=submitted.tree_size,
        new_root=submitted.root_hash,
    )


def submission(text: str, key: Ed25519PrivateKey = LOG_KEY) -> AddCheckpointRequest:
    return replace(REQUEST, checkpoint=encode_note(text, [sign_note(text, name=ORIGIN, key=key)]))


def with_size(size: str) -> str:
    return TEXT.replace(f"\n{SIZE}\n", f"\n{size}\n")


def with_root(root: str) -> str:
    return "".join(f"{line}\n" for line in [ORIGIN, str(SIZE), root])


ROOT = TEXT.split("\n")[2]
Attack = Callable[[], object]


def cases() -> Iterator[tuple[str, Code, Attack]]:
    inclusion_bad, consistency_bad = Code.LOG_PROOF_INVALID, Code.LOG_CONSISTENCY_INVALID
    hashes = PROOF.inclusion_proof
    for number, byte in [(number, byte) for number in range(len(hashes)) for byte in range(32)]:
        hash_ = hashes[number]
        flipped = hash_[:byte] + bytes([hash_[byte] ^ 0x40]) + hash_[byte + 1 :]
        changed = (*hashes[:number], flipped, *hashes[number + 1 :])
        yield f"NT-L01-hash-{number}-byte-{byte}", inclusion_bad, partial(inclusion, changed)
    yield "NT-L02-too-short", inclusion_bad, lambda: inclusion(hashes[:-1])
    yield "NT-L02-too-long", inclusion_bad, lambda: inclusion((*hashes, hashes[0]))
    yield "NT-L02-empty", inclusion_bad, lambda: inclusion(())
    yield (
        "NT-L02-not-empty-for-size-1",
        inclusion_bad,
        lambda: inclusion(hashes[:1], leaf=LEAVES[0], index=0, size=1, root=LEAVES[0]),
    )
    for index in (SIZE, SIZE + 1, -1, 2**64):
        yield f"NT-L03-index-{index}", inclusion_bad, partial(inclusion, index=index)
    yield "NT-L04-another-leaf", inclusion_bad, lambda: inclusion(leaf=LEAVES[3])
    yield "NT-L04-another-index", inclusion_bad, lambda: inclusion(index=3)
    yield "NT-L04-proof-of-another-entry", inclusion_bad, lambda: proof_file(entry=ENTRIES[3])
    pair = LEAVES[2] + LEAVES[3]
    yield (
        "NT-L05-entry-that-is-two-hashes",
        inclusion_bad,
        lambda: inclusion(hashes[1:], leaf=hash_leaf(pair), index=1, size=4),
    )
    for name, root in {
        "31-bytes": b64encode(bytes(31)).decode(),
        "33-bytes": b64encode(bytes(33)).decode(),
        "unused-bits": b64encode(bytes(32)).decode().replace("A=", "B="),
        "url-alphabet": "_" * 43 + "=",
        "no-padding": ROOT.rstrip("="),
    }.items():
        text, line = with_root(root), b64encode(hashes[0]).decode()
        yield f"NT-L06-root-{name}", Code.LOG_NOTE_MALFORMED, partial(signed, text)
        changed_file = PROOF_TEXT.replace(line, root)
        yield f"NT-L06-proof-{name}", inclusion_bad, partial(proof_file, changed_file)
    yield "NT-L07-old-root", consistency_bad, lambda: consistency(old_root=root_of(4))
    yield "NT-L07-new-root", consistency_bad, lambda: consistency(new_root=root_of(6))
    yield "NT-L07-truncated", consistency_bad, lambda: consistency(CONSISTENCY[:-1])
    yield "NT-L07-reversed", consistency_bad, lambda: consistency(CONSISTENCY[::-1])
    yield "NT-L08-old-larger-than-new", Code.LOG_ROLLBACK, lambda: consistency(new=2)
    yield "NT-L08-same-size-other-root", Code.LOG_FORK, lambda: consistency((), new=3)
    yield "NT-L09-old-size-0-with-a-proof", consistency_bad, lambda: consistency(old=0)
    for size in ("07", "+7", " 7", "7_0", "-0", str(2**64), "٧"):
        text = with_size(size)
        yield f"NT-L10-size-{size}", Code.LOG_NOTE_MALFORMED, partial(signed, text)
    yield "NT-L10-no-newline", Code.LOG_NOTE_MALFORMED, lambda: signed(TEXT[:-1])
    yield "NT-L11-size-0-with-a-root", Code.LOG_NOTE_MALFORMED, lambda: signed(with_size("0"))
    for name, origin in {
        "other": "other.example.org",
        "trailing-space": f"{ORIGIN} ",
        "confusable": ORIGIN.replace("e", "е"),
        "case": ORIGIN.upper(),
    }.items():
        text = TEXT.replace(ORIGIN, origin)
        yield f"NT-L12-{name}", Code.LOG_ORIGIN_MISMATCH, partial(signed, text)
    for name, mark in {"CR": "\r", "TAB": "\t", "NUL": "\0"}.items():
        source = NOTE.replace("\n", f"{mark}\n", 1)
        yield f"NT-L13-{name}", Code.LOG_NOTE_MALFORMED, partial(checkpoint, source=source)
    yield "NT-L13-not-UTF-8", Code.TEXT_INVALID, lambda: checkpoint(source=b"\xff" + NOTE.encode())
    yield "NT-L13-empty-extension", Code.LOG_NOTE_MALFORMED, lambda: signed(f"{TEXT}\nmore\n")
    bad = replace(GOOD[0], signature=bytes(64))
    yield "NT-L14-bad-beside-good", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(bad, *GOOD)
    yield "NT-L14-good-beside-bad", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(*GOOD, bad)
    bad_witness = replace(cosignature(2), signature=bytes(72))
    yield "NT-L14-bad-witness", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(*GOOD, bad_witness)
    unknown = sign_note(TEXT, name=ORIGIN, key=OTHER_KEY)
    yield "NT-L15-only-unknown-keys", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(unknown)
    yield "NT-L15-no-signature", Code.LOG_NOTE_MALFORMED, lambda: checkpoint()
    many = [NoteSignature("w", bytes(4), bytes(5000))] * 64
    yield "NT-L15-too-many", Code.SIZE_EXCEEDED, lambda: checkpoint(*GOOD, *many)
    moved_key = NoteKey(ORIGIN, SignatureType.ED25519_COSIGNATURE, LOG_KEY.public_key)
    moved = replace(GOOD[0], key_id=moved_key.key_id)
    yield "NT-L16-other-type", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(moved, *GOOD[1:])
    yield "NT-L17-rollback", Code.LOG_ROLLBACK, lambda: consistency((), old=SIZE, new=3)
    yield "NT-L17-fork", Code.LOG_FORK, lambda: consistency((), old=SIZE, old_root=bytes(32))
    old = [cosignature(number, time=NOW - timedelta(hours=25)) for number in range(2)]
    yield (
        "NT-L18-stale",
        Code.LOG_STALE,
        lambda: verify_freshness(checkpoint(GOOD[0], *old), max_age=timedelta(hours=24), now=NOW),
    )
    yield "NT-L19-1-of-2", Code.LOG_QUORUM_MISSING, lambda: checkpoint(*GOOD[:2])
    yield "NT-L19-one-twice", Code.LOG_QUORUM_MISSING, lambda: checkpoint(*GOOD[:2], GOOD[1])
    twin = POLICY_TEXT.replace("group", witness_line(0, "w3", "twin.example.org") + "group")
    yield "NT-L19-two-names-one-key", Code.LOG_POLICY_INVALID, lambda: parse_log_policy(twin)
    later = replace(GOOD[1], signature=(1).to_bytes(8) + GOOD[1].signature[8:])
    yield "NT-L20-altered", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(GOOD[0], later, GOOD[2])
    for seconds in (0, 2**63, 2**64 - 1):
        cosigned = dated(seconds)
        yield (
            f"NT-L20-time-{seconds}",
            Code.LOG_SIGNATURE_INVALID,
            partial(checkpoint, GOOD[0], cosigned, GOOD[2]),
        )
    future = cosignature(0, time=NOW + timedelta(minutes=6))
    yield "NT-L20-future", Code.LOG_QUORUM_MISSING, lambda: checkpoint(GOOD[0], future, GOOD[2])
    plain = replace(GOOD[1], signature=GOOD[1].signature[:8] + WITNESS_KEYS[0].sign(TEXT.encode()))
    yield "NT-L21-without-header", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(GOOD[0], plain, GOOD[2])
    elsewhere = cosignature(0, TEXT.replace(ORIGIN, "other.example.org"))
    yield "NT-L22-other-log", Code.LOG_SIGNATURE_INVALID, lambda: checkpoint(GOOD[0], elsewhere, GOOD[2])
    yield (
        "NT-L23-unknown-origin",
        Code.LOG_ORIGIN_MISMATCH,
        lambda: witness(submission(TEXT.replace(ORIGIN, "other.example.org"))),
    )
    yield (
        "NT-L24-other-key",
        Code.LOG_SIGNATURE_INVALID,
        lambda: witness(submission(TEXT, OTHER_KEY)),
    )
    yield "NT-L25-old-larger-than-new", Code.LOG_ROLLBACK, lambda: witness(replace(REQUEST, old_size=8))
    yield (
        "NT-L25-64-hashes",
        Code.LOG_NOTE_MALFORMED,
        lambda: witness(replace(REQUEST, consistency_proof=CONSISTENCY[:1] * 64)),
    )
    yield "NT-L25-malformed", Code.LOG_NOTE_MALFORMED, lambda: parse_add_checkpoint(b"old\n\n")
    yield "NT-L26-old-size-not-recorded", consistency_bad, lambda: witness(recorded=4)
    yield (
        "NT-L27-bad-proof",
        consistency_bad,
        lambda: witness(replace(REQUEST, consistency_proof=CONSISTENCY[::-1])),
    )
    yield (
        "NT-L27-same-size-other-root",
        Code.LOG_FORK,
        lambda: witness(replace(submission(with_root("A" * 43 + "=")), old_size=SIZE), recorded=SIZE),
    )
    for width in (255, 257):
        data = bytes(32 * width)
        yield (
            f"NT-L29-{width}-hashes",
            Code.LOG_TILE_INVALID,
            partial(parse_hash_tile, data, HashTile(0, 0)),
        )
    for path in ("tile/0/000.p/0", "tile/0/x1/2", "tile/64/000"):
        yield f"NT-L29-{path}", Code.LOG_TILE_INVALID, partial(parse_tile_path, path)
    bundle = encode_entry_bundle(ENTRIES)
    for name, changed_bundle in {
        "length-past-the-end": b"\xff\xff" + bundle[2:],
        "trailing-bytes": bundle + b"\0",
        "entry-missing": bundle[: -len(ENTRIES[-1]) - 2],
    }.items():
        yield (
            f"NT-L30-{name}",
            Code.LOG_TILE_INVALID,
            partial(parse_entry_bundle, changed_bundle, EntryBundle(0, SIZE)),
        )
    extra = PROOF_TEXT.replace("index 2\n", f"extra {b64encode(ENTRIES[3]).decode()}\nindex 2\n")
    yield "NT-L33-extra-is-not-proven", inclusion_bad, lambda: proof_file(extra, entry=ENTRIES[3])
    for name, changed_file in {
        "leading-zero": PROOF_TEXT.replace("index 2", "index 02"),
        "no-blank-line": PROOF_TEXT.replace("\n\n", "\n", 1),
    }.items():
        yield f"NT-L33-{name}", inclusion_bad, partial(proof_file, changed_file)


CASES = list(cases())
ROWS = [f"NT-L{number:02}" for number in range(1, 34) if number not in (28, 31, 32)]


def test_what_the_attacks_start_from_is_accepted() -> None:
    assert signed(TEXT) == checkpoint(*GOOD) == proof_file()
    assert verify_freshness(checkpoint(*GOOD), max_age=timedelta(hours=24), now=NOW) == NOW
    inclusion()
    consistency()
    witness()
    assert parse_hash_tile(bytes(32 * 256), HashTile(0, 0))
    assert list(parse_entry_bundle(encode_entry_bundle(ENTRIES), EntryBundle(0, SIZE))) == ENTRIES


@pytest.mark.parametrize(
    ("code", "attack"), [pytest.param(code, attack, id=name) for name, code, attack in CASES]
)
def test_attack_on_the_log_is_refused(code: Code, attack: Attack) -> None:
    with pytest.raises(TallyError) as caught:
        attack()
    assert caught.value.code is code


def test_every_row_has_a_case() -> None:
    assert sorted({name[:6] for name, _, _ in CASES}) == ROWS
    assert len({name for name, _, _ in CASES}) == len(CASES)
