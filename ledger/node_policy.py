"""The policy by which a ledger's nodes count: which there are, and how many of them must agree.

A cosigner tells by its name what it promises: `<host>/copy` has stored and checked every entry,
`<host>/witness` has seen that the log only grew, `<origin>/operator` is the log's own (decision 0008).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from http import HTTPStatus

from ledger.fetch import Fetcher
from ledger.signer import OPERATOR
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError, UnavailableError
from protocol.tlog.policy import (
    NO_QUORUM,
    Group,
    LogPolicy,
    PolicyLog,
    Witness,
    encode_log_policy,
    parse_log_policy,
)
from protocol.tlog.quorum import least_threshold, satisfies_quorum
from protocol.web_address import parse_web_address

NODES = "nodes"
"""The name of the group in which the nodes are."""

_MAX_LINE_BYTES = 8 * 1024


class CosignerKind(StrEnum):
    """What a cosigner promises, by its name."""

    COPY = "copy"
    WITNESS = "witness"
    OPERATOR = "operator"
    UNKNOWN = "unknown"


def kind_of_cosigner(key_name: str, logs: Iterable[PolicyLog]) -> CosignerKind:
    """What the cosigner that signs as `key_name` promises. Only a policy's owner can know if it is true."""
    if key_name in [f"{log.key.name}/{OPERATOR}" for log in logs]:
        return CosignerKind.OPERATOR
    match key_name.rpartition("/")[2]:
        case "copy":
            return CosignerKind.COPY
        case "witness":
            return CosignerKind.WITNESS
        case _:
            return CosignerKind.UNKNOWN


def counts_nodes(policy: LogPolicy) -> bool:
    """Whether the quorum of `policy` needs anybody beside the operator of the log."""
    operators = {
        witness.name
        for witness in policy.witnesses
        if kind_of_cosigner(witness.key.name, policy.logs) is CosignerKind.OPERATOR
    }
    return not satisfies_quorum(policy, operators)


def parse_node_line(text: str) -> Witness:
    """Read what a node says of itself: one `witness` line of a policy, with the node's URL.

    Raises:
        MalformedError: anything else but comments, or a URL that could not be asked.
    """
    newline = "" if text.endswith("\n") else "\n"
    policy = parse_log_policy(f"{text}{newline}quorum {NO_QUORUM}\n")
    if policy.logs or policy.groups or len(policy.witnesses) != 1 or policy.witnesses[0].url is None:
        raise MalformedError(Code.LOG_POLICY_INVALID, "a node is one witness line with its URL")
    [node] = policy.witnesses
    try:
        parse_web_address(str(node.url), development=True)
    except MalformedError as error:
        raise MalformedError(Code.LOG_POLICY_INVALID, "the node's URL is no web address") from error
    return node


def fetch_node_line(url: str, *, fetcher: Fetcher) -> Witness:
    """Ask the node at `url` for its line: worth what a person makes of the key in it.

    Raises:
        MalformedError: the answer is not such a line.
        UnavailableError: it cannot be reached, or is no node.
    """
    answer = fetcher.fetch(f"{url}/policy-line", accept="text/plain", max_bytes=_MAX_LINE_BYTES)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise UnavailableError(Code.NETWORK_CONTENT_TYPE, f"{url} is no node")
    if answer.status != HTTPStatus.OK:
        raise UnavailableError(Code.NETWORK_STATUS, f"{url} answered {answer.status}")
    return parse_node_line(decode_utf8(answer.body))


def create_node_policy(
    policy: LogPolicy, nodes: Sequence[Witness], *, threshold: int | None, survive: int, keep_operator: bool
) -> LogPolicy:
    """The logs of `policy`, with a quorum of `threshold` of `nodes`, or the least that is safe.

    It survives that `survive` of them lie, and that as many are away. The operator's own cosigner stays in
    the policy; with `keep_operator` it counts as one of them.

    Raises:
        RefusedError: it would not survive that (QUORUM_UNSAFE), two of them have one name, or the operator's
            cosigner is to count and `policy` does not name it.
        MalformedError: two of them have one key.
    """
    operators = tuple(
        witness
        for witness in policy.witnesses
        if kind_of_cosigner(witness.key.name, policy.logs) is CosignerKind.OPERATOR
    )
    if keep_operator and not operators:
        raise RefusedError(Code.NOT_FOUND, "the policy does not name the operator's cosigner")
    taken = [NODES, NO_QUORUM, *(witness.name for witness in (*operators, *nodes))]
    for name in taken:
        if taken.count(name) > 1:
            raise RefusedError(Code.LOG_POLICY_INVALID, f"the name {name} is taken; give the node another")
    names = tuple(witness.name for witness in (*nodes, *(operators if keep_operator else ())))
    chosen = least_threshold(len(names), liars=survive) if threshold is None else threshold
    _require_safe(chosen, len(names), survive)
    made = LogPolicy(policy.logs, (*operators, *nodes), (Group(NODES, chosen, names),), NODES)
    # Only reading it back shows two nodes with one key.
    return parse_log_policy(encode_log_policy(made))


def _require_safe(threshold: int, count: int, survive: int) -> None:
    least = least_threshold(count, liars=survive)
    if least <= threshold <= count - survive:
        return
    if count <= 3 * survive:
        few = (count - 1) // 3
        advice = (
            f"{3 * survive + 1} nodes with --quorum {2 * survive + 1} do; with {count}, the most is"
            f" --survive {few} with --quorum {least_threshold(count, liars=few)}"
        )
    else:
        advice = f"with {count}, --quorum {least} does"
    if threshold > count:
        reason = f"there are not {threshold} nodes"
    elif threshold < least:
        common = max(0, 2 * threshold - count)
        reason = f"two quorums of {threshold} of {count} may have only {common} in common"
    else:
        reason = f"{threshold} of {count} cannot be had with {survive} away"
    raise RefusedError(Code.QUORUM_UNSAFE, f"{reason}; {advice}")
