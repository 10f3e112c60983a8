"""The ledger: proofs of a large log checked, and validated entries appended to a real one on disk."""

import hashlib
import tempfile
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.measure import measure, rate_row, row
from protocol.tlog.merkle import (
    Node,
    create_consistency_proof,
    create_inclusion_proof,
    hash_children,
    hash_leaf,
    verify_consistency,
    verify_inclusion,
)

LEAVES = 1 << 17
ENTRIES = 2000
WAITING = 500


class _Tree:
    """All nodes of a tree in memory."""

    def __init__(self, size: int) -> None:
        self.levels = [[hash_leaf(number.to_bytes(8)) for number in range(size)]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([hash_children(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def read(self, nodes: "list[Node] | tuple[Node, ...]") -> list[bytes]:
        return [self.levels[node.level][node.index] for node in nodes]


def run() -> None:
    _proofs()
    _appends()


def _proofs() -> None:
    tree = _Tree(LEAVES)
    root = tree.levels[-1][0]
    index, old_size = 77_777, 100_003
    inclusion = create_inclusion_proof(index, LEAVES, tree.read)  # type: ignore[arg-type]
    consistency = create_consistency_proof(old_size, LEAVES, tree.read)  # type: ignore[arg-type]
    old_root = _root_of(tree, old_size)
    rates = measure(
        {
            "inclusion": lambda: verify_inclusion(
                inclusion,
                leaf_hash=tree.levels[0][index],
                leaf_index=index,
                tree_size=LEAVES,
                root_hash=root,
            ),
            "consistency": lambda: verify_consistency(
                consistency, old_size=old_size, old_root=old_root, new_size=LEAVES, new_root=root
            ),
            "sha256": lambda: hashlib.sha256(bytes(65)).digest(),
        }
    )
    print(f"\nProofs in a log of {LEAVES:,} entries")
    hashing = rates["sha256"].microseconds
    for name, proof in (("inclusion", inclusion), ("consistency", consistency)):
        floor = len(proof) * hashing
        comment = f"{len(proof)} hashes; {floor / rates[name].microseconds:.2f} of the hashing alone"
        rate_row(f"verify {name} proof", rates[name], comment)


def _root_of(tree: _Tree, size: int) -> bytes:
    from protocol.tlog.merkle import compute_root

    return compute_root(size, tree.read)  # type: ignore[arg-type]


def _appends() -> None:
    from benchmarks.dids import NOW
    from ledger.admission import admit
    from ledger.sequencer import Logged, Sequencer
    from ledger.signer import CheckpointSigner, LedgerKeys, create_memory
    from ledger.store import LedgerStore
    from protocol.keys import Ed25519PrivateKey
    from protocol.records import DidRecord, parse_record
    from storage.database import open_database

    keys = LedgerKeys(
        "ledger.example", Ed25519PrivateKey(bytes([1]) * 32), Ed25519PrivateKey(bytes([2]) * 32)
    )
    records: list[DidRecord] = [parse_record(line) for line in _first_entries(ENTRIES)]
    with tempfile.TemporaryDirectory() as folder:
        store = LedgerStore(open_database(str(Path(folder) / "ledger.sqlite")))
        store.create()
        create_memory(Path(folder) / "last-signed", keys.origin)
        signer = CheckpointSigner(keys, Path(folder) / "last-signed")
        begin = perf_counter()
        for record in records:
            admit(record, None, authority="ledger.example", now=NOW + timedelta(days=1))
        admitted = perf_counter() - begin
        with Sequencer(store, signer, clock=lambda: NOW + timedelta(days=1)) as sequencer:
            begin = perf_counter()
            for start in range(0, ENTRIES, WAITING):
                batch = records[start : start + WAITING]
                waiting: list[Future[Logged]] = [sequencer.submit(record) for record in batch]
                for future in waiting:
                    future.result()
            sequenced = perf_counter() - begin
    print(f"\nAppending {ENTRIES:,} first entries, one core, SQLite with synchronous=FULL")
    row("admission (one signature each)", f"{ENTRIES / admitted:,.0f}/s")
    row("sequencing (group commit, self check, sign, publish)", f"{ENTRIES / sequenced:,.0f}/s")
    row("both, one after the other", f"{ENTRIES / (admitted + sequenced):,.0f}/s")


def _first_entries(count: int) -> list[bytes]:
    from benchmarks.dids import NOW, _document, _key
    from protocol.did.webvh.author import create_did

    return [
        create_did(
            "ledger.example",
            path=(f"name-{number}",),
            document=_document,
            key=_key(number),
            next_keys=(),
            time=NOW,
        ).line.encode()
        for number in range(count)
    ]
