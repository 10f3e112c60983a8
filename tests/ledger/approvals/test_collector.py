"""What the operator takes from nodes that answer as they should, and from those that do not."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.approvals.collector import CollectedNode
from ledger.approvals.histories import serve_history
from ledger.approvals.page import Approval, ApprovalPage, encode_approvals
from ledger.approvals.store import KnownApprover
from ledger.fetch import Fetched, Fetcher, FetchRules
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.did.webvh.author import NewEntry, update_did
from protocol.did.webvh.history import verify_history
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.witness import create_witness_proof, encode_witness_file, parse_witness_file
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, UnavailableError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.node_approver import create_approver_statement
from protocol.tlog.note import NoteKey, SignatureType, encode_vkey
from protocol.tlog.policy import Witness
from tests.ledger.world import AUTHORITY, KEY, NOW, World, append, create, record, update

APPROVERS = {
    name: Ed25519PrivateKey(name.encode().ljust(32, b"\1")) for name in ("alice", "bob", "carol", "dave")
}
COSIGNERS = {name: Ed25519PrivateKey(name.encode().ljust(32, b"\2")) for name in APPROVERS}
DIDS = {name: encode_did_key(key.public_key) for name, key in APPROVERS.items()}
STRANGER = Ed25519PrivateKey(bytes([9]) * 32)


def witnessed(threshold: int, *names: str) -> JsonObject:
    return {"witness": encode_witness_rule(WitnessRule(threshold, tuple(DIDS[name] for name in names)))}


FIRST = create("university", parameters=witnessed(3, *APPROVERS))
SECOND = update(FIRST.version)
THIRD = update(SECOND.version)


def proof_of(name: str, entry: NewEntry, **changes: Any) -> JsonObject:
    return create_witness_proof(entry.version.version_id, key=APPROVERS[name], created=NOW) | changes


@dataclass
class Scripted(Fetcher):
    """Answers in the place of the network.

    Attributes:
        answers: What is said under a path, or why nothing is.
        asked: For what was asked.
    """

    answers: dict[str, bytes | UnavailableError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(FetchRules(development=True))

    def fetch(self, url: str, **_options: Any) -> Fetched:
        path = url.partition(".localhost:1")[2]
        self.asked.append(path)
        answer = self.answers.get(path.rpartition("/")[2].partition("?")[0], b"")
        if isinstance(answer, UnavailableError):
            raise answer
        return Fetched(200, "", answer)


@dataclass
class Operator:
    """A ledger that collects from nodes which a test speaks for."""

    world: World
    nodes: dict[str, CollectedNode] = field(default_factory=dict)
    said: dict[str, Scripted] = field(default_factory=dict)

    def log(self, *entries: NewEntry) -> None:
        append(self.world.store(), [record(entry) for entry in entries])

    @property
    def size(self) -> int:
        return self.world.store().head().tree_size

    def node(self, name: str) -> CollectedNode:
        """The node, which says which approver it is."""
        if name not in self.nodes:
            key = NoteKey(
                f"{name}.example/copy", SignatureType.ED25519_COSIGNATURE, COSIGNERS[name].public_key
            )
            said = Scripted({"approver": statement_of(name).encode()})
            self.said[name] = said
            self.nodes[name] = CollectedNode(
                Witness(name, key, f"http://{name}.localhost:1"),
                AUTHORITY,
                self.world.store(),
                said,
                clock=self.world.clock,
            )
        return self.nodes[name]

    def say(self, name: str, proofs: Mapping[int, tuple[str, JsonObject]], size: int | None = None) -> None:
        """Let the node say that it approves the version ids at these indices."""
        self.node(name)
        page = ApprovalPage(
            [Approval(index, *found) for index, found in proofs.items()], self.size if size is None else size
        )
        self.said[name].answers["approvals"] = json.dumps(encode_approvals(page)).encode()

    def collect(self, name: str) -> Code | None:
        """What is wrong with the node, after it was asked."""
        node = self.node(name)
        node.collect()
        return None if node.trouble is None else node.trouble.code

    def approve(self, name: str, index: int, entry: NewEntry, **changes: Any) -> Code | None:
        """Let the node approve `entry`, which stands at `index`, and collect that."""
        self.say(name, {index: (entry.version.version_id, proof_of(name, entry, **changes))})
        return self.collect(name)

    def shown(self, entry: NewEntry = FIRST) -> int:
        return serve_history(self.world.store(), entry.version.parameters.scid, tree_size=self.size).shown

    def verify_served(self, entry: NewEntry = FIRST) -> None:
        """Read what is served as every resolver does."""
        served = serve_history(self.world.store(), entry.version.parameters.scid, tree_size=self.size)
        lines = served.lines.splitlines()
        proofs = parse_witness_file(encode_witness_file(served.proofs))
        history = verify_history(lines, did=entry.version.did, now=NOW, witness_proofs=proofs)
        assert len(history.versions) == served.shown


def statement_of(name: str, *, key: Ed25519PrivateKey | None = None) -> str:
    return create_approver_statement(
        AUTHORITY,
        APPROVERS[name].public_key,
        name=f"{name}.example/copy",
        key=key or COSIGNERS[name],
        now=NOW,
    )


@pytest.fixture
def operator(tmp_path: Path, database: str) -> Iterator[Operator]:
    world = World(tmp_path, address=database if "://" in database else None)
    world.create()
    yield Operator(world)
    world.close()


pytestmark = pytest.mark.both_engines


def test_entry_is_shown_when_enough_nodes_approve_it(operator: Operator) -> None:
    operator.log(create("plain"), FIRST)
    for count, name in enumerate(("alice", "bob", "carol", "dave")):
        assert operator.shown() == (1 if count >= 3 else 0)
        assert operator.approve(name, 1, FIRST) is None
    operator.verify_served()


def test_newer_entry_is_shown_when_it_is_approved_and_what_was_shown_stays_good_until_then(
    operator: Operator,
) -> None:
    operator.log(FIRST)
    for name in ("alice", "bob", "carol"):
        operator.approve(name, 0, FIRST)
    operator.log(SECOND, THIRD)
    for count, name in enumerate(("alice", "bob", "carol")):
        assert operator.shown() == 1, count
        operator.verify_served()
        operator.approve(name, 2, THIRD)
    assert operator.shown() == 3
    operator.verify_served()
    # Who has fetched the first entry only, and the proofs now, still has what it needs.
    served = serve_history(operator.world.store(), FIRST.version.parameters.scid, tree_size=1)
    assert served.shown == 1


def test_proofs_that_nobody_needs_any_more_are_removed(operator: Operator) -> None:
    entry, index = FIRST, 0
    operator.log(entry)
    for _ in range(4):
        for name in ("alice", "bob", "carol"):
            operator.approve(name, index, entry)
        operator.verify_served()
        entry, index = update(entry.version), index + 1
        operator.log(entry)
    kept = operator.world.store().approvals.proofs_of(FIRST.version.parameters.scid)
    assert {len(found) for found in kept.values()} == {2}


def test_proofs_of_replaced_witnesses_stay_for_what_they_approved(operator: Operator) -> None:
    first = create("university", parameters=witnessed(1, "alice"))
    time = first.version.time + timedelta(hours=1)
    replaced = update_did(first.version, key=KEY, time=time, parameters=witnessed(1, "bob"))
    then = update(replaced.version)
    operator.log(first, replaced)
    operator.approve("bob", 1, replaced)
    assert operator.shown(first) == 0
    operator.approve("alice", 1, replaced)
    assert operator.shown(first) == 2
    operator.log(then)
    assert operator.shown(first) == 2
    operator.approve("bob", 2, then)
    assert operator.shown(first) == 3
    operator.verify_served(first)


def test_restarted_operator_goes_on_where_it_was(operator: Operator) -> None:
    operator.log(FIRST)
    operator.approve("alice", 0, FIRST)
    operator.nodes.clear()
    node = operator.node("alice")
    node.recall()
    operator.say("alice", {})
    assert operator.collect("alice") is None
    assert [path.rpartition("/")[2] for path in operator.said["alice"].asked] == ["approvals?after=1"]
    assert node.approver == KnownApprover(DIDS["alice"], statement_of("alice"), 1)


def test_node_that_is_made_again_is_behind_and_loses_nothing(operator: Operator) -> None:
    operator.log(FIRST)
    operator.approve("alice", 0, FIRST)
    operator.say("alice", {}, size=0)
    assert operator.collect("alice") is None
    found = operator.node("alice").approver
    assert found is not None
    assert found.collected == 1


def test_approver_counts_by_the_word_of_its_cosigner(operator: Operator) -> None:
    operator.node("alice")
    operator.said["alice"].answers["approver"] = statement_of("alice", key=STRANGER).encode()
    assert operator.collect("alice") is Code.LOG_SIGNATURE_INVALID
    assert operator.node("alice").approver is None
    operator.said["alice"].answers["approver"] = statement_of("bob").encode()
    assert operator.collect("alice") is Code.LOG_SIGNATURE_INVALID
    assert operator.world.store().approvals.approvers() == {}


def test_node_that_is_away_or_approves_nothing_is_its_own_trouble(operator: Operator) -> None:
    operator.log(FIRST)
    operator.node("alice")
    for code in (Code.NETWORK_UNREACHABLE, Code.NETWORK_STATUS):
        operator.said["alice"].answers["approver"] = UnavailableError(code)
        assert operator.collect("alice") is code
    assert operator.approve("bob", 0, FIRST) is None


LATER = "2026-11-22T12:06:00Z"
LYING: dict[str, tuple[int, NewEntry, dict[str, Any], Code]] = {
    "a proof of something else": (0, SECOND, {}, Code.NODE_REFUSED),
    "a proof of an entry elsewhere": (1, FIRST, {}, Code.NODE_REFUSED),
    "a proof that is altered": (0, FIRST, {"created": "2026-11-22T11:00:00Z"}, Code.SIGNATURE_INVALID),
    "a proof that ends": (0, FIRST, {"expires": "2100-01-01T00:00:00Z"}, Code.MEMBER_INVALID),
    "a proof from the future": (0, FIRST, {"created": LATER}, Code.DID_TIME_INVALID),
    "a proof of another node": (0, FIRST, proof_of("bob", FIRST), Code.DID_KEY_NOT_AUTHORIZED),
}


@pytest.mark.parametrize(("index", "entry", "changes", "code"), LYING.values(), ids=LYING)
def test_what_is_no_approval_of_this_node_is_not_taken(
    operator: Operator, index: int, entry: NewEntry, changes: dict[str, Any], code: Code
) -> None:
    operator.log(FIRST, create("another"))
    assert operator.approve("alice", index, entry, **changes) is code
    assert operator.world.store().approvals.proofs_of(FIRST.version.parameters.scid) == {}
    # Nothing of the page was taken: a node that is mended is asked for the same.
    assert operator.approve("alice", 0, FIRST) is None
    assert len(operator.world.store().approvals.proofs_of(FIRST.version.parameters.scid)) == 1


def test_node_that_speaks_of_entries_that_are_not_there_is_not_believed(operator: Operator) -> None:
    operator.log(FIRST)
    operator.say("alice", {}, size=2)
    assert operator.collect("alice") is Code.NODE_REFUSED
    operator.say("alice", {7: (FIRST.version.version_id, proof_of("alice", FIRST))}, size=8)
    assert operator.collect("alice") is Code.NODE_REFUSED


def test_node_that_approves_what_does_not_name_it_leaves_nothing_behind(operator: Operator) -> None:
    other = create("other", parameters=witnessed(1, "bob"))
    operator.log(other)
    assert operator.approve("alice", 0, other) is None
    assert operator.world.store().approvals.proofs_of(other.version.parameters.scid) == {}


def test_answer_that_cannot_be_read_is_the_trouble_of_that_node(operator: Operator) -> None:
    operator.node("alice")
    operator.said["alice"].answers["approvals"] = b"<html>"
    assert operator.collect("alice") is Code.JSON_INVALID


def test_unforeseen_failure_is_the_trouble_of_that_node(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(operator.node("alice"), "_learn", fail)
    assert operator.collect("alice") is Code.INTERNAL_ERROR


def test_second_collector_is_refused_what_is_there_already(operator: Operator) -> None:
    store = operator.world.store().approvals
    known = KnownApprover(DIDS["alice"], statement_of("alice"), 0)
    vkey = encode_vkey(NoteKey("a", SignatureType.ED25519_COSIGNATURE, COSIGNERS["alice"].public_key))
    store.add_approver(vkey, known)
    with pytest.raises(RefusedError) as caught:
        store.add_approver(vkey, known)
    assert caught.value.code is Code.VAULT_CHANGED


def test_tables_are_made_where_an_older_ledger_has_none(operator: Operator) -> None:
    for table in ("approver", "witness_proof"):
        operator.world.alter(f"DROP TABLE {table}")
    store = operator.world.store().approvals
    store.prepare()
    store.prepare()
    assert store.approvers() == {}


def test_history_without_proofs_is_what_resolvers_refuse(operator: Operator) -> None:
    operator.log(FIRST)
    with pytest.raises(VerificationError) as caught:
        verify_history([FIRST.line], did=FIRST.version.did, now=NOW, witness_proofs={})
    assert caught.value.code is Code.DID_WITNESS_MISSING
    assert operator.shown() == 0
