"""What the quorum of a policy is worth: how many liars it survives, and how many who are away.

Two quorums that have only liars in common can stand behind two histories. A quorum that needs somebody who is
away stands behind nothing. Every witness and every group is a member of at most one group (C2SP tlog-policy),
so both are computed exactly, from the inside out. That some witnesses have one owner no policy can say.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from protocol.tlog.policy import NO_QUORUM, Group, LogPolicy

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class QuorumWorth:
    """What a quorum is worth.

    Attributes:
        overlap: The least number of witnesses that two quorums have in common. With 0, two histories can be
            published although every witness is honest.
        blocking: The least number of witnesses without whom there is no quorum.
    """

    overlap: int
    blocking: int

    @property
    def survived_liars(self) -> int:
        """How many witnesses may lie without two histories being published."""
        return max(0, self.overlap - 1)

    @property
    def survived_absent(self) -> int:
        """How many witnesses may be away without publishing coming to a halt."""
        return max(0, self.blocking - 1)


def compute_quorum_worth(policy: LogPolicy) -> QuorumWorth:
    """What the quorum of `policy` is worth; `quorum none` is worth nothing."""
    if policy.quorum == NO_QUORUM:
        return QuorumWorth(0, 0)

    def of_group(group: Group, members: list[QuorumWorth]) -> QuorumWorth:
        # Two choices of t among m members share 2t-m of them at least; m-t+1 who are away leave too few.
        shared = max(0, 2 * group.threshold - len(members))
        missing = len(members) - group.threshold + 1
        return QuorumWorth(
            sum(sorted(member.overlap for member in members)[:shared]),
            sum(sorted(member.blocking for member in members)[:missing]),
        )

    return _fold_quorum(policy, lambda _name: QuorumWorth(1, 1), of_group)


def satisfies_quorum(policy: LogPolicy, names: Collection[str]) -> bool:
    """Whether the witnesses with these names make up the quorum of `policy`. `quorum none` needs nobody."""
    if policy.quorum == NO_QUORUM:
        return True
    return _fold_quorum(
        policy, lambda name: name in names, lambda group, members: sum(members) >= group.threshold
    )


def could_be_quorum(policy: LogPolicy, *, without: Collection[str]) -> bool:
    """Whether the other witnesses of the policy could make up its quorum by themselves.

    As long as they could, something may have been published that nobody in `without` has seen. Under `quorum
    none` that is always so.
    """
    return satisfies_quorum(policy, witnesses_of_quorum(policy).difference(without))


def witnesses_of_quorum(policy: LogPolicy) -> frozenset[str]:
    """The names of the witnesses that count for the quorum: a policy may name others."""
    if policy.quorum == NO_QUORUM:
        return frozenset()
    return _fold_quorum(
        policy,
        lambda name: frozenset([name]),
        lambda _group, members: frozenset[str]().union(*members),
    )


def least_threshold(count: int, *, liars: int) -> int:
    """The least k for which every two choices of k among `count` witnesses share more than `liars` of them.

    It is larger than `count` where there is none. Without `liars` of them there is still a quorum when it is
    at most `count - liars`; for that there must be more than three times as many as liars.
    """
    return (count + liars) // 2 + 1


def _fold_quorum(
    policy: LogPolicy, of_witness: Callable[[str], _Value], of_group: Callable[[Group, list[_Value]], _Value]
) -> _Value:
    """The value of the quorum, from those of its members. Groups stand below what they are made of."""
    values = {witness.name: of_witness(witness.name) for witness in policy.witnesses}
    for group in policy.groups:
        values[group.name] = of_group(group, [values[member] for member in group.members])
    return values[policy.quorum]
