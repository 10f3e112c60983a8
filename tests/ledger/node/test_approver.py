from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.approvals.page import Approval
from ledger.node.approvals import NodeApprovals
from ledger.node.approver import Approver
from ledger.node.approving import Approving
from ledger.node.trouble import approver_note, read_approver_trouble
from ledger.stored_tree import Head
from ledger.tables import ENTRY
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.did.webvh.author import NewEntry, update_did
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.witness import verify_witness_proof
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.index.leaf import index_origin
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import RightEdge, hash_leaf
from protocol.tlog.note import NoteKey, SignatureType, encode_note, sign_note
from protocol.tlog.policy import Group, LogPolicy, Witness
from tests.ledger.node.followed_log import CopyDesk, FollowedLog, sign, sign_head, wait_until
from tests.ledger.world import AUTHORITY, KEY, KEYS, NOW, POLICY, START, create, record, update

APPROVER, SECOND, STRANGER = (Ed25519PrivateKey(bytes([number]) * 32) for number in (41, 42, 43))
DID = encode_did_key(APPROVER.public_key)
NODES = {name: Ed25519PrivateKey(name.encode().ljust(32, b"\0")) for name in ("alice", "bob", "carol")}
HOUR = timedelta(hours=1)


def quorum_policy(threshold: int = 2) -> LogPolicy:
    witnesses = tuple(
        Witness(name, NoteKey(f"{name}.example/copy", SignatureType.ED25519_COSIGNATURE, key.public_key))
        for name, key in NODES.items()
    )
    group = Group("nodes", threshold, tuple(NODES))
    return LogPolicy(POLICY.logs, witnesses, (group,), "nodes")


def cosigned(head: Head, *nodes: str, origin: str = AUTHORITY, keys: Any = NODES) -> str:
    """What the log publishes of `head`, with the word of these nodes."""
    text = encode_checkpoint(Checkpoint(origin, head.tree_size, head.root_hash))
    signer = KEYS.log if origin == AUTHORITY else KEYS.index
    lines = [sign_note(text, name=origin, key=signer)]
    lines += [sign_cosignature(text, name=f"{name}.example/copy", key=keys[name], now=NOW) for name in nodes]
    return encode_note(text, lines)


def witnessed(*keys: Ed25519PrivateKey, threshold: int = 1) -> JsonObject:
    rule = WitnessRule(threshold, tuple(encode_did_key(key.public_key) for key in keys))
    return {"witness": encode_witness_rule(rule)}


def changed(previous: NewEntry, parameters: JsonObject) -> NewEntry:
    time = previous.version.time + HOUR
    return update_did(previous.version, key=KEY, time=time, parameters=parameters)


@dataclass
class Desk:
    """A node that copies a log and approves what the log publishes."""

    copying: CopyDesk
    log: FollowedLog

    def __post_init__(self) -> None:
        self.reopen()

    def reopen(self) -> None:
        """As after a crash: what counts is what is on disk."""
        self.approvals = NodeApprovals(self.copying.engine, AUTHORITY)
        self.approver = Approver(
            APPROVER,
            self.copying.store,
            self.copying.copy,
            self.approvals,
            policy=quorum_policy(),
            clock=self.copying.clock,
        )

    def logged(self, *entries: NewEntry) -> Head:
        """Log `entries` and copy them."""
        target = self.log.publish([record(entry) for entry in entries])
        self.copying.fill(target)
        return self.log.store.head()

    def approve(self, *entries: NewEntry) -> None:
        """The same, and approve what is under a checkpoint of the quorum."""
        self.approver.approve(cosigned(self.logged(*entries), "alice", "bob"))

    @property
    def shown(self) -> Sequence[Approval]:
        """What everybody is shown, each proof verified."""
        page = self.approvals.page(0)
        for each in page.approvals:
            verify_witness_proof(each.proof, version_id=each.version_id, witness=DID, now=NOW)
        return page.approvals

    def code_of(self, note: str) -> Code | None:
        try:
            self.approver.approve(note)
        except TallyError as error:
            return error.code
        return None


@pytest.fixture
def node(desk: CopyDesk, log: FollowedLog) -> Desk:
    return Desk(desk, log)


pytestmark = pytest.mark.both_engines

FIRST = create("university", parameters=witnessed(APPROVER, SECOND))
NEXT = update(FIRST.version)
THIRD = update(NEXT.version)


