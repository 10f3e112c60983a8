"""FI-W1: of four nodes some are down, slow, forked, stale, or sign wrongly, in ever new combinations.

Entries go on being logged, checkpoints are published with three that are well, and with fewer not; and soon
after there are three again.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from ledger.cosigners import Cosigners
from ledger.sequencer import Sequencer
from ledger.signer import CheckpointSigner, LedgerKeys, create_memory
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.keys import Ed25519PrivateKey
from protocol.records import DidRecord
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.note import encode_signature_line, parse_note
from protocol.tlog.policy import verify_checkpoint
from protocol.tlog.witness import parse_add_checkpoint
from tests.campaign import Chance, many
from tests.ledger.fake_node import FakeNode, Reply, quorum_of, running_nodes
from tests.ledger.world import KEYS, NOW, World, names

SECONDS = 20
NODES, QUORUM = 4, 3
RECOVERED_WITHIN = 10
FORGER = LedgerKeys(KEYS.origin, *(Ed25519PrivateKey(bytes([number]) * 32) for number in (7, 8, 9)))

Heal = Callable[[], None]
Fault = Callable[[FakeNode, str], Heal]
Count = Callable[[str, object], None]


def down(node: FakeNode, _forged: str) -> Heal:
    node.is_away = True

    def heal() -> None:
        node.is_away = False

    return heal


def slow(node: FakeNode, _forged: str) -> Heal:
    """It takes requests, and answers none before it is well again."""
    released = threading.Event()

    def wait(_body: bytes) -> Reply | None:
        assert released.wait(SECONDS)
        return None

    return answering(node, wait, released.set)


def wrong(node: FakeNode, _forged: str) -> Heal:
    """It signs another text."""
    return answering(node, lambda _body: cosigned(node, "other\n", node.key))


def stale(node: FakeNode, _forged: str) -> Heal:
    """It gives its cosignature of the checkpoint before, again and again."""
    old = parse_note(node.notes[KEYS.origin]).text
    return answering(node, lambda _body: cosigned(node, old, node.key))


def rotated(node: FakeNode, _forged: str) -> Heal:
    """It signs with a key that the policy does not know yet."""

    def sign(body: bytes) -> Reply:
        text = parse_note(parse_add_checkpoint(body).checkpoint).text
        return cosigned(node, text, FORGER.cosigner)

    return answering(node, sign)


def forked(node: FakeNode, forged: str) -> Heal:
    """It has another tree, which the log never signed."""
    kept = dict(node.notes)
    node.notes[KEYS.origin] = forged

    def heal() -> None:
        node.notes.update(kept)

    return answering(node, lambda _body: Reply(422, "that does not follow"), heal)


def restored(node: FakeNode, _forged: str) -> Heal:
    """It has forgotten everything, as from a backup of its first day. That is not wrong."""
    node.notes.clear()
    return lambda: None


def answering(node: FakeNode, answer: Callable[[bytes], Reply | None], healed: Heal = lambda: None) -> Heal:
    node.before_answer = answer

    def heal() -> None:
        node.before_answer = lambda _body: None
        healed()

    return heal


def cosigned(node: FakeNode, text: str, key: Ed25519PrivateKey) -> Reply:
    return Reply(200, encode_signature_line(sign_cosignature(text, name=node.key_name, key=key, now=NOW)))


FAULTS: tuple[Fault, ...] = (down, slow, wrong, stale, rotated, forked)


@dataclass
class Campaign:
    """A log with four nodes, and what came of it."""

    world: World
    nodes: list[FakeNode]
    forged: str
    sequencer: Sequencer
    counted: Counter[str] = field(default_factory=Counter)
    slowest: float = 0

    def round(self, faults: dict[int, Fault], records: list[DidRecord]) -> None:
        """Let some nodes have these faults while `records` are submitted, and be well again."""
        size, shown = self.world.store().head().tree_size, self.sequencer.published.log
        heal = [fault(self.nodes[number], self.forged) for number, fault in faults.items()]
        ill = sum(fault is not restored for fault in faults.values())
        if NODES - ill >= QUORUM:
            self.log(records)
            self.counted["rounds with a quorum, published each time"] += 1
        else:
            for answer in [self.sequencer.submit(each) for each in records]:
                with pytest.raises(TallyError) as caught:
                    answer.result(SECONDS)
                assert caught.value.code is Code.LOG_QUORUM_MISSING
                self.counted["refusals log_quorum_missing"] += 1
            # Logged nevertheless, and shown to nobody.
            assert self.world.store().head().tree_size == size + len(records)
            assert self.sequencer.published.log == shown
            self.counted["rounds without a quorum, published never"] += 1
        for each in heal:
            each()
        begin = time.monotonic()
        while self.sequencer.published.log.tree_size < size + len(records):
            assert time.monotonic() - begin < RECOVERED_WITHIN
            threading.Event().wait(0.01)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.log(records)
        assert self.sequencer.failure is None
        self.counted["faults of nodes"] += len(faults)

    def log(self, records: list[DidRecord]) -> None:
        """Submit `records` until they are acknowledged, which is soon; each has the place it ever had."""
        end = time.monotonic() + RECOVERED_WITHIN
        for each in records:
            index = self._index_of(each)
            while index is None:
                assert time.monotonic() < end
                index = self._index_of(each)
            assert self.world.store().read_leaves(index, index + 1) == [each.leaf]
        policy = quorum_of(self.nodes, QUORUM)
        verify_checkpoint(self.sequencer.published.log.note, policy=policy, now=NOW)

    def _index_of(self, each: DidRecord) -> int | None:
        # The log is less patient here than it is with nodes that are far away.
        try:
            return self.sequencer.submit(each).result(SECONDS).leaf_index
        except TallyError as error:
            if error.code is not Code.LOG_QUORUM_MISSING:
                raise
            return None


@contextmanager
def campaign(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Campaign]:
    monkeypatch.setattr("ledger.publisher._PAUSE_SECONDS", 0.02)
    create_memory(world.folder / "forged", KEYS.origin)
    forged = CheckpointSigner(FORGER, world.folder / "forged").sign(99_999, bytes(32), now=NOW)
    with running_nodes(NODES, world.clock) as nodes:
        cosigners = Cosigners(quorum_of(nodes, QUORUM), clock=world.clock)
        with world.sequencer(cosigners=cosigners) as sequencer:
            running = Campaign(world, nodes, forged, sequencer)
            running.log(names(1, "first"))
            # From now on it soon says that there is no quorum.
            monkeypatch.setattr("ledger.publisher.PATIENCE", timedelta(milliseconds=50))
            monkeypatch.setattr("ledger.publishing_rounds.QUORUM_WITHIN", timedelta(milliseconds=300))
            yield running


def drawn(chance: Chance, ill: int) -> dict[int, Fault]:
    """Faults for so many nodes, and now and then one more that has only forgotten."""
    numbers = sorted(range(NODES), key=lambda _number: chance.below(1 << 30))
    faults = {number: chance.one_of(FAULTS) for number in numbers[:ill]}
    if chance.below(3) == 0 and ill < NODES:
        faults[numbers[ill]] = restored
    return faults


def play(running: Campaign, count: Count, *, rounds: int) -> None:
    chance = Chance("nodes")
    records = names(2 * rounds)
    for number in range(rounds):
        faults = drawn(chance, number % (NODES + 1))
        running.round(faults, records[2 * number : 2 * number + 2])
    stored = running.world.store().read_leaves(1, 1 + len(records))
    assert sorted(stored) == sorted(each.leaf for each in records)
    for what, times in running.counted.items():
        count(what, times)
    count("entries logged among them, found once each", len(records))
    count("seconds from a quorum to its checkpoint, at most", f"{running.slowest:.1f}")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_two_nodes_with_any_fault_hold_up_what_is_shown_and_not_what_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    with campaign(world, monkeypatch) as running:
        records = names(2)
        running.round({1: fault}, records[:1])
        running.round({1: fault, 2: fault}, records[1:])


@pytest.mark.stress
def test_nodes_with_faults_in_hundreds_of_combinations_lose_nothing_and_delay_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, record_property: Count
) -> None:
    with campaign(world, monkeypatch) as running:
        play(running, record_property, rounds=many(200))


def test_log_whose_policy_takes_up_the_new_key_of_a_node_has_its_quorum_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with campaign(world, monkeypatch) as running:
        nodes = running.nodes
        for node in nodes[:2]:
            rotated(node, running.forged)
        with pytest.raises(TallyError) as caught:
            running.sequencer.submit(names(1)[0]).result(SECONDS)
        assert caught.value.code is Code.LOG_QUORUM_MISSING
        running.sequencer.stop()
        policy = quorum_of(nodes, QUORUM)
        known = replace(nodes[0].witness.key, public_key=FORGER.cosigner.public_key)
        witnesses = [
            replace(each, key=known) if each.name == nodes[0].name else each for each in policy.witnesses
        ]
        renewed = replace(policy, witnesses=tuple(witnesses))
        cosigners = Cosigners(renewed, clock=world.clock)
        with world.sequencer(cosigners=cosigners) as sequencer:
            assert sequencer.submit(names(1)[0]).result(SECONDS).leaf_index == 1
            verify_checkpoint(sequencer.published.log.note, policy=renewed, now=NOW)
