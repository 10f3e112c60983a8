"""Reads a served log with tlog-scales: checkpoint, cosignatures, tiles, entries, proofs."""

from typing import Any

from tlog_scales.backend import make_backend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint

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


if __name__ == "__main__":
    answer_questions(read_log)
