from collections.abc import Sequence

import pytest

from ledger.did_witnesses import renewed_witness_parameter, select_witnesses
from ledger.node_policy import create_node_policy
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.did.webvh.parameters import encode_witness_rule
from protocol.errors import RefusedError, UnavailableError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.node_approver import create_approver_statement
from protocol.tlog.note import NoteKey, SignatureType
from protocol.tlog.policy import LogPolicy, Witness
from tests.ledger.world import AUTHORITY, NOW, POLICY

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace")
COSIGNERS = {name: Ed25519PrivateKey(name.encode().ljust(32, b"\2")) for name in NAMES}
APPROVERS = {name: Ed25519PrivateKey(name.encode().ljust(32, b"\1")) for name in NAMES}
DIDS = {name: encode_did_key(key.public_key) for name, key in APPROVERS.items()}


def policy_of(count: int, threshold: int | None = None, *, keep_operator: bool = False) -> LogPolicy:
    nodes = [
        Witness(
            name,
            NoteKey(f"{name}.example/copy", SignatureType.ED25519_COSIGNATURE, key.public_key),
            f"https://{name}.example",
        )
        for name, key in list(COSIGNERS.items())[:count]
    ]
    return create_node_policy(POLICY, nodes, threshold=threshold, survive=0, keep_operator=keep_operator)


def state(name: str, *, claims: str | None = None, origin: str = AUTHORITY) -> str:
    """What the node says of itself; or it claims the approver of another one."""
    return create_approver_statement(
        origin,
        APPROVERS[claims or name].public_key,
        name=f"{name}.example/copy",
        key=COSIGNERS[name],
        now=NOW,
    )


@pytest.mark.parametrize(
    ("count", "quorum", "threshold"), [(1, 1, 1), (2, 2, 2), (3, 2, 2), (4, 3, 3), (5, 4, 4), (7, 5, 5)]
)
def test_threshold_is_as_many_as_the_quorum_has_nodes(count: int, quorum: int, threshold: int) -> None:
    rule = select_witnesses(policy_of(count, quorum), map(state, NAMES))
    assert (rule.threshold, rule.witnesses) == (threshold, tuple(DIDS[name] for name in NAMES[:count]))


FOUR = [state(name) for name in NAMES[:4]]


@pytest.mark.parametrize(
    "statements",
    [
        [],
        FOUR[:3],
        [*FOUR[:3], state("erin")],
        [*FOUR[:3], state("dave", origin="other.example")],
        [*FOUR[:3], state("dave", claims="alice")],
        [*FOUR[:3], "garbage"],
        [*FOUR[:3], FOUR[3].replace("dave.example", "erin.example")],
    ],
    ids=[
        "nobody",
        "one kept back",
        "a stranger",
        "of another log",
        "claims the key of another",
        "garbage",
        "of another name",
    ],
)
def test_too_few_nodes_that_state_an_approver_are_refused(statements: Sequence[str]) -> None:
    with pytest.raises(RefusedError) as caught:
        select_witnesses(policy_of(4, 3), statements)
    assert caught.value.code is Code.QUORUM_UNSAFE


def test_statements_that_nobody_asked_for_change_nothing() -> None:
    rule = select_witnesses(
        policy_of(4, 3), [state("grace"), "garbage", *FOUR, state("alice", claims="erin")]
    )
    assert rule.witnesses == tuple(DIDS[name] for name in NAMES[:4])


@pytest.mark.parametrize("policy", [POLICY, policy_of(3, 3, keep_operator=True)])
def test_policy_that_leaves_it_to_the_operator_gives_no_witnesses(policy: LogPolicy) -> None:
    with pytest.raises(RefusedError) as caught:
        select_witnesses(policy, FOUR)
    assert caught.value.code is Code.QUORUM_UNSAFE


class Client:
    """A client whose ledger hands these statements on."""

    def __init__(self, policy: LogPolicy, statements: Sequence[str] | UnavailableError) -> None:
        self.ledger = self
        self.policy = policy
        self._statements = statements

    def read_approvers(self) -> Sequence[str]:
        if isinstance(self._statements, UnavailableError):
            raise self._statements
        return self._statements


def test_witnesses_are_renewed_when_the_nodes_have_changed_and_only_then() -> None:
    policy = policy_of(4, 3)
    rule = select_witnesses(policy, FOUR)

    def renewed(client: Client, *, of: object = rule) -> object:
        return renewed_witness_parameter(client, of)  # type: ignore[arg-type]

    assert renewed(Client(policy, FOUR[::-1])) is None
    assert renewed(Client(policy, FOUR), of=None) is None
    assert renewed(Client(policy, FOUR[:3])) is None
    assert renewed(Client(policy, UnavailableError(Code.NETWORK_UNREACHABLE))) is None
    five = [*FOUR, state("erin")]
    changed = select_witnesses(policy_of(5, 4), five)
    assert renewed(Client(policy_of(5, 4), five)) == {"witness": encode_witness_rule(changed)}
