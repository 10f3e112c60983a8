"""Publishing with a quorum of nodes, over real HTTP: FI-W1, FI-F2."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.cosigners import Cosigners
from ledger.memory import CheckpointMemory
from ledger.placement import Logged
from ledger.sequencer import Sequencer
from ledger.signer import CheckpointSigner, LedgerKeys, create_memory
from ledger.stored_tree import Publication
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError
from protocol.keys import Ed25519PrivateKey
from protocol.records import DidRecord
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.fork import parse_fork_evidence, verify_fork_evidence
from protocol.tlog.note import encode_signature_line, parse_note
from protocol.tlog.policy import LogPolicy, VerifiedCheckpoint, verify_checkpoint
from protocol.tlog.witness import parse_add_checkpoint
from tests.ledger.fake_node import FakeNode, Reply, quorum_of, running_nodes
from tests.ledger.world import KEYS, NOW, Clock, World, append, names

SECONDS = 20
NODES, QUORUM = 4, 3


@dataclass
class Network:
    """A log and its four nodes, three of which must agree."""

    world: World
    nodes: list[FakeNode]

    @property
    def policy(self) -> LogPolicy:
        return quorum_of(self.nodes, QUORUM)

    @contextmanager
    def sequencer(self) -> Iterator[Sequencer]:
        cosigners = Cosigners(self.policy, clock=self.world.clock)
        with self.world.sequencer(cosigners=cosigners) as sequencer:
            yield sequencer

    def verified(self, publication: Publication) -> VerifiedCheckpoint:
        return verify_checkpoint(publication.note, policy=self.policy, now=self.world.clock())

    def cosigners_of(self, publication: Publication) -> set[str]:
        signers = {line.key_name for line in parse_note(publication.note).signatures}
        return {node.name for node in self.nodes if node.key_name in signers}


@pytest.fixture
def network(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setattr("ledger.publisher._PAUSE_SECONDS", 0.02)
    with running_nodes(NODES, world.clock) as nodes:
        yield Network(world, nodes)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that soon says that there is no quorum."""
    monkeypatch.setattr("ledger.publisher.PATIENCE", timedelta(milliseconds=50))
    monkeypatch.setattr("ledger.publishing_rounds.QUORUM_WITHIN", timedelta(milliseconds=500))


def log(sequencer: Sequencer, *records: DidRecord) -> list[Logged]:
    return [answer.result(SECONDS) for answer in [sequencer.submit(record) for record in records]]


def refused(sequencer: Sequencer, record: DidRecord) -> TallyError:
    with pytest.raises(TallyError) as caught:
        sequencer.submit(record).result(SECONDS)
    return caught.value


