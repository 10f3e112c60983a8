"""What a ledger costs as it grows: to start, to append, to prove, in memory; and how fast a node catches up.

`python -m benchmarks.growth [SIZE …]` grows one log through these sizes, 1,000 to 1,000,000 entries unless
said. What fills it is timestamps, which need no signature; what is measured are DIDs, every entry admitted.
At each size a process of its own opens the log, so nothing is in its memory.

Appending is held against the raw limit of its one signature: two canonical forms, two digests, base58, and
one Ed25519 verification. Submitting and sequencing are threads of one process.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from nacl.bindings import crypto_sign_open

from benchmarks.appends import HOST, LATER, _first_entries, _found
from benchmarks.index import _resident
from benchmarks.measure import measure, row
from ledger.admission import Admission
from ledger.app import LedgerApp
from ledger.cosigners import Cosigners
from ledger.folder import LedgerFolder
from ledger.followed_log import FollowedLog
from ledger.front_end import FrontEnd
from ledger.log_files import LogFiles
from ledger.node.copy import LogCopy
from ledger.node.witness import SignedCheckpoint, verify_signed_checkpoint
from ledger.placement import Logged
from ledger.signer import LedgerKeys
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from ledger.tree import Tree
from protocol.encoding.base58btc import decode_multibase
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import object_member, objects_member, texts_member
from protocol.encoding.strict_json import parse_json_object
from protocol.index.proof import TallyProof, encode_tally_proof, parse_tally_proof, verify_tally_proof
from protocol.index.subject import Subject
from protocol.keys import Ed25519PrivateKey
from protocol.records import Record
from protocol.records.did import parse_did_record
from protocol.records.timestamp import create_timestamp, document_subject
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.merkle import RightEdge, create_inclusion_proof, hash_leaf
from protocol.tlog.note import encode_note, sign_note
from protocol.tlog.tiles import EntryBundle, HashTile
from storage.database import open_database

SIZES = (1_000, 10_000, 100_000, 1_000_000)
PORT = 8101
AUTHORITY = f"{HOST}:{PORT}"
ADDED = 2_000
PROVEN = 500
COPIED = 5_000
_AT_ONCE = 10_000
_WAITING = 512


def run(sizes: Sequence[int] = SIZES) -> None:
    print("\nA ledger as it grows, SQLite with synchronous=FULL")
    lines = _first_entries(PORT, max(COPIED, len(sizes) * ADDED))
    raw = _raw_rate(lines[0])
    row("raw limit: the signature of one entry verified", f"{raw:,.0f}/s")
    with tempfile.TemporaryDirectory() as home:
        keys = [os.urandom(32) for _ in range(3)]
        (Path(home) / "keys").write_bytes(b"".join(keys))
        (Path(home) / "lines").write_bytes(b"\n".join(lines))
        with _found(Path(home), AUTHORITY, _keys(Path(home))):
            pass
        for turn, size in enumerate(sizes):
            _print(size, _in_a_process(home, str(size), str(turn * ADDED)), raw)
    with tempfile.TemporaryDirectory() as home:
        seconds = _catch_up(Path(home), [parse_did_record(line) for line in lines[:COPIED]])
    rate = COPIED / seconds
    row("a node catches up from zero, every entry admitted", f"{rate:,.0f}/s", f"{rate / raw:.2f} of raw")


def _print(size: int, found: dict[str, float], raw: float) -> None:
    print(f"  {size:,} entries")
    rate = found["appended"]
    row("  start: check all, build the map", f"{found['start']:,.2f} s")
    row("  append, each entry admitted and published", f"{rate:,.0f}/s", f"{rate / raw:.2f} of raw")
    for name in ("an inclusion proof", "evidence"):
        cold, warm = found[f"{name}, cold"], found[f"{name}, warm"]
        row(f"  make {name}", f"{warm:,.2f} ms", f"{cold:,.2f} ms the first time")
    row("  read and verify evidence", f"{found['verified']:,.2f} ms", f"{found['bytes']:,.0f} B")
    row("  memory of the process", f"{found['memory'] / 2**20:,.0f} MiB")


def _raw_rate(line: bytes) -> float:
    def verify() -> None:
        entry = parse_json_object(line)
        (proof,) = objects_member(entry, "proof")
        del entry["proof"]
        signature = decode_multibase(str(proof.pop("proofValue")))
        digests = [hashlib.sha256(canonicalize(part)).digest() for part in (proof, entry)]
        crypto_sign_open(signature + b"".join(digests), public)

    parameters = object_member(parse_json_object(line), "parameters")
    public = decode_multibase(texts_member(parameters, "updateKeys")[0])[2:]
    return measure({"raw": verify})["raw"].per_second


def _in_a_process(home: str, *arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.growth", "--measure", home, *arguments]
    found: dict[str, float] = json.loads(subprocess.check_output(command, cwd=Path(__file__).parent.parent))
    return found


def _keys(home: Path) -> LedgerKeys:
    seeds = (home / "keys").read_bytes()
    return LedgerKeys(AUTHORITY, *(Ed25519PrivateKey(seeds[at : at + 32]) for at in (0, 32, 64)))


def _measure(home: Path, size: int, first: int) -> dict[str, float]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    store = LedgerStore(open_database(str(home / "ledger" / "ledger.sqlite")))
    _fill(store, size)
    folder, keys = LedgerFolder(home / "ledger", marks=home / "state" / "ledger"), _keys(home)
    policy = folder.ledger().policy
    nobody = Cosigners(policy, clock=lambda: LATER)
    front_end = FrontEnd(
        FollowedLog(store, folder.signers(keys)),
        nobody,
        holder="benchmark",
        evidence=folder.evidence,
        clock=lambda: LATER,
    )
    found: dict[str, float] = {}
    begin = perf_counter()
    with front_end:
        front_end.begin()
        front_end.refresh().result()
        found["start"] = perf_counter() - begin
        lines = (home / "lines").read_bytes().split(b"\n")[first : first + ADDED]
        admission = Admission(store, authority=AUTHORITY)
        found["appended"] = ADDED / _append(front_end, admission, lines)
        app = LedgerApp(store, front_end, admission, "", lambda: LATER)
        some = [int.from_bytes(_digest(number)) % size for number in range(PROVEN)]
        tree_size = front_end.published.log.tree_size
        proofs: list[TallyProof] = []
        for heat in ("cold", "warm"):
            begin = perf_counter()
            for index in some:
                create_inclusion_proof(index, tree_size, store.hash_reader(tree_size))
            found[f"an inclusion proof, {heat}"] = 1e3 * (perf_counter() - begin) / PROVEN
            begin = perf_counter()
            proofs = [app.evidence(_subject(index)) for index in some]
            found[f"evidence, {heat}"] = 1e3 * (perf_counter() - begin) / PROVEN
        files = [(proof.subject, encode_tally_proof(proof).encode()) for proof in proofs]
        begin = perf_counter()
        for subject, data in files:
            verify_tally_proof(parse_tally_proof(data), subject=subject, policy=policy, now=LATER)
        found["verified"] = 1e3 * (perf_counter() - begin) / PROVEN
        found["bytes"] = sum(len(data) for _, data in files) / PROVEN
        found["memory"] = _resident("VmRSS")
    return found


def _fill(store: LedgerStore, size: int) -> None:
    """Append timestamps until the log has `size` entries."""
    head = store.head()
    edge = RightEdge.load(head.tree_size, store.hash_reader(head.tree_size))
    while edge.tree_size < size:
        end = min(edge.tree_size + _AT_ONCE, size)
        records = [create_timestamp(_digest(index)) for index in range(edge.tree_size, end)]
        grown = edge.append(hash_leaf(record.leaf) for record in records)
        store.append(records, after=Head.of(edge), then=Head.of(grown))
        edge = grown


def _digest(index: int) -> bytes:
    return hashlib.sha256(index.to_bytes(8)).digest()


def _subject(index: int) -> Subject:
    return document_subject(_digest(index))


def _append(front_end: FrontEnd, admission: Admission, lines: Sequence[bytes]) -> float:
    waiting: deque[Future[Logged]] = deque()
    begin = perf_counter()
    for line in lines:
        record = parse_did_record(line)
        admission.admit(record, now=LATER)
        waiting.append(front_end.submit(record))
        if len(waiting) == _WAITING:
            waiting.popleft().result()
    while waiting:
        waiting.popleft().result()
    return perf_counter() - begin


class _OfStore(LogFiles):
    """The files of a log, without a network."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def read_tiles(self, tiles: Sequence[HashTile]) -> list[bytes]:
        return self._store.read_tiles(tiles)

    def read_bundle(self, bundle: EntryBundle) -> tuple[bytes, ...]:
        return tuple(self._store.read_bundle(bundle))


