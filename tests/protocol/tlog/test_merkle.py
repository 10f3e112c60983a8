import hashlib
import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.tlog.merkle import (
    EMPTY_ROOT,
    HashReader,
    Node,
    RightEdge,
    compute_root,
    create_consistency_proof,
    create_inclusion_proof,
    hash_children,
    hash_leaf,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "merkle" / "testdata"
LARGEST = 256
# Of these every pair: past a power of two there is no new shape before the next.
ALL_PAIRS = 129
LEAVES = [hash_leaf(f"entry {number}".encode()) for number in range(LARGEST)]


def root_by_definition(leaves: Sequence[bytes]) -> bytes:
    """MTH as RFC 9162 §2.1.1 defines it, written down once more, with nothing shared."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = root_by_definition(leaves[:k]), root_by_definition(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def reader_of(leaves: Sequence[bytes]) -> HashReader:
    def read_hashes(nodes: Sequence[Node]) -> list[bytes]:
        spans = [leaves[node.index << node.level : (node.index + 1) << node.level] for node in nodes]
        assert all(len(span) == 1 << node.level for span, node in zip(spans, nodes, strict=True))
        return [cached_root(tuple(span)) for span in spans]

    return read_hashes


ROOTS: dict[tuple[bytes, ...], bytes] = {}


def cached_root(leaves: tuple[bytes, ...]) -> bytes:
    if leaves not in ROOTS:
        ROOTS[leaves] = root_by_definition(leaves)
    return ROOTS[leaves]


READER = reader_of(LEAVES)
ROOT_OF_SIZE = [root_by_definition(LEAVES[:size]) for size in range(LARGEST + 1)]


def flipped(hash_: bytes, bit: int) -> bytes:
    return (int.from_bytes(hash_) ^ (1 << bit)).to_bytes(len(hash_))


def code_of(check: Callable[[], None]) -> Code | None:
    try:
        check()
    except VerificationError as error:
        return error.code
    return None


def vectors(kind: str) -> list[Any]:
    return [json.loads(file.read_bytes()) for file in sorted((VECTORS / kind).rglob("*.json"))]


def test_inclusion_vectors_of_transparency_dev_agree() -> None:
    cases = vectors("inclusion")
    refused = 0
    for case in cases:
        code = code_of(
            lambda case=case: verify_inclusion(  # type: ignore[misc]
                [b64decode(hash_) for hash_ in case["proof"] or []],
                leaf_hash=b64decode(case["leafHash"]),
                leaf_index=case["leafIdx"],
                tree_size=case["treeSize"],
                root_hash=b64decode(case["root"]),
            )
        )
        assert code == (Code.LOG_PROOF_INVALID if case["wantErr"] else None), case["desc"]
        refused += case["wantErr"]
    assert (len(cases), refused) == (98, 92)


def test_consistency_vectors_of_transparency_dev_agree() -> None:
    cases = vectors("consistency")
    codes = []
    for case in cases:
        code = code_of(
            lambda case=case: verify_consistency(  # type: ignore[misc]
                [b64decode(hash_) for hash_ in case["proof"] or []],
                old_size=case["size1"],
                old_root=b64decode(case["root1"]),
                new_size=case["size2"],
                new_root=b64decode(case["root2"]),
            )
        )
        assert (code is not None) is case["wantErr"], case["desc"]
        codes.append(code)
    assert len(cases) == 98
    assert {code: codes.count(code) for code in set(codes)} == {
        None: 6,
        Code.LOG_CONSISTENCY_INVALID: 84,
        Code.LOG_ROLLBACK: 4,
        Code.LOG_FORK: 4,
    }


def test_inclusion_proof_of_every_leaf_of_every_size_verifies() -> None:
    for size in range(1, ALL_PAIRS + 1):
        assert compute_root(size, READER) == ROOT_OF_SIZE[size]
        for index in range(size):
            verify_inclusion(
                create_inclusion_proof(index, size, READER),
                leaf_hash=LEAVES[index],
                leaf_index=index,
                tree_size=size,
                root_hash=ROOT_OF_SIZE[size],
            )


def test_consistency_proof_of_every_pair_of_sizes_verifies() -> None:
    for new_size in range(1, ALL_PAIRS + 1):
        for old_size in range(1, new_size + 1):
            verify_consistency(
                create_consistency_proof(old_size, new_size, READER),
                old_size=old_size,
                old_root=ROOT_OF_SIZE[old_size],
                new_size=new_size,
                new_root=ROOT_OF_SIZE[new_size],
            )


@pytest.mark.parametrize(("index", "size"), [(0, 2), (0, 7), (5, 7), (6, 7), (200, 255), (255, 256)])
def test_inclusion_proof_with_any_bit_flipped_is_refused(index: int, size: int) -> None:
    proof = create_inclusion_proof(index, size, READER)
    assert proof
    for position, hash_ in enumerate(proof):
        for bit in range(256):
            changed = [*proof[:position], flipped(hash_, bit), *proof[position + 1 :]]
            with pytest.raises(VerificationError) as caught:
                verify_inclusion(
                    changed,
                    leaf_hash=LEAVES[index],
                    leaf_index=index,
                    tree_size=size,
                    root_hash=ROOT_OF_SIZE[size],
                )
            assert caught.value.code is Code.LOG_PROOF_INVALID


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (6, 7), (100, 255), (128, 256)])
def test_consistency_proof_with_any_bit_flipped_is_refused(old: int, new: int) -> None:
    proof = create_consistency_proof(old, new, READER)
    assert proof
    for position, hash_ in enumerate(proof):
        for bit in range(256):
            changed = [*proof[:position], flipped(hash_, bit), *proof[position + 1 :]]
            with pytest.raises(VerificationError) as caught:
                verify_consistency(
                    changed,
                    old_size=old,
                    old_root=ROOT_OF_SIZE[old],
                    new_size=new,
                    new_root=ROOT_OF_SIZE[new],
                )
            assert caught.value.code is Code.LOG_CONSISTENCY_INVALID


@given(st.integers(1, LARGEST), st.data())
def test_inclusion_proof_at_another_place_or_of_another_length_is_refused(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = create_inclusion_proof(index, size, READER)
    other_index = data.draw(st.integers(-2, size + 2).filter(lambda other: other != index))
    good: dict[str, Any] = {
        "leaf_hash": LEAVES[index],
        "leaf_index": index,
        "tree_size": size,
        "root_hash": ROOT_OF_SIZE[size],
    }
    verify_inclusion(proof, **good)
    wrong: list[tuple[Sequence[bytes], dict[str, Any]]] = [
        (proof, good | {"leaf_index": other_index}),
        (proof, good | {"leaf_hash": hash_leaf(b"another")}),
        ((*proof, LEAVES[0]), good),
        ((LEAVES[0], *proof), good),
    ]
    if proof:
        wrong += [(proof[1:], good), (proof[:-1], good), ((), good)]
    for changed, arguments in wrong:
        with pytest.raises(VerificationError) as caught:
            verify_inclusion(changed, **arguments)
        assert caught.value.code is Code.LOG_PROOF_INVALID


@pytest.mark.parametrize("leaf_index", [-1, 7, 8, 2**64])
def test_leaf_index_outside_the_tree_is_refused(leaf_index: int) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_inclusion(
            create_inclusion_proof(6, 7, READER),
            leaf_hash=LEAVES[6],
            leaf_index=leaf_index,
            tree_size=7,
            root_hash=ROOT_OF_SIZE[7],
        )
    assert caught.value.code is Code.LOG_PROOF_INVALID


def test_entry_that_is_two_hashes_does_not_pass_for_an_inner_node() -> None:
    inner = hash_children(LEAVES[0], LEAVES[1])
    proof = [hash_children(LEAVES[2], LEAVES[3])]
    arguments: dict[str, Any] = {"leaf_index": 0, "tree_size": 2, "root_hash": ROOT_OF_SIZE[4]}
    verify_inclusion(proof, leaf_hash=inner, **arguments)
    with pytest.raises(VerificationError) as caught:
        verify_inclusion(proof, leaf_hash=hash_leaf(LEAVES[0] + LEAVES[1]), **arguments)
    assert caught.value.code is Code.LOG_PROOF_INVALID


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_hash_of_another_length_is_refused(length: int) -> None:
    odd = bytes(length)
    with pytest.raises(VerificationError) as caught:
        verify_inclusion([odd], leaf_hash=LEAVES[0], leaf_index=0, tree_size=2, root_hash=ROOT_OF_SIZE[2])
    assert caught.value.code is Code.LOG_PROOF_INVALID
    with pytest.raises(VerificationError) as caught:
        verify_inclusion([], leaf_hash=odd, leaf_index=0, tree_size=1, root_hash=odd)
    assert caught.value.code is Code.LOG_PROOF_INVALID
    with pytest.raises(VerificationError) as caught:
        verify_consistency([odd], old_size=1, old_root=LEAVES[0], new_size=2, new_root=ROOT_OF_SIZE[2])
    assert caught.value.code is Code.LOG_CONSISTENCY_INVALID


CONSISTENT: dict[str, Any] = {
    "old_size": 3,
    "old_root": ROOT_OF_SIZE[3],
    "new_size": 7,
    "new_root": ROOT_OF_SIZE[7],
}
PROOF_3_7 = create_consistency_proof(3, 7, READER)


@pytest.mark.parametrize(
    ("proof", "changed", "code"),
    [
        (PROOF_3_7, {"old_root": ROOT_OF_SIZE[4]}, Code.LOG_CONSISTENCY_INVALID),
        (PROOF_3_7, {"new_root": ROOT_OF_SIZE[6]}, Code.LOG_CONSISTENCY_INVALID),
        (PROOF_3_7[:-1], {}, Code.LOG_CONSISTENCY_INVALID),
        ((*PROOF_3_7, LEAVES[0]), {}, Code.LOG_CONSISTENCY_INVALID),
        (PROOF_3_7[::-1], {}, Code.LOG_CONSISTENCY_INVALID),
        ((), {}, Code.LOG_CONSISTENCY_INVALID),
        ((), {"old_size": 0, "old_root": EMPTY_ROOT}, Code.LOG_CONSISTENCY_INVALID),
        (PROOF_3_7, {"old_size": 0, "old_root": EMPTY_ROOT}, Code.LOG_CONSISTENCY_INVALID),
        (PROOF_3_7, {"old_size": -1}, Code.LOG_CONSISTENCY_INVALID),
        (PROOF_3_7, {"new_size": 2}, Code.LOG_ROLLBACK),
        ((), {"new_size": 3}, Code.LOG_FORK),
        (PROOF_3_7, {"new_size": 3, "new_root": ROOT_OF_SIZE[3]}, Code.LOG_CONSISTENCY_INVALID),
    ],
    ids=[
        "old root",
        "new root",
        "truncated",
        "too long",
        "reversed",
        "empty",
        "old size 0",
        "old size 0 with a proof",
        "negative old size",
        "smaller tree",
        "same size, other root",
        "same size with a proof",
    ],
)
def test_broken_consistency_is_refused(proof: tuple[bytes, ...], changed: dict[str, Any], code: Code) -> None:
    verify_consistency(PROOF_3_7, **CONSISTENT)
    with pytest.raises(VerificationError) as caught:
        verify_consistency(proof, **CONSISTENT | changed)
    assert caught.value.code is code


def test_same_size_and_root_are_consistent_without_a_proof() -> None:
    verify_consistency((), **CONSISTENT | {"new_size": 3, "new_root": ROOT_OF_SIZE[3]})


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_inclusion_proof_of_a_leaf_that_is_not_there_cannot_be_created(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        create_inclusion_proof(index, size, READER)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_consistency_proof_from_nothing_or_backwards_cannot_be_created(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="consistency proof"):
        create_consistency_proof(old, new, READER)


def test_right_edge_has_the_root_of_every_size() -> None:
    edge = RightEdge()
    assert edge.root_hash() == EMPTY_ROOT == ROOT_OF_SIZE[0] == compute_root(0, READER)
    for size, leaf in enumerate(LEAVES, start=1):
        edge = edge.append([leaf])
        assert (edge.tree_size, edge.root_hash()) == (size, ROOT_OF_SIZE[size])
        assert edge == RightEdge.load(size, READER)


@given(st.lists(st.integers(0, 40), max_size=8))
def test_right_edge_does_not_depend_on_how_leaves_are_grouped(groups: list[int]) -> None:
    edge, begin = RightEdge(), 0
    for group in groups:
        leaves = (LEAVES * 2)[begin : begin + group]
        edge, begin = edge.append(leaves), begin + group
    assert edge == RightEdge().append((LEAVES * 2)[:begin])
