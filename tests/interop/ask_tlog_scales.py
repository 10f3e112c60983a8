"""Reads a log with tlog-scales: checkpoint, cosignatures, tiles, entries, proofs; and writes one."""

from pathlib import Path
from typing import Any

from tlog_scales.backend import make_backend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import MLDSA44CosignatureSigner, PlainEd25519Signer, Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint
from tlog_scales.writer import TilesWriter

from tests.interop.answering import answer_questions


def read_log(question: Any) -> Any:
    """What is at `url` under a checkpoint signed by all of `vkeys`: entries and proofs, each of them checked.

    The checkpoint is the one at `url`, unless `checkpoint` is another.
    """
    reader = TilesReader(make_backend(question["url"]))
    checkpoint = reader.get_checkpoint()
    if question["checkpoint"] is not None:
        checkpoint = Checkpoint.from_text(question["checkpoint"])
        reader.set_size(checkpoint.size)
    for vkey in question["vkeys"]:
        checkpoint.verify(Vkey.from_string(vkey))
    if reader.calculate_root_hash() != checkpoint.root_hash:
        raise ValueError("the tiles have another root")
    entries, inclusion, consistency = [], [], []
    for index in question["indexes"]:
        entry = reader.get_entry(index)
        proof = reader.get_inclusion_proof(index, checkpoint.size)
        proof.check(leaf_hash(entry), checkpoint.root_hash)
        entries.append(entry.decode())
        inclusion.append([hash_.hex() for hash_ in proof.node_hashes])
    for size, root in question["older"]:
        proof = reader.get_consistency_proof(size, checkpoint.size)
        proof.check(bytes.fromhex(root), checkpoint.root_hash)
        consistency.append([hash_.hex() for hash_ in proof.node_hashes])
    return {"size": checkpoint.size, "entries": entries, "inclusion": inclusion, "consistency": consistency}


def write_log(question: Any) -> Any:
    """Write the log `origin` in `folder`, one list of `batches` after the other, and give its checkpoints.

    Each is signed with the Ed25519 key of `seed`, and cosigned with an ML-DSA-44 key.
    """
    folder, origin, seed = Path(question["folder"]), question["origin"], bytes.fromhex(question["seed"])
    signers = [PlainEd25519Signer(origin, seed), MLDSA44CosignatureSigner("witness.example", seed)]
    writer = TilesWriter.create(folder, origin)
    checkpoints = []
    for batch in question["batches"]:
        for entry in batch:
            writer.add_leaf(entry.encode())
        writer.commit(signers)
        checkpoints.append((folder / "checkpoint").read_text())
    return checkpoints


if __name__ == "__main__":
    answer_questions(lambda question: write_log(question) if "batches" in question else read_log(question))