def _catch_up(home: Path, records: Sequence[Record]) -> float:
    """How long a node takes to copy a log of `records`, in seconds."""
    with _found(home, AUTHORITY) as (store, keys, _folder):
        edge = RightEdge().append(hash_leaf(record.leaf) for record in records)
        store.append(records, after=Head.of(RightEdge()), then=Head.of(edge))
        target = _sign(keys, Head.of(edge))
        with LedgerStore(open_database(str(home / "node.sqlite"))) as own:
            own.create()
            copy = LogCopy(own, _OfStore(store), authority=AUTHORITY, clock=lambda: LATER + timedelta(days=1))
            begin = perf_counter()
            while copy.tree_size < target.tree_size:
                copy.extend(target)
            return perf_counter() - begin


def _sign(keys: LedgerKeys, head: Head) -> SignedCheckpoint:
    text = encode_checkpoint(Checkpoint(keys.origin, head.tree_size, head.root_hash))
    note = encode_note(text, [sign_note(text, name=keys.origin, key=keys.log)])
    return verify_signed_checkpoint(note, keys.public_key(Tree.LOG))


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        found: dict[str, Any] = _measure(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        print(json.dumps(found))
    else:
        run([int(size) for size in sys.argv[1:]] or SIZES)


if __name__ == "__main__":
    main()