def test_entry_under_a_checkpoint_of_the_quorum_is_approved(node: Desk) -> None:
    node.approve(create("plain"), FIRST)
    [approval] = node.shown
    assert (approval.leaf_index, approval.version_id) == (1, FIRST.version.version_id)
    assert node.approvals.tree_size() == 2


def test_latest_version_is_approved_and_with_it_all_before(node: Desk) -> None:
    node.approve(FIRST, NEXT)
    assert [each.version_id for each in node.shown] == [NEXT.version.version_id]
    node.approve(THIRD, create("another", parameters=witnessed(APPROVER)))
    assert [each.leaf_index for each in node.shown] == [2, 3]
    assert node.shown[0].version_id == THIRD.version.version_id


def test_proof_is_dated_by_the_quorum_and_not_by_the_clock_of_the_node(node: Desk) -> None:
    """One from the future would be refused by everybody, and all that this node approves with it."""
    node.copying.clock.time = NOW + timedelta(days=365)
    node.approve(FIRST)
    [approval] = node.shown
    assert approval.proof["created"] == encode_utc(NOW)


def test_did_that_names_other_witnesses_or_none_is_not_approved(node: Desk) -> None:
    mentions = create("mentions", parameters={"watchers": [f"https://example.org/{DID}"]})
    node.approve(create("others", parameters=witnessed(SECOND)), create("none"), mentions)
    assert node.shown == ()
    assert node.approvals.tree_size() == 3


def test_replaced_witness_approves_its_replacement_and_nothing_after(node: Desk) -> None:
    replaced = changed(FIRST, witnessed(SECOND))
    node.approve(FIRST, replaced, update(replaced.version))
    assert [each.version_id for each in node.shown] == [replaced.version.version_id]
    node.approve(update(update(replaced.version).version))
    assert [each.version_id for each in node.shown] == [replaced.version.version_id]


def test_new_witness_approves_what_comes_after_it_was_named(node: Desk) -> None:
    plain = create("university", parameters=witnessed(SECOND))
    named = changed(plain, witnessed(APPROVER))
    node.approve(plain, named)
    node.approve(after := update(named.version))
    assert [each.version_id for each in node.shown] == [after.version.version_id]


def test_checkpoint_without_the_quorum_approves_nothing(node: Desk) -> None:
    head = node.logged(FIRST)
    assert node.code_of(cosigned(head)) is Code.LOG_QUORUM_MISSING
    assert node.code_of(cosigned(head, "alice")) is Code.LOG_QUORUM_MISSING
    assert node.code_of(cosigned(head, "alice", "alice")) is Code.LOG_QUORUM_MISSING
    forged = NODES | {"bob": STRANGER}
    assert node.code_of(cosigned(head, "alice", "bob", keys=forged)) is Code.LOG_QUORUM_MISSING
    assert node.shown == ()
    assert node.code_of(cosigned(head, "alice", "carol")) is None
    assert len(node.shown) == 1


def test_checkpoint_that_the_log_did_not_sign_approves_nothing(node: Desk) -> None:
    head = node.logged(FIRST)
    text = encode_checkpoint(Checkpoint(AUTHORITY, head.tree_size, head.root_hash))
    lines = [
        sign_note(text, name=AUTHORITY, key=STRANGER),
        *(sign_cosignature(text, name=f"{name}.example/copy", key=NODES[name], now=NOW) for name in NODES),
    ]
    assert node.code_of(encode_note(text, lines)) is Code.LOG_SIGNATURE_INVALID
    assert node.shown == ()


def test_checkpoint_of_the_index_approves_nothing_of_the_log(node: Desk) -> None:
    head = node.logged(FIRST)
    of_index = cosigned(head, *NODES, origin=index_origin(AUTHORITY))
    assert node.code_of(of_index) is Code.LOG_ORIGIN_MISMATCH
    assert node.shown == ()


def test_tree_that_the_node_does_not_hold_is_not_approved_whoever_cosigned_it(node: Desk) -> None:
    node.logged(FIRST)
    other = RightEdge().append([hash_leaf(record(THIRD).leaf)])
    assert node.code_of(cosigned(Head.of(other), *NODES)) is Code.LOG_FORK
    grown = node.log.log([record(NEXT)])
    assert node.code_of(cosigned(Head(grown.tree_size, grown.root_hash), *NODES)) is Code.NODE_BEHIND
    assert node.shown == ()


def test_older_checkpoint_takes_nothing_back(node: Desk) -> None:
    old = node.logged(FIRST)
    node.approve(NEXT)
    assert node.code_of(cosigned(old, *NODES)) is None
    assert [each.version_id for each in node.shown] == [NEXT.version.version_id]
    assert node.approvals.tree_size() == 2


