"""Proofs of a large log, checked."""

import hashlib

from benchmarks.measure import measure, rate_row
from protocol.tlog.merkle import (
    Node,
    compute_root,
    create_consistency_proof,
    create_inclusion_proof,
    hash_children,
    hash_leaf,
    verify_consistency,
    verify_inclusion,
)

LEAVES = 1 << 17


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
    return compute_root(size, tree.read)  # type: ignore[arg-type]
