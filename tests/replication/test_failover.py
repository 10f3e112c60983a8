"""The PostgreSQL under a ledger fails over: with synchronous replication nothing is lost, else it is noticed.

Counted are the entries that clients were told are logged, and the checkpoints that nodes were asked to
cosign; both must be in what the database holds afterwards.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from doors.clock import now
from ledger.stored_tree import StoredTree
from ledger.tree import Tree
from protocol.records import DidRecord
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.merkle import RightEdge, hash_leaf
from protocol.tlog.note import parse_note
from protocol.tlog.witness import parse_add_checkpoint
from tests.ledger.fake_node import quorum_of, running_nodes
from tests.ledger.front_ends import Clients, FrontEnds, front_ends
from tests.ledger.world import Clock, names
from tests.replication.patroni import Cluster, missing, running_cluster, wait_for

pytestmark = pytest.mark.stress

Record = Callable[[str, object], None]
ENTRIES = 150
"""How many are submitted for each primary."""

FAILED_OVER_WITHIN = 120
_NODES = 3


@pytest.fixture(autouse=True)
def _tools() -> None:
    if (reason := missing()) is not None:
        pytest.skip(reason)


class PresentTime(Clock):
    def __call__(self) -> datetime:
        return now()


@dataclass
class Replicated:
    """A ledger with nodes and two front ends, on a database with two standbys.

    Attributes:
        asked: The texts of the checkpoints that nodes were asked to cosign.
    """

    cluster: Cluster
    front_ends: FrontEnds
    clients: Clients
    asked: set[str] = field(default_factory=set)
    _submitted: int = 0

    def submit(self, count: int) -> None:
        port = self.front_ends.operators[0].port
        records = names(count, f"part-{self._submitted}", port=port)
        self._submitted += count
        for record in records:
            self.clients.waiting.put(record)

    def wait_for_all(self) -> None:
        self.clients.wait_for(self._submitted, FAILED_OVER_WITHIN)

    def stored(self) -> list[bytes]:
        with self.front_ends.operators[0].folder.open_store() as store:
            return store.read_leaves(0, store.head().tree_size)

    def contradicted(self) -> list[str]:
        """The checkpoints that are not of a tree that the database has, or had when it was smaller."""
        with self.front_ends.operators[0].folder.open_store() as store:
            origin = self.front_ends.operators[0].ledger.origin
            trees: dict[str, StoredTree] = {
                Tree.LOG.origin(origin): store,
                Tree.INDEX.origin(origin): store.index,
            }
            roots = {name: roots_of(tree) for name, tree in trees.items()}
        checkpoints = [parse_checkpoint(text) for text in self.asked]
        return [
            f"{each.origin} {each.tree_size}"
            for each in checkpoints
            if roots[each.origin].get(each.tree_size) != each.root_hash
        ]


def roots_of(tree: StoredTree) -> dict[int, bytes]:
    """The root of the tree at every size it has had."""
    edge = RightEdge()
    roots = {0: edge.root_hash()}
    for leaf in tree.read_leaves(0, tree.head().tree_size):
        edge = edge.append([hash_leaf(leaf)])
        roots[edge.tree_size] = edge.root_hash()
    return roots


@contextmanager
def replicated(tmp_path: Path, *, synchronous: bool, machines: int = 2) -> Iterator[Replicated]:
    with (
        running_cluster(synchronous=synchronous) as cluster,
        running_nodes(_NODES, PresentTime()) as nodes,
        front_ends(tmp_path, cluster.url(), machines) as started,
    ):
        policy = replace(quorum_of(nodes, 2), logs=started.operators[0].ledger.policy.logs)
        ledger = Replicated(cluster, started, Clients(started))

        def note(body: bytes) -> None:
            ledger.asked.add(parse_note(parse_add_checkpoint(body).checkpoint).text)

        for node in nodes:
            node.before_answer = note
        for operator in started.operators:
            operator.folder.replace_policy(policy)
        for number in range(2):
            started.start(number)
        yield ledger


def test_primary_that_dies_with_synchronous_replication_takes_nothing_with_it(
    tmp_path: Path, record_property: Record
) -> None:
    gaps = []
    with replicated(tmp_path, synchronous=True) as ledger:
        with ledger.clients.writing():
            for _ in range(3):
                ledger.submit(ENTRIES)
                ledger.clients.wait_for(len(ledger.clients.acknowledged) + ENTRIES // 3)
                primary = ledger.cluster.primary()
                primary.kill()
                begin = time.monotonic()
                ledger.clients.wait_for(len(ledger.clients.acknowledged) + 10, FAILED_OVER_WITHIN)
                gaps.append(time.monotonic() - begin)
                ledger.cluster.start_member(primary)
                ledger.wait_for_all()
                wait_for(lambda: len(ledger.cluster.standbys(synchronous=False)) == 2)
                wait_for(lambda: len(ledger.cluster.standbys(synchronous=True)) == 1)
        stored, acknowledged = ledger.stored(), ledger.clients.acknowledged
        lost, contradicted = ledger.clients.lost(stored), ledger.contradicted()
        asked, refused = len(ledger.asked), ledger.clients.refused
    found = len(acknowledged) - len(lost)
    record_property("entries acknowledged with synchronous replication", len(acknowledged))
    record_property("of them found, by hash, where they were said to be", found)
    record_property("lost", len(lost))
    record_property("checkpoints that nodes were asked to cosign", asked)
    record_property("forks: checkpoints that the database contradicts", len(contradicted))
    record_property("primaries killed", len(gaps))
    record_property("seconds until clients were answered again, at most", f"{max(gaps):.1f}")
    for code, count in refused.items():
        record_property(f"times a client was told {code}, and asked again", count)
    assert (lost, contradicted) == ([], [])
    assert len(acknowledged) == len(stored) == len(set(stored)) == 3 * ENTRIES


def test_primary_that_dies_with_asynchronous_replication_is_seen_to_have_taken_entries_with_it(
    tmp_path: Path, record_property: Record
) -> None:
    """The control: what the other test counts it would have seen."""
    with replicated(tmp_path, synchronous=False, machines=3) as ledger:
        with ledger.clients.writing():
            ledger.submit(ENTRIES)
            ledger.wait_for_all()
            primary = ledger.cluster.primary()
            for (sender,) in primary.execute("SELECT pid FROM pg_stat_replication"):
                # As when the network between the servers is cut.
                os.kill(sender, signal.SIGSTOP)
            ledger.submit(ENTRIES)
            ledger.wait_for_all()
        before = set(ledger.asked)
        primary.kill()
        wait_for(lambda: ledger.cluster.primary() is not primary)
        [more] = names(1, "more", port=ledger.front_ends.operators[0].port)
        reasons = [refusal(ledger.front_ends, number, more) for number in range(2)]
        # Another machine, which remembers nothing: the nodes do.
        ledger.front_ends.start(2)
        reasons.append(refusal(ledger.front_ends, 2, more))
        lost, contradicted = ledger.clients.lost(ledger.stored()), ledger.contradicted()
        asked = len(ledger.asked - before)
    record_property("entries acknowledged with asynchronous replication", len(ledger.clients.acknowledged))
    record_property("of them lost, and found to be", len(lost))
    record_property("checkpoints that the database contradicts", len(contradicted))
    record_property("checkpoints signed after that", asked)
    for reason in reasons:
        record_property(f"front end stays read-only: {reason}", 1)
    assert 0 < len(lost) <= ENTRIES
    assert contradicted
    assert asked == 0
    assert all(reason.startswith("log_rollback") for reason in reasons)
    assert "has seen" in reasons[2]


def refusal(front_ends: FrontEnds, number: int, record: DidRecord) -> str:
    """Why a front end does not log `record`, for good, and says so of itself."""
    said: list[str] = []

    def is_final() -> bool:
        _, answer = front_ends.operators[number].submit(record.leaf)
        said[:] = [f"{answer['code']} ({answer.get('detail', '')})"]
        return not said[0].startswith("database_")

    wait_for(is_final)
    assert front_ends.health(number)["code"] == said[0].partition(" ")[0]
    return said[0]