def wait_until(held: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not held():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def test_checkpoint_is_published_with_its_quorum(network: Network) -> None:
    with network.sequencer() as sequencer:
        assert network.verified(sequencer.published.log).tree_size == 0
        assert [each.leaf_index for each in log(sequencer, *names(5))] == [0, 1, 2, 3, 4]
        checkpoint = network.verified(sequencer.published.log)
        assert (checkpoint.tree_size, checkpoint.time) == (5, NOW)
        assert len(network.cosigners_of(sequencer.published.log)) >= QUORUM
        assert network.world.store().publication() == sequencer.published.log


def test_time_of_a_checkpoint_is_the_median_of_its_nodes(network: Network) -> None:
    for node, minutes in zip(network.nodes, (-9, -2, 1, 3), strict=True):
        node.clock = Clock(NOW + timedelta(minutes=minutes))
    network.nodes[2].is_away = True
    with network.sequencer() as sequencer:
        assert sequencer.published.log.time == NOW - timedelta(minutes=2)


def hang(node: FakeNode) -> threading.Event:
    """Let the node take requests and answer none until the event is set."""
    released = threading.Event()

    def wait(_body: bytes) -> Reply | None:
        assert released.wait(SECONDS)
        return None

    node.before_answer = wait
    return released


def test_silent_node_delays_nobody(network: Network) -> None:
    released = hang(network.nodes[1])
    with network.sequencer() as sequencer:
        for number, record in enumerate(names(5)):
            assert log(sequencer, record)[0].leaf_index == number
        assert network.cosigners_of(sequencer.published.log) == {"node-1", "node-3", "node-4"}
        assert network.nodes[1].asked == 1
        released.set()


def with_another_text(node: FakeNode, body: bytes) -> Reply:
    line = sign_cosignature("other\n", name=node.key_name, key=node.key, now=NOW)
    return Reply(200, encode_signature_line(line))


def with_another_key(node: FakeNode, body: bytes) -> Reply:
    text = parse_note(parse_add_checkpoint(body).checkpoint).text
    return Reply(
        200, encode_signature_line(sign_cosignature(text, name=node.key_name, key=KEYS.log, now=NOW))
    )


def from_the_future(node: FakeNode, body: bytes) -> Reply:
    text = parse_note(parse_add_checkpoint(body).checkpoint).text
    time = NOW + timedelta(minutes=6)
    line = sign_cosignature(text, name=node.key_name, key=node.key, now=time)
    return Reply(200, encode_signature_line(line))


LIES: dict[str, Callable[[FakeNode, bytes], Reply]] = {
    "another text is cosigned": with_another_text,
    "another key cosigned": with_another_key,
    "the time is in the future": from_the_future,
    "nothing": lambda _node, _body: Reply(200),
    "no signature line": lambda _node, _body: Reply(200, "yes\n"),
    "not text": lambda _node, _body: Reply(200, "{}", "application/json"),
    "an error": lambda _node, _body: Reply(500, "\x1b[31mred"),
    "busy": lambda _node, _body: Reply(503, "catching up"),
    "moved": lambda _node, _body: Reply(307, "elsewhere"),
    "unknown origin": lambda _node, _body: Reply(404),
    "it follows from nothing": lambda _node, _body: Reply(422, "no"),
    "a larger size without proof": lambda _node, _body: Reply(409, "99\n", "text/x.tlog.size"),
    "a size that changes": lambda node, _body: Reply(409, f"{node.asked % 2}\n", "text/x.tlog.size"),
    "a size that is none": lambda _node, _body: Reply(409, "many\n", "text/x.tlog.size"),
    "too much": lambda _node, _body: Reply(200, "x" * 300_000),
}


@pytest.mark.parametrize("lie", LIES)
def test_node_that_answers_wrongly_does_not_count_and_delays_nobody(network: Network, lie: str) -> None:
    liar = network.nodes[0]
    liar.before_answer = lambda body: LIES[lie](liar, body)
    with network.sequencer() as sequencer:
        assert log(sequencer, *names(2))[1].leaf_index == 1
        assert network.cosigners_of(sequencer.published.log) == {"node-2", "node-3", "node-4"}
        assert network.verified(sequencer.published.log).tree_size == 2
        assert sequencer.failure is sequencer.trouble is None


@pytest.mark.usefixtures("impatient")
def test_without_a_quorum_writing_goes_on_and_publishing_does_not(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    records = names(3)
    with network.sequencer() as sequencer:
        log(sequencer, records[0])
        before = sequencer.published.log
        for node in network.nodes[:2]:
            node.is_away = True
        for record in records[1:]:
            assert refused(sequencer, record).code is Code.LOG_QUORUM_MISSING
        assert network.world.store().head().tree_size == 3
        wait_until(lambda: network.world.signer().last_signed.tree_size == 3)
        assert sequencer.published.log == before
        assert sequencer.trouble is not None
        assert sequencer.failure is None
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        network.nodes[0].is_away = False
        # The same entries keep their places.
        assert [each.leaf_index for each in log(sequencer, *records)] == [0, 1, 2]
        assert network.verified(sequencer.published.log).tree_size == 3
        assert sequencer.trouble is None


@pytest.mark.usefixtures("impatient")
def test_what_waits_is_published_when_the_quorum_returns_though_nobody_asks(network: Network) -> None:
    with network.sequencer() as sequencer:
        for node in network.nodes:
            node.is_away = True
        assert refused(sequencer, names(1)[0]).code is Code.LOG_QUORUM_MISSING
        for node in network.nodes:
            node.is_away = False
        wait_until(lambda: sequencer.published.log.tree_size == 1)
        assert network.verified(sequencer.published.log).tree_size == 1


@pytest.mark.parametrize("forgets", [0, 2])
def test_node_that_names_another_size_gets_a_proof_from_there(network: Network, forgets: int) -> None:
    node = network.nodes[0]
    for other in network.nodes[2:]:
        other.is_away = False
    network.nodes[3].is_away = True
    with network.sequencer() as sequencer:
        kept: list[str] = []
        for record in names(4):
            log(sequencer, record)
            kept.append(node.notes[KEYS.origin])
        node.notes = {} if forgets == 0 else {KEYS.origin: kept[forgets - 1]}
        assert log(sequencer, names(5)[4])[0].leaf_index == 4
        assert network.cosigners_of(sequencer.published.log) == {"node-1", "node-2", "node-3"}


def fill(network: Network, count: int) -> None:
    with network.sequencer() as sequencer:
        log(sequencer, *names(count))


def restore(world: World, folder: Path) -> World:
    """The same ledger with an empty database and memory, as from a backup of its first day."""
    folder.mkdir()
    restored = World(folder, world.clock)
    restored.create()
    return restored


def test_log_that_a_node_has_seen_more_of_stays_read_only(network: Network, tmp_path: Path) -> None:
    fill(network, 5)
    network.world = restore(network.world, tmp_path / "restored")
    append(network.world.store(), names(3))
    with network.sequencer() as sequencer:
        assert sequencer.failure is not None
        assert sequencer.failure.code is Code.LOG_ROLLBACK
        assert "5 entries" in sequencer.failure.detail
        assert refused(sequencer, names(4)[3]).code is Code.LOG_ROLLBACK
        with pytest.raises(UnavailableError) as caught:
            _ = sequencer.published.log
        assert caught.value.code is Code.LOG_UNPUBLISHED
    # Nothing was signed on top of the old state.
    assert network.world.signer().last_signed.tree_size == 0
    network.world.close()


def test_log_that_a_node_has_seen_otherwise_stays_read_only(network: Network, tmp_path: Path) -> None:
    fill(network, 3)
    network.world = restore(network.world, tmp_path / "restored")
    append(network.world.store(), names(5, "other"))
    with network.sequencer() as sequencer:
        assert sequencer.failure is not None
        assert sequencer.failure.code is Code.LOG_FORK
    assert network.world.signer().last_signed.tree_size == 0
    network.world.close()


def test_larger_size_that_the_log_never_signed_does_not_stop_it(network: Network, tmp_path: Path) -> None:
    create_memory(tmp_path / "forged", KEYS.origin)
    forger = LedgerKeys(KEYS.origin, *(Ed25519PrivateKey(bytes([number]) * 32) for number in (7, 8, 9)))
    forged = CheckpointSigner(forger, tmp_path / "forged").sign(99, bytes(32), now=NOW)
    liar = network.nodes[0]
    liar.notes[KEYS.origin] = forged
    liar.before_answer = lambda _body: Reply(409, "99\n", "text/x.tlog.size")
    with network.sequencer() as sequencer:
        assert log(sequencer, *names(1))[0].leaf_index == 0
        assert network.cosigners_of(sequencer.published.log) == {"node-2", "node-3", "node-4"}
        assert sequencer.trouble is None


@pytest.mark.usefixtures("impatient")
def test_log_waits_for_enough_nodes_before_it_writes(network: Network) -> None:
    fill(network, 2)
    for node in network.nodes[:2]:
        node.is_away = True
    with network.sequencer() as sequencer:
        # What was published before is shown; two silent nodes of four could be no quorum.
        assert sequencer.published.log.tree_size == 2
        assert refused(sequencer, names(3)[2]).code is Code.LOG_QUORUM_MISSING
        assert network.world.store().head().tree_size == 3
    network.nodes[2].is_away = True
    with network.sequencer() as sequencer:
        assert sequencer.published.log.tree_size == 2
        assert refused(sequencer, names(4)[3]).code is Code.LOG_READ_ONLY
        assert network.world.store().head().tree_size == 3
        for node in network.nodes:
            node.is_away = False
        wait_until(lambda: sequencer.trouble is None)
        assert log(sequencer, names(4)[3])[0].leaf_index == 3


@pytest.mark.parametrize("size", [1, 9])
def test_other_history_that_a_node_proves_stops_a_running_log(
    network: Network, tmp_path: Path, size: int
) -> None:
    """FI-F2: a second sequencer with the same key has written elsewhere."""
    create_memory(tmp_path / "elsewhere", KEYS.origin)
    with network.sequencer() as sequencer:
        rival = CheckpointSigner(KEYS, tmp_path / "elsewhere").sign(size, bytes(32), now=NOW)
        network.nodes[3].notes[KEYS.origin] = rival
        for node in network.nodes[:2]:
            node.is_away = True
        error = refused(sequencer, names(1)[0])
        assert error.code is (Code.LOG_FORK if size == 1 else Code.LOG_ROLLBACK)
        assert sequencer.failure is not None
    kept = CheckpointMemory(network.world.evidence).evidence(KEYS.origin)
    if size == 1:
        [proof] = kept
        fork = verify_fork_evidence(parse_fork_evidence(proof.read_text()))
        assert (fork.smaller.tree_size, fork.larger.tree_size) == (1, 1)
    else:
        # A larger tree may have grown out of this one; who kept both can find out.
        assert rival in [path.read_text() for path in kept]


def test_states_tell_how_far_each_node_has_come(network: Network) -> None:
    network.nodes[3].is_away = True
    cosigners = Cosigners(network.policy, clock=network.world.clock)
    world = network.world
    with world.sequencer(cosigners=cosigners) as sequencer:
        log(sequencer, *names(3))
        wait_until(lambda: all(state.sizes.get(KEYS.origin) == 3 for state in cosigners.states()[:3]))
        states = cosigners.states()
    assert [state.name for state in states] == ["node-1", "node-2", "node-3", "node-4"]
    assert [state.trouble is None for state in states] == [True, True, True, False]