def test_copy_that_was_altered_behind_the_nodes_back_is_not_approved(node: Desk) -> None:
    head = node.logged(FIRST)
    forged = record(create("university", parameters=witnessed(APPROVER), time=START + HOUR))
    with node.copying.engine.begin() as connection:
        connection.execute(ENTRY.update().values(leaf=forged.leaf, scid=forged.did.scid))
    assert node.code_of(cosigned(head, *NODES)) is Code.LOG_SELF_CHECK_FAILED
    assert node.shown == ()


def test_many_entries_are_approved_piece_by_piece_and_pages_are_of_256(node: Desk) -> None:
    dids = [create(f"did-{n}", parameters=witnessed(APPROVER)) for n in range(300)]
    node.approve(*dids)
    first = node.approvals.page(0)
    assert [each.leaf_index for each in first.approvals] == list(range(256))
    assert len(node.approvals.page(256).approvals) == 44
    assert node.approvals.count() == 300


class CrashError(Exception):
    """What ends a process."""


def test_crash_between_signing_and_storing_shows_nothing_and_is_made_good(
    node: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = node.logged(FIRST, *[create(f"did-{n}", parameters=witnessed(APPROVER)) for n in range(3)])
    with monkeypatch.context() as crashing:

        def crash(*_arguments: object, **_named: object) -> None:
            raise CrashError

        crashing.setattr("ledger.node.approvals.insert", crash)
        with pytest.raises(CrashError):
            node.approver.approve(cosigned(head, *NODES))
    node.reopen()
    assert (node.shown, node.approvals.tree_size()) == ((), 0)
    node.approver.approve(cosigned(head, *NODES))
    assert len(node.shown) == 4


def test_second_process_that_approves_with_the_same_database_is_refused(node: Desk) -> None:
    node.approve(FIRST)
    with pytest.raises(RefusedError) as caught:
        node.approvals.advance({}, after=0, then=5)
    assert caught.value.code is Code.VAULT_CHANGED
    assert node.approvals.tree_size() == 1


def test_approver_looks_by_itself_and_tells_what_troubles_it(node: Desk) -> None:
    head = node.logged(FIRST)

    def publish(note: str) -> None:
        node.log.published = replace(sign_head(head), note=note)

    publish(sign(head.tree_size, head.root_hash).note)
    note = approver_note(node.copying.engine, AUTHORITY, clock=node.copying.clock)

    def trouble() -> Code | None:
        found = read_approver_trouble(node.copying.engine, AUTHORITY)
        return None if found is None else found.code

    with Approving(node.approver, node.log, note=note, interval=timedelta(hours=1)) as approving:
        wait_until(lambda: trouble() is Code.LOG_QUORUM_MISSING)
        assert node.shown == ()
        publish(cosigned(head, *NODES))
        approving.look_soon()
        wait_until(lambda: len(node.shown) == 1 and trouble() is None)


def test_log_that_is_away_is_told_of_by_the_follower_alone(node: Desk) -> None:
    node.log.gone = True
    note = approver_note(node.copying.engine, AUTHORITY, clock=node.copying.clock)
    with Approving(node.approver, node.log, note=note, interval=timedelta(hours=1)):
        wait_until(lambda: "checkpoint" in node.log.read)
    assert read_approver_trouble(node.copying.engine, AUTHORITY) is None


def test_unforeseen_failure_is_told_and_ends_nothing(node: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(node.approver, "approve", fail)
    note = approver_note(node.copying.engine, AUTHORITY, clock=node.copying.clock)
    with Approving(node.approver, node.log, note=note, interval=timedelta(hours=1)):
        wait_until(lambda: read_approver_trouble(node.copying.engine, AUTHORITY) is not None)
    found = read_approver_trouble(node.copying.engine, AUTHORITY)
    assert found is not None
    assert found.code is Code.INTERNAL_ERROR


def test_damage_that_the_approver_finds_is_told(node: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise UnavailableError(Code.LOG_SELF_CHECK_FAILED)

    monkeypatch.setattr(node.approver, "approve", fail)
    note = approver_note(node.copying.engine, AUTHORITY, clock=node.copying.clock)
    with Approving(node.approver, node.log, note=note, interval=timedelta(hours=1)):
        wait_until(lambda: read_approver_trouble(node.copying.engine, AUTHORITY) is not None)
