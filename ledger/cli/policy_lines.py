"""A policy in plain lines: who counts, how many must agree, and what that survives."""

from collections.abc import Iterator

from doors.terminal import Styled, bold, good, safe_text, warning
from ledger.node_policy import CosignerKind, kind_of_cosigner
from protocol.encoding.strict_json import JsonObject
from protocol.tlog.note import encode_vkey
from protocol.tlog.policy import NO_QUORUM, LogPolicy
from protocol.tlog.quorum import compute_quorum_worth, could_be_quorum, witnesses_of_quorum

_PROMISES = {
    CosignerKind.COPY: "keeps a copy, and has checked every entry",
    CosignerKind.WITNESS: "sees that the log only grows, and keeps no entries",
    CosignerKind.OPERATOR: "the operator of the log itself",
    CosignerKind.UNKNOWN: "its name does not say what it promises",
}
# Groups may stand within each other by the thousand.
_MAX_INDENT = 8

Line = tuple[str | Styled, ...]


def policy_lines(policy: LogPolicy) -> Iterator[Line]:
    """All of it, for whoever wants to know what it says."""
    yield (bold("Logs"),)
    for log in policy.logs:
        yield (_columns(log.key.name, log.url),)
    if policy.witnesses:
        yield (bold("Cosigners"),)
    counting = witnesses_of_quorum(policy)
    for witness in policy.witnesses:
        promise = _PROMISES[kind_of_cosigner(witness.key.name, policy.logs)]
        uncounted = "" if witness.name in counting else "; does not count"
        yield (_columns(witness.name, witness.key.name, witness.url),)
        yield (f"    {promise}{uncounted}",)
    yield (bold("Who must agree"),)
    yield from _quorum_lines(policy)
    yield (bold("What that survives"),)
    for line in worth_lines(policy):
        yield ("  ", *line)


def worth_lines(policy: LogPolicy) -> Iterator[Line]:
    """What the quorum is worth, in words."""
    if policy.quorum == NO_QUORUM:
        yield (
            warning("! "),
            "Nothing: the log's own signature is enough. Our readers refuse checkpoints without a time.",
        )
        return
    worth = compute_quorum_worth(policy)
    if worth.overlap == 0:
        yield (
            warning("! "),
            "Two quorums need nobody in common: there can be two histories without a single lie.",
        )
    elif worth.overlap == 1:
        yield (
            warning("! "),
            "None may lie: two quorums may have one cosigner in common, who can tell them two histories.",
        )
    else:
        yield (
            good("✓ "),
            f"{worth.survived_liars} may lie: any two quorums have {worth.overlap} cosigners in common.",
        )
    if worth.blocking == 1:
        yield (warning("! "), "None may be away: there is one without whom nothing is published.")
    else:
        yield (
            good("✓ "),
            f"{worth.survived_absent} may be away: it takes {worth.blocking} of them to stop it.",
        )
    yield from _warnings(policy)


def policy_document(policy: LogPolicy) -> JsonObject:
    """The same for programs."""
    worth = compute_quorum_worth(policy)
    counting = witnesses_of_quorum(policy)
    return {
        "logs": [
            {"origin": log.key.name, "key": encode_vkey(log.key), "url": log.url} for log in policy.logs
        ],
        "cosigners": [
            {
                "name": witness.name,
                "key": encode_vkey(witness.key),
                "url": witness.url,
                "kind": kind_of_cosigner(witness.key.name, policy.logs).value,
                "counts": witness.name in counting,
            }
            for witness in policy.witnesses
        ],
        "groups": [
            {"name": group.name, "threshold": group.threshold, "members": list(group.members)}
            for group in policy.groups
        ],
        "quorum": policy.quorum,
        "overlap": worth.overlap,
        "blocking": worth.blocking,
        "survived_liars": worth.survived_liars,
        "survived_absent": worth.survived_absent,
    }


def _quorum_lines(policy: LogPolicy) -> Iterator[Line]:
    """The quorum as a tree."""
    groups = {group.name: group for group in policy.groups}
    waiting = [(policy.quorum, 1)]
    while waiting:
        name, depth = waiting.pop()
        indent = "  " * min(depth, _MAX_INDENT)
        if name in groups:
            group = groups[name]
            yield (f"{indent}{safe_text(name)}: any {group.threshold} of {len(group.members)}",)
            waiting += [(member, depth + 1) for member in reversed(group.members)]
        else:
            yield (f"{indent}{'nobody' if name == NO_QUORUM else safe_text(name)}",)


def _warnings(policy: LogPolicy) -> Iterator[Line]:
    counting = witnesses_of_quorum(policy)
    by_kind: dict[CosignerKind, list[str]] = {kind: [] for kind in CosignerKind}
    for witness in policy.witnesses:
        if witness.name in counting:
            by_kind[kind_of_cosigner(witness.key.name, policy.logs)].append(witness.name)
    operators, copies = by_kind[CosignerKind.OPERATOR], by_kind[CosignerKind.COPY]
    if len(operators) == len(counting):
        yield (
            warning("! "),
            "Only the operator of the log stands behind it: whoever trusts it trusts the operator.",
        )
        return
    if could_be_quorum(policy, without=copies):
        yield (warning("! "), "There is a quorum without anybody who says to keep a copy of the entries.")
    if operators:
        yield (warning("! "), "The operator of the log counts as one of them, and so as one who may lie.")
    yield ("Cosigners of one owner are as good as one: only you can know whose they are.",)


def _columns(*words: str | None) -> str:
    return "".join(f"  {safe_text(word)}" for word in words if word is not None)
