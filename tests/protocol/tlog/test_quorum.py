from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.tlog.policy import LogPolicy, parse_log_policy
from protocol.tlog.quorum import (
    QuorumWorth,
    compute_quorum_worth,
    could_be_quorum,
    least_threshold,
    satisfies_quorum,
    witnesses_of_quorum,
)
from tests.protocol.tlog.test_policy import POLICY

ALL = [f"w{number}" for number in range(7)]


def policy(lines: str) -> LogPolicy:
    return parse_log_policy(f"{POLICY}{lines}\n")


def k_of_n(k: int, n: int) -> LogPolicy:
    return policy(f"group g {k} {' '.join(ALL[:n])}\nquorum g")


def subsets() -> list[frozenset[str]]:
    return [frozenset(names) for size in range(8) for names in combinations(ALL, size)]


def quorums(of: LogPolicy) -> list[frozenset[str]]:
    """Every set of witnesses that is a quorum, by the word of the format alone."""

    def agrees(name: str, present: frozenset[str]) -> bool:
        for group in of.groups:
            if group.name == name:
                return sum(agrees(member, present) for member in group.members) >= group.threshold
        return name in present

    return [present for present in subsets() if agrees(of.quorum, present)]


def worth_by_counting(of: LogPolicy) -> QuorumWorth:
    all_quorums = quorums(of)
    minimal = [one for one in all_quorums if not any(other < one for other in all_quorums)]
    return QuorumWorth(
        min(len(one & other) for one in minimal for other in minimal),
        min(len(absent) for absent in subsets() if all(absent & one for one in minimal)),
    )


@st.composite
def policies(draw: st.DrawFn) -> LogPolicy:
    """Some of seven witnesses in groups within groups, each a member once at most."""
    free = draw(st.permutations(ALL))
    lines = []
    for number in range(draw(st.integers(0, 4))):
        size = draw(st.integers(1, len(free)))
        members, free = free[:size], [*free[size:], f"g{number}"]
        lines.append(f"group g{number} {draw(st.integers(1, size))} {' '.join(members)}")
        free = draw(st.permutations(free))
    return policy("\n".join([*lines, f"quorum {draw(st.sampled_from(free))}"]))


@pytest.mark.parametrize(
    ("lines", "worth"),
    [
        ("quorum w0", (1, 1)),
        ("group g any w0 w1 w2\nquorum g", (0, 3)),
        ("group g all w0 w1 w2\nquorum g", (3, 1)),
        ("group g 2 w0 w1 w2\nquorum g", (1, 2)),
        ("group g 2 w0 w1 w2 w3\nquorum g", (0, 3)),
        ("group g 3 w0 w1 w2 w3\nquorum g", (2, 2)),
        ("group g 5 w0 w1 w2 w3 w4 w5 w6\nquorum g", (3, 3)),
        # Two of three owners, each with two witnesses of which any will do: two quorums may share nobody.
        ("group a any w0 w1\ngroup b any w2 w3\ngroup c any w4 w5\ngroup g 2 a b c\nquorum g", (0, 4)),
        ("group a all w0 w1\ngroup b all w2 w3\ngroup g all a b w4\nquorum g", (5, 1)),
        ("group a 2 w0 w1 w2\ngroup b 3 w3 w4 w5 w6\ngroup g all a b\nquorum g", (3, 2)),
        ("group a 2 w0 w1 w2\ngroup g any a w3\nquorum g", (0, 3)),
        ("group a 2 w0 w1 w2\nquorum w6", (1, 1)),
    ],
)
def test_quorum_is_worth_what_two_of_them_share_and_what_stops_all(
    lines: str, worth: tuple[int, int]
) -> None:
    assert compute_quorum_worth(policy(lines)) == QuorumWorth(*worth) == worth_by_counting(policy(lines))


def test_no_quorum_is_worth_nothing() -> None:
    none = policy("quorum none")
    worth = compute_quorum_worth(none)
    assert (worth.overlap, worth.blocking, worth.survived_liars, worth.survived_absent) == (0, 0, 0, 0)
    assert witnesses_of_quorum(none) == frozenset()
    assert satisfies_quorum(none, [])
    assert could_be_quorum(none, without=ALL)


def test_one_less_than_it_takes_is_survived() -> None:
    worth = compute_quorum_worth(k_of_n(5, 7))
    assert (worth.survived_liars, worth.survived_absent) == (2, 2)


def test_quorum_is_made_up_by_witnesses_of_the_policy_only() -> None:
    two_of_three = k_of_n(2, 3)
    assert witnesses_of_quorum(two_of_three) == {"w0", "w1", "w2"}
    assert satisfies_quorum(two_of_three, ["w0", "w2"])
    assert not satisfies_quorum(two_of_three, ["w0", "w0", "w3", "g", "unknown"])


def test_others_could_be_a_quorum_until_enough_have_spoken() -> None:
    three_of_four = k_of_n(3, 4)
    assert could_be_quorum(three_of_four, without=[])
    assert could_be_quorum(three_of_four, without=["w0", "w6"])
    assert not could_be_quorum(three_of_four, without=["w0", "w1"])


@given(policies())
def test_worth_is_what_counting_finds(of: LogPolicy) -> None:
    assert compute_quorum_worth(of) == worth_by_counting(of)


@given(policies(), st.sets(st.sampled_from(ALL)))
def test_quorum_is_what_counting_finds(of: LogPolicy, names: set[str]) -> None:
    assert satisfies_quorum(of, names) == (frozenset(names) in quorums(of))
    assert could_be_quorum(of, without=names) == (frozenset(ALL).difference(names) in quorums(of))
    assert witnesses_of_quorum(of) >= frozenset[str]().union(
        *(one for one in quorums(of) if not any(other < one for other in quorums(of)))
    )


def test_policy_of_many_groups_within_each_other_is_counted() -> None:
    lines = [f"group g{number} any g{number - 1}" for number in range(1, 2000)]
    deep = policy("\n".join(["group g0 2 w0 w1 w2", *lines, "quorum g1999"]))
    assert compute_quorum_worth(deep) == QuorumWorth(1, 2)


@pytest.mark.parametrize("count", range(1, 8))
@pytest.mark.parametrize("liars", range(3))
def test_least_threshold_is_the_least_that_survives_so_many_liars(count: int, liars: int) -> None:
    least = least_threshold(count, liars=liars)
    surviving = [k for k in range(1, count + 1) if worth_by_counting(k_of_n(k, count)).overlap > liars]
    assert surviving == list(range(least, count + 1))
    goes_on = [k for k in surviving if worth_by_counting(k_of_n(k, count)).blocking > liars]
    assert bool(goes_on) == (least <= count - liars) == (count > 3 * liars)
