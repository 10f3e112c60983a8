from collections.abc import Sequence

import pytest

from ledger.growth import verify_growth
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.tlog.merkle import HashReader, Node, compute_root, hash_children, hash_leaf


def leaves(count: int, *, fork_at: int | None = None) -> list[bytes]:
    return [hash_leaf(b"fork" if number == fork_at else b"%d" % number) for number in range(count)]


def reader(hashes: Sequence[bytes]) -> HashReader:
    def hash_of(node: Node) -> bytes:
        if node.level == 0:
            return hashes[node.index]
        below = [hash_of(Node(node.level - 1, 2 * node.index + side)) for side in (0, 1)]
        return hash_children(*below)

    return lambda nodes: [hash_of(node) for node in nodes]


def state(hashes: Sequence[bytes]) -> Head:
    return Head(len(hashes), compute_root(len(hashes), reader(hashes)))


@pytest.mark.parametrize(("older", "newer"), [(0, 0), (0, 5), (1, 2), (3, 7), (4, 8), (7, 7)])
def test_log_that_only_grew_is_accepted(older: int, newer: int) -> None:
    verify_growth(state(leaves(older)), state(leaves(newer)), reader(leaves(newer)))


@pytest.mark.parametrize(
    ("newer", "code"),
    [(3, Code.LOG_FORK), (4, Code.LOG_CONSISTENCY_INVALID), (9, Code.LOG_CONSISTENCY_INVALID)],
)
def test_log_that_forked_is_refused(newer: int, code: Code) -> None:
    forked = leaves(newer, fork_at=1)
    with pytest.raises(VerificationError) as refusal:
        verify_growth(state(leaves(3)), state(forked), reader(forked))
    assert refusal.value.code is code


def test_log_that_shrank_is_refused() -> None:
    with pytest.raises(VerificationError) as refusal:
        verify_growth(state(leaves(5)), state(leaves(4)), reader(leaves(4)))
    assert refusal.value.code is Code.LOG_ROLLBACK


def test_nothing_is_read_where_there_is_nothing_to_prove() -> None:
    def nobody(nodes: Sequence[Node]) -> Sequence[bytes]:
        raise AssertionError(nodes)

    verify_growth(state([]), state(leaves(4)), nobody)
    verify_growth(state(leaves(4)), state(leaves(4)), nobody)
