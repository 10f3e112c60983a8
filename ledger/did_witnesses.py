"""Which nodes an institution's DID names as its witnesses, and how many must approve an entry.

They are the nodes of the policy that the institution trusts its ledger by, each by the word of its cosigner.
"""

from collections.abc import Iterable

from ledger.client import LedgerClient
from protocol.codes import Code
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, TallyError
from protocol.tlog.node_approver import verify_approver_statement
from protocol.tlog.policy import LogPolicy, Witness
from protocol.tlog.quorum import compute_quorum_worth, least_threshold, witnesses_of_quorum


def select_witnesses(policy: LogPolicy, statements: Iterable[str]) -> WitnessRule:
    """The witnesses of a DID on the first log of `policy`: the nodes of its quorum that state an approver.

    The threshold survives as many liars as the policy does. `statements` are untrusted: what none of these
    nodes signed is passed over, and whoever keeps one back can only bring about that there are too few.

    Raises:
        RefusedError: QUORUM_UNSAFE, there is no node, or so few of them approve entries of DIDs that the DID
            would depend on more of them than the policy does.
    """
    given = list(statements)
    quorum = witnesses_of_quorum(policy)
    members = [witness for witness in policy.witnesses if witness.name in quorum]
    found = [_approver_of(witness, policy.logs[0].key.name, given) for witness in members]
    # Who claims the key of another one adds nobody.
    witnesses = tuple(dict.fromkeys(did for did in found if did is not None))
    worth = compute_quorum_worth(policy)
    threshold = least_threshold(len(witnesses), liars=worth.survived_liars)
    if not witnesses or threshold > len(witnesses) - worth.survived_absent:
        detail = f"{len(witnesses)} of the {len(members)} cosigners of the policy approve entries of DIDs"
        raise RefusedError(Code.QUORUM_UNSAFE, detail)
    return WitnessRule(threshold, witnesses)


def witness_parameter(client: LedgerClient) -> JsonObject:
    """The parameter of did:webvh by which a DID names the nodes of the client's policy as its witnesses.

    Raises:
        RefusedError: as `select_witnesses`.
        MalformedError, UnavailableError: the ledger cannot be asked.
    """
    rule = select_witnesses(client.ledger.policy, client.read_approvers())
    return {"witness": encode_witness_rule(rule)}


def renewed_witness_parameter(client: LedgerClient, rule: WitnessRule | None) -> JsonObject | None:
    """The parameter that changes `rule` into what the nodes are now; None where it does not, or nobody knows.

    Whoever gets None goes on: a key that has to go must not wait for nodes.
    """
    if rule is None:
        return None
    try:
        present = select_witnesses(client.ledger.policy, client.read_approvers())
    except TallyError:
        return None
    is_same = present.threshold == rule.threshold and {*present.witnesses} == {*rule.witnesses}
    return None if is_same else {"witness": encode_witness_rule(present)}


def _approver_of(witness: Witness, origin: str, statements: Iterable[str]) -> str | None:
    for statement in statements:
        try:
            return verify_approver_statement(statement, origin=origin, cosigner=witness.key)
        except TallyError:
            # That of another node, or of nobody.
            continue
    return None
