"""Hints that too much is asked for; they never change what is sent."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.claim_path import ClaimPath
from schemas import credential_type, credential_types
from tests.counted import NOW
from wallet.content import ActivityEntry, ActivityKind
from wallet.overasking import AskedFacts, Hint, HintKind, find_hints

CARD, DEGREE = (credential_type(name).vct for name in ("identity_card", "degree"))
SHOP = "decentralized_identifier:did:key:shop"
CARD_FACTS: tuple[ClaimPath, ...] = (
    ("given_name",),
    ("birth_date",),
    ("age_over_18",),
    ("age_over_21",),
    ("address", "locality"),
    ("portrait",),
)
SHOWN = ActivityEntry(
    time=NOW,
    kind=ActivityKind.PRESENTED,
    party=SHOP,
    credential_type=CARD,
    claim_names=(("age_over_18",),),
)


def asked(
    *needed: ClaimPath, optional: tuple[ClaimPath, ...] = (), vct: str = CARD, **changed: Any
) -> AskedFacts:
    facts = AskedFacts(
        query_id="it",
        credential_type=vct,
        needed=needed,
        optional=optional,
        withholdable=frozenset(CARD_FACTS),
    )
    return replace(facts, **changed)


def hints(
    facts: AskedFacts, *activity: ActivityEntry, purpose: str | None = "Something", party: str = SHOP
) -> list[Hint]:
    return [*find_hints([facts], purpose=purpose, party=party, activity=activity)]


def of_kind(found: list[Hint], kind: HintKind) -> list[tuple[tuple[ClaimPath, ...], bool]]:
    return [(hint.paths, hint.is_needed) for hint in found if hint.kind is kind]


def test_request_for_what_it_is_for_gives_no_hint() -> None:
    assert hints(asked(("age_over_18",)), SHOWN, purpose="Age check") == []


# Birth date


@pytest.mark.parametrize("name", ["birth_date", "birthdate", "date_of_birth"])
def test_birth_date_is_odd_where_an_age_is_attested(name: str) -> None:
    facts = asked((name,), withholdable=frozenset({*CARD_FACTS, (name,)}))
    (hint,) = hints(facts)
    assert (hint.kind, hint.paths, hint.is_needed) == (HintKind.BIRTH_DATE, ((name,),), True)
    assert hint.instead == (("age_over_18",), ("age_over_21",))


def test_birth_date_is_not_odd_where_it_is_all_there_is() -> None:
    assert hints(asked(("birth_date",), withholdable=frozenset({("birth_date",), ("given_name",)}))) == []


def test_birth_date_that_is_only_wished_for_is_marked_and_not_needed() -> None:
    found = hints(asked(("given_name",), optional=(("birth_date",),)))
    assert of_kind(found, HintKind.BIRTH_DATE) == [((("birth_date",),), False)]


# Everything


def test_every_fact_of_a_credential_is_too_much() -> None:
    assert of_kind(hints(asked(*CARD_FACTS)), HintKind.EVERYTHING) == [(CARD_FACTS, True)]
    wished = asked(*CARD_FACTS[:2], optional=CARD_FACTS[2:])
    assert of_kind(hints(wished), HintKind.EVERYTHING) == [(CARD_FACTS, False)]
    assert of_kind(hints(asked(*CARD_FACTS[1:])), HintKind.EVERYTHING) == []


def test_the_only_fact_and_facts_that_nobody_can_withhold_are_not_everything() -> None:
    assert hints(asked(("seat",), vct="urn:ticket", withholdable=frozenset({("seat",)}))) == []
    assert hints(asked(("a",), ("b",), vct="urn:ticket", withholdable=frozenset())) == []


# More than before


def test_what_was_not_asked_for_the_last_time_is_odd() -> None:
    found = hints(asked(("age_over_18",), ("given_name",), optional=(("address", "locality"),)), SHOWN)
    more = (("given_name",), ("address", "locality"))
    assert of_kind(found, HintKind.MORE_THAN_BEFORE) == [(more, True)]


@pytest.mark.parametrize(
    "changed",
    [
        {"party": "decentralized_identifier:did:key:other"},
        {"credential_type": DEGREE},
        {"kind": ActivityKind.DECLINED},
        {"kind": ActivityKind.RECEIVED},
    ],
)
def test_what_happened_with_others_is_no_measure(changed: dict[str, Any]) -> None:
    assert hints(asked(("given_name",)), replace(SHOWN, **changed)) == []


def test_the_last_time_counts_with_every_credential_shown_in_it() -> None:
    before = replace(SHOWN, time=NOW - timedelta(days=1), claim_names=(("given_name",),))
    beside = replace(SHOWN, claim_names=(("address", "locality"),))
    found = hints(asked(("given_name",), ("address", "locality")), before, SHOWN, beside)
    assert of_kind(found, HintKind.MORE_THAN_BEFORE) == [((("given_name",),), True)]


def test_party_that_signs_nothing_is_the_same_at_every_address_of_its_host() -> None:
    one, other = (f"redirect_uri:https://shop.example/{number}" for number in (1, 2))
    found = hints(asked(("given_name",)), replace(SHOWN, party=one), party=other)
    assert of_kind(found, HintKind.MORE_THAN_BEFORE) == [((("given_name",),), True)]


def test_element_of_a_list_is_the_same_wherever_it_stands() -> None:
    shown = replace(SHOWN, claim_names=(("codes", 0, "name"),))
    facts = asked(("codes", 3, "name"), withholdable=frozenset({("codes", 3, "name"), ("x",)}))
    assert hints(facts, shown) == []


# Unusual


def test_what_a_purpose_does_not_usually_need_is_odd() -> None:
    facts = asked(("age_over_18",), optional=(("address", "locality"), ("given_name",)))
    (hint,) = hints(facts, purpose="To check your age")
    assert (hint.kind, hint.is_needed) == (HintKind.UNUSUAL, False)
    assert hint.paths == (("address", "locality"), ("given_name",))
    assert hint.request_kind == "an age check"


def test_purpose_of_two_kinds_may_need_what_either_needs() -> None:
    facts = asked(("age_over_18",), ("given_name",), ("address", "locality"))
    assert hints(facts, purpose="Are you old enough to rent a car?") == []


def test_type_that_a_purpose_never_needs_is_odd_as_a_whole() -> None:
    facts = asked(("grade",), vct=DEGREE, withholdable=frozenset({("grade",), ("title",)}))
    (hint,) = hints(facts, purpose="Open an account")
    assert (hint.kind, hint.paths) == (HintKind.UNUSUAL, (("grade",),))


def test_of_a_type_nobody_here_knows_nothing_is_unusual() -> None:
    assert hints(asked(("given_name",), vct="urn:ticket"), purpose="Age check") == []
    assert hints(asked(("portrait",), vct="urn:ticket"), purpose=None) == []


@pytest.mark.parametrize("purpose", [None, "Something"])
def test_without_a_purpose_that_is_understood_only_what_nobody_needs_is_odd(purpose: str | None) -> None:
    found = hints(asked(("given_name",), ("portrait",)), purpose=purpose)
    assert [(hint.kind, hint.paths) for hint in found] == [(HintKind.RARELY_NEEDED, (("portrait",),))]


# All of them


KNOWN = {
    known.vct: [claim.path for claim in known.type_metadata.claims if None not in claim.path]
    for known in credential_types()
}


@st.composite
def questions(draw: st.DrawFn) -> AskedFacts:
    vct = draw(st.sampled_from([*KNOWN]))
    paths = draw(st.lists(st.sampled_from(KNOWN[vct]), unique=True))
    split = draw(st.integers(0, len(paths)))
    withholdable = draw(st.frozensets(st.sampled_from(KNOWN[vct]))).union(paths)
    return asked(*paths[:split], optional=tuple(paths[split:]), vct=vct, withholdable=withholdable)


@given(questions(), st.one_of(st.none(), st.sampled_from(["Age check", "Travel", "x"]), st.text()), st.data())
def test_hints_are_about_what_is_asked_and_needed_only_where_it_has_to_leave(
    facts: AskedFacts, purpose: str | None, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from(KNOWN[facts.credential_type])))
    entry = replace(SHOWN, credential_type=facts.credential_type, claim_names=tuple(names))
    for hint in hints(facts, entry, purpose=purpose):
        assert hint.paths
        assert {*hint.paths} <= {*facts.needed, *facts.optional}
        assert {*hint.instead} <= facts.withholdable
        if hint.is_needed:
            assert {*hint.paths} & {*facts.needed}
