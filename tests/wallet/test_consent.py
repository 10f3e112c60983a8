"""What a person is asked is what is sent: for every type, every question, and every choice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.did.key import resolve_did_key
from protocol.did.verified import LogEvidence
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import RefusedError
from protocol.openid4vp.dcql.query import ClaimQuery, DcqlQuery, parse_dcql_query
from protocol.openid4vp.match_code import match_code
from protocol.openid4vp.request import RequestStatement
from protocol.openid4vp.request_object import DidClient, RedirectUriClient, VerifiedRequest
from protocol.openid4vp.vp_token import VerifiedAnswer, verify_vp_token
from protocol.policy import VerificationPolicy
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.present import HeldClaim
from protocol.sdjwt.verify import verify_disclosures
from tests.counted import NOW
from tests.openid_parties import REQUEST, UNSIGNED, VERIFIER, fetch_nothing
from tests.status_issuer import DID
from tests.wallet.counterparts import UNIVERSITY
from tests.wallet.holdings import (
    CARD,
    DEGREE,
    EMPTY,
    LICENCE,
    STRANGE,
    TYPES,
    seconds,
    standing,
    with_all_used,
    with_held,
)
from tests.wallet.inspector import query_for
from verifier.question import CredentialQuestion, create_query
from wallet.consent import CheckedBy, Consent, ConsentItem, Tick, dotted, prepare_consent
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.facts import ShownClaim, held_claims
from wallet.held import HeldCredential, StandingWord
from wallet.holder_claims import leaving_with, list_holder_claims
from wallet.known_party import PartyMark
from wallet.presentation import create_presentation

LATER = NOW + timedelta(days=10)
HOSTILE = "\x1b[31m\u202e\u200b\r\n"
POLICY = VerificationPolicy(trusted_issuers={vct: frozenset({DID}) for vct in [*TYPES, STRANGE]})
# A type nobody here knows: some of it always open, some of it open inside something closed.
STRANGE_CLAIMS: JsonObject = {
    "seat": "12A",
    "venue": {"name": "Odeon", "hall": {"number": 3, "row": "F"}},
    "codes": ["a", "b", ["c", "d"]],
    "guests": [{"name": "Ada", "age": 30}, {"name": "Bob", "age": 31}],
    "note": None,
    "extras": {},
}
STRANGE_DISCLOSABLE: tuple[ClaimPath, ...] = (
    ("venue",),
    ("venue", "hall"),
    ("venue", "hall", "row"),
    ("codes", None),
    ("codes", 2, None),
    ("guests",),
    ("guests", None, "age"),
    ("note",),
    ("extras",),
)


@cache
def wallet() -> WalletContent:
    """A wallet with a credential of each type that comes with Tallystick, and a strange one."""
    content = EMPTY
    for vct, known in TYPES.items():
        content = with_held(content, vct, id=known.name, copies=1)
    return with_held(
        content, STRANGE, id="ticket", copies=1, claims=STRANGE_CLAIMS, disclosable=STRANGE_DISCLOSABLE
    )


def asks(*parts: JsonObject, sets: JsonValue = None, **changed: Any) -> VerifiedRequest:
    source: JsonObject = {"credentials": list(parts)}
    if sets is not None:
        source["credential_sets"] = sets
    return requested(parse_dcql_query(source), **changed)


def requested(query: DcqlQuery, **changed: Any) -> VerifiedRequest:
    return VerifiedRequest(replace(REQUEST, query=query, **changed), DidClient(resolve_did_key(VERIFIER)))


def consent_to(content: WalletContent, *parts: JsonObject, prefer: str | None = None, **more: Any) -> Consent:
    return prepare_consent(content, asks(*parts, **more), now=LATER, prefer=prefer)


def refusal(content: WalletContent, request: VerifiedRequest, prefer: str | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        prepare_consent(content, request, now=LATER, prefer=prefer)
    return caught.value


def attempt(prepare: Callable[[], Consent]) -> Consent | RefusedError:
    try:
        return prepare()
    except RefusedError as error:
        return error


def present(content: WalletContent, item: ConsentItem, request: VerifiedRequest) -> str:
    return create_presentation(
        item,
        key=content.signing_key(item.copy.key),
        nonce=request.request.nonce,
        audience=request.audience,
        algorithms=request.request.key_binding_algorithms,
        now=NOW,
    )


def accepted(consent: Consent, presentations: dict[str, str]) -> dict[str, VerifiedAnswer]:
    """What an honest verifier makes of it."""
    verified = verify_vp_token(
        {query_id: [text] for query_id, text in presentations.items()},
        query=consent.request.request.query,
        expected_nonce=consent.request.request.nonce,
        expected_audience=consent.request.audience,
        expires_at=LATER,
        policy=POLICY,
        now=NOW,
        resolve_did=lambda _did: UNIVERSITY,
        fetch_status_list=fetch_nothing,
    )
    return {query_id: answers[0] for query_id, answers in verified.answers.items()}


def paths(facts: Sequence[ShownClaim]) -> set[str]:
    return {dotted(fact.path) for fact in facts}


def said(facts: Iterable[ShownClaim | HeldClaim]) -> list[tuple[list[str], str]]:
    """All that facts say, piece by piece, wherever it stands among its siblings: where some are withheld, the
    rest move up. What is empty says nothing; where everything in it is withheld, it looks empty.
    """

    def pieces(names: list[str], value: JsonValue) -> Iterator[tuple[list[str], str]]:
        if isinstance(value, dict):
            for name, member in value.items():
                yield from pieces([*names, name], member)
        elif isinstance(value, list):
            for element in value:
                yield from pieces(names, element)
        else:
            yield names, repr(value)

    return sorted(
        piece
        for fact in facts
        for piece in pieces([part for part in fact.path if isinstance(part, str)], fact.value)
    )


# The rule: what is listed is what leaves


def held_of(vct: str) -> HeldCredential:
    """The one credential of this type."""
    (held,) = [held for held in wallet().credentials if held.credential_type == vct]
    return held


def askable(vct: str) -> list[ClaimPath]:
    """Every place a question can name: facts, what they lie in, and every element of a list."""
    places: dict[ClaimPath, None] = {}
    claims = held_claims(held_of(vct))
    for piece in list_holder_claims(held_of(vct).copies[0].credential):
        for length in range(1, len(piece.path) + 1):
            place = piece.path[:length]
            places[place] = None
            places[tuple(None if isinstance(part, int) else part for part in place)] = None
    return [place for place in places if select_claims(claims, place)]


Question = tuple[str, list[ClaimPath], list[ClaimPath], set[str]]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A type, the claims that are needed, those that are optional, and the facts a person adds by name."""
    vct = draw(st.sampled_from([*TYPES, STRANGE]))
    asked = draw(st.lists(st.sampled_from(askable(vct)), unique=True, max_size=8))
    optional = draw(st.integers(0, min(3, max(0, len(asked) - 1))))
    facts = [dotted(piece.path) for piece in list_holder_claims(held_of(vct).copies[0].credential)]
    added = draw(st.sets(st.sampled_from(facts)))
    return vct, asked[optional:], asked[:optional], added


@given(questions())
@example((STRANGE, [("seat",)], [("venue", "hall", "row")], {"venue.hall.number"}))
@example((STRANGE, [("seat",)], [("venue", "hall", "row")], {"venue.hall.row"}))
def test_exactly_the_facts_of_the_consent_leave(question: Question) -> None:
    vct, needed, optional, added = question
    asked = CredentialQuestion(
        TYPES[vct].name if vct in TYPES else vct,
        tuple(map(ClaimQuery, needed)),
        tuple(map(ClaimQuery, optional)),
    )
    request = requested(create_query([asked], POLICY))
    consent = prepare_consent(wallet(), request, now=NOW)
    (item,) = consent.items
    assert item.chosen == ()
    # Nothing can be added that was not asked for.
    for name in added - paths(item.optional):
        with pytest.raises(RefusedError):
            consent.with_optional([name])
    wishes = added & paths(item.optional)
    consent = consent.with_optional(wishes)
    (item,) = consent.items
    # More only where the issuer made a fact that cannot be shown apart from others.
    assert paths(item.chosen) >= wishes
    assert vct == STRANGE or paths(item.chosen) == wishes

    presentation = present(wallet(), item, request)
    shown = parse_sd_jwt(presentation)
    assert said(list_holder_claims(shown.encoded_without_key_binding)) == said(item.disclosed)
    assert consent.facts == len(item.disclosed)
    # Nothing is sent that no fact needs, not even the digests of what stays hidden.
    full = parse_sd_jwt(item.copy.credential)
    places = verify_disclosures(full.unverified_payload(), full.disclosures).disclosed
    for place, disclosure in places.items():
        lines = [
            fact.path[: len(place)] == place or place[: len(fact.path)] == fact.path
            for fact in item.disclosed
        ]
        assert (disclosure in shown.disclosures) == any(lines)
    # The verifier gets all it needs, and nothing it did not ask for. Where elements before the one it named
    # are withheld, it cannot know that (it counts those it sees).
    if not any(isinstance(part, int) and part > 0 for path in needed + optional for part in path):
        answer = accepted(consent, {item.query_id: presentation})[item.query_id].answer
        assert answer.excess == ()
    # Every fact leaves, was asked for or stays hidden, and the screen says which.
    every = paths(item.disclosed + item.optional + item.hidden)
    assert every == {dotted(piece.path) for piece in list_holder_claims(item.copy.credential)}
    assert paths(item.hidden).isdisjoint(paths(item.disclosed + item.optional))


@pytest.mark.parametrize(
    ("vct", "path", "leaves"),
    [
        pytest.param(CARD, ["address", "locality"], {"address.locality"}, id="NT-P35 member"),
        pytest.param(
            CARD,
            ["address"],
            {"address.street", "address.locality", "address.postal_code", "address.country"},
            id="NT-P35 whole object",
        ),
        pytest.param(
            LICENCE,
            ["driving_privileges", 1, "vehicle_category"],
            {"driving_privileges.1.vehicle_category"},
            id="NT-P35 member of an element",
        ),
        pytest.param(
            LICENCE,
            ["driving_privileges", None, "expires_on"],
            {"driving_privileges.0.expires_on", "driving_privileges.1.expires_on"},
            id="NT-P35 member of every element",
        ),
        pytest.param(STRANGE, ["codes", 1], {"codes.1", "seat"}, id="NT-P35 element beside others"),
        pytest.param(
            STRANGE, ["venue", "name"], {"venue.name", "seat"}, id="NT-P35 open inside something closed"
        ),
        pytest.param(
            STRANGE,
            ["guests", 0, "age"],
            {"guests.0.age", "guests.0.name", "guests.1.name", "seat"},
            id="NT-P35 what the issuer left open beside it is shown, too",
        ),
    ],
)
def test_only_what_was_asked_for_leaves_and_none_of_its_siblings(
    vct: str, path: list[JsonValue], leaves: set[str]
) -> None:
    request = asks(query_for(vct, path))
    (item,) = prepare_consent(wallet(), request, now=NOW).items
    pieces = list_holder_claims(item.copy.credential)
    assert paths(item.disclosed) == leaves | {dotted(piece.path) for piece in pieces if piece.always_visible}
    sent = parse_sd_jwt(present(wallet(), item, request)).encoded_without_key_binding
    assert said(list_holder_claims(sent)) == said(item.disclosed)


@pytest.mark.parametrize(
    "vct",
    [pytest.param(vct, id=f"NT-P32 {known.name}") for vct, known in TYPES.items()],
)
def test_a_question_without_claims_gets_nothing_that_can_be_withheld(vct: str) -> None:
    request = asks(query_for(vct))
    (item,) = prepare_consent(wallet(), request, now=NOW).items
    assert parse_sd_jwt(present(wallet(), item, request)).disclosures == ()
    assert item.needed == item.optional == ()


def test_what_stands_open_is_listed_although_nobody_asked_for_it() -> None:
    (item,) = prepare_consent(wallet(), asks(query_for(STRANGE)), now=NOW).items
    assert [(fact.label, fact.value) for fact in item.needed] == [("Seat", "12A")]
    assert "seat" not in paths(item.hidden)


def test_a_time_of_issuance_that_was_hidden_is_a_fact_like_any_other() -> None:
    content = with_held(
        EMPTY, STRANGE, claims={"seat": "1"}, disclosable=[("seat",), ("iat",)], iat=seconds(NOW)
    )
    (item,) = consent_to(content, query_for(STRANGE, ["seat"])).items
    assert (paths(item.needed), paths(item.hidden)) == ({"seat"}, {"iat"})
    (item,) = consent_to(content, query_for(STRANGE, ["iat"], ["iss"], ["cnf", "jwk"])).items
    assert paths(item.needed) == {"iat"}


# Optional claims


def with_sets(sets: list[list[str]], *, vct: str = DEGREE) -> JsonObject:
    """A question for degrees with these claim sets."""
    names = dict.fromkeys(name for each in sets for name in each)
    claims: list[JsonValue] = [{"id": name, "path": [name]} for name in names]
    return query_for(vct, claims=claims, claim_sets=[list[JsonValue](each) for each in sets])


@pytest.mark.parametrize(
    ("sets", "needed", "optional"),
    [
        pytest.param([["level"], ["level", "grade"]], {"level"}, {"grade"}, id="least first"),
        pytest.param([["level", "grade"], ["level"]], {"level"}, {"grade"}, id="favourite first"),
        pytest.param(
            [["level"], ["level", "grade"], ["level", "field"]],
            {"level"},
            {"grade", "field"},
            id="two by themselves",
        ),
        pytest.param([["level", "grade", "field"], ["level"]], {"level"}, set(), id="only together"),
        pytest.param([["birth_date"], ["age_over_18"]], {"birth_date"}, set(), id="one or the other"),
        pytest.param([["level", "thesis"], ["level"]], {"level"}, set(), id="favourite not held"),
        pytest.param([["level"], ["level", "thesis"]], {"level"}, set(), id="wish not held"),
    ],
)
def test_what_the_verifier_can_do_without_is_optional_and_off(
    sets: list[list[str]], needed: set[str], optional: set[str]
) -> None:
    consent = consent_to(with_held(EMPTY), with_sets(sets))
    (item,) = consent.items
    assert (paths(item.needed), paths(item.optional), item.chosen) == (needed, optional, ())
    assert paths(item.disclosed) == needed


def test_an_optional_fact_is_turned_on_by_its_label_or_its_path() -> None:
    consent = consent_to(with_held(EMPTY), with_sets([["level"], ["level", "awarded_on"]]))
    (fact,) = consent.items[0].optional
    for name in ("awarded_on", fact.label):
        chosen = consent.with_optional([name])
        assert paths(chosen.items[0].disclosed) == {"level", "awarded_on"}
        assert (chosen.facts, consent.facts) == (2, 1)
        assert chosen.with_optional([]) == consent


@pytest.mark.parametrize("name", ["level", "grade", "", "Level", "awarded_on.0"])
def test_a_fact_that_is_not_optional_cannot_be_turned_on(name: str) -> None:
    consent = consent_to(with_held(EMPTY), with_sets([["level"], ["level", "awarded_on"]]))
    with pytest.raises(RefusedError) as caught:
        consent.with_optional(["awarded_on", name])
    assert caught.value.code is Code.USAGE_INVALID


def test_an_optional_fact_is_turned_on_in_every_credential_it_was_asked_of() -> None:
    content = with_held(with_held(EMPTY), CARD, id="card-1")
    sets = [["birth_date"], ["birth_date", "given_name"]]
    parts = [with_sets(sets) | {"id": "a"}, with_sets(sets, vct=CARD) | {"id": "b"}]
    consent = consent_to(content, *parts).with_optional(["given_name"])
    assert [paths(item.chosen) for item in consent.items] == [{"given_name"}] * 2


def test_facts_the_issuer_tied_to_an_optional_one_leave_with_it_and_never_by_themselves() -> None:
    claims: list[JsonValue] = [{"id": "s", "path": ["seat"]}, {"id": "g", "path": ["guests", 0, "age"]}]
    part = query_for(STRANGE, claims=claims, claim_sets=[["s"], ["s", "g"]])
    consent = consent_to(wallet(), part)
    assert paths(consent.items[0].optional) == {"guests.0.age"}
    tied = {"guests.0.name", "guests.1.name"}
    assert paths(consent.items[0].hidden) >= tied
    (item,) = consent.with_optional(["guests.0.age"]).items
    assert paths(item.chosen) == {"guests.0.age"} | tied
    assert paths(item.hidden).isdisjoint(tied)
    with pytest.raises(RefusedError) as caught:
        consent.with_optional(["guests.1.name"])
    assert caught.value.code is Code.USAGE_INVALID


def test_facts_are_listed_as_their_type_lists_them_and_else_by_name() -> None:
    (item,) = consent_to(wallet(), query_for(CARD, ["address"], ["given_name"], ["family_name"])).items
    assert [dotted(fact.path) for fact in item.needed] == [
        "given_name",
        "family_name",
        "address.street",
        "address.locality",
        "address.postal_code",
        "address.country",
    ]
    (item,) = consent_to(wallet(), query_for(STRANGE, ["venue"], ["codes"])).items
    assert [dotted(fact.path) for fact in item.needed] == [
        "codes.0",
        "codes.1",
        "codes.2.0",
        "codes.2.1",
        "seat",
        "venue.hall.number",
        "venue.hall.row",
        "venue.name",
    ]


def test_a_claim_with_another_value_than_asked_for_is_not_there() -> None:
    content = with_held(EMPTY)
    part: JsonObject = query_for(DEGREE, claims=[{"path": ["level"], "values": ["bachelor", "master"]}])
    assert consent_to(content, part).facts == 1
    other: JsonObject = query_for(DEGREE, claims=[{"path": ["age_over_18"], "values": [1, "true"]}])
    assert refusal(content, asks(other)).code is Code.NOTHING_MATCHES


# Which credential


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([query_for(CARD, ["given_name"])], id="NT-P31 none"),
        pytest.param(
            [query_for(DEGREE, ["level"], query_id="a"), query_for(CARD, ["given_name"], query_id="b")],
            id="NT-P31 one of two",
        ),
        pytest.param(
            [query_for(DEGREE, ["level"], query_id="a"), query_for(DEGREE, ["thesis"], query_id="b")],
            id="NT-P31 a claim",
        ),
        pytest.param([query_for(DEGREE, ["level"]) | {"format": "mso_mdoc"}], id="NT-P31 another format"),
        pytest.param(
            [query_for(DEGREE, trusted_authorities=[{"type": "aki", "values": ["x"]}])],
            id="NT-P31 an authority nobody knows",
        ),
    ],
)
def test_it_is_all_or_nothing(parts: list[JsonObject]) -> None:
    assert refusal(with_held(EMPTY), asks(*parts)).code is Code.NOTHING_MATCHES


def test_one_of_several_sets_is_enough_and_what_is_not_required_is_left_out() -> None:
    content = with_held(with_held(EMPTY), CARD, id="card-1")
    parts = [
        query_for(LICENCE, query_id="licence"),
        query_for(DEGREE, query_id="degree"),
        query_for(CARD, query_id="card"),
    ]
    either: JsonValue = [{"options": [["licence"], ["degree"], ["card"]]}]
    assert [item.query_id for item in consent_to(content, *parts, sets=either).items] == ["degree"]
    assert [item.query_id for item in consent_to(content, *parts, sets=either, prefer="card-1").items] == [
        "card"
    ]
    wish: JsonValue = [{"options": [["degree"]]}, {"options": [["card"]], "required": False}]
    assert [item.query_id for item in consent_to(content, *parts, sets=wish).items] == ["degree"]


def test_where_nothing_is_required_the_first_wish_is_answered_or_nothing() -> None:
    parts = [query_for(CARD, query_id="card"), query_for(DEGREE, query_id="degree")]
    wishes: JsonValue = [
        {"options": [["card"]], "required": False},
        {"options": [["degree"]], "required": False},
    ]
    (item,) = consent_to(with_held(EMPTY), *parts, sets=wishes).items
    assert item.query_id == "degree"
    assert refusal(EMPTY, asks(*parts, sets=wishes)).code is Code.NOTHING_MATCHES


def test_the_preferred_credential_is_shown_or_none() -> None:
    content = with_held(with_held(with_held(EMPTY, id="a"), id="b"), CARD, id="card-1")
    part = query_for(DEGREE, ["level"])
    for prefer in ("a", "b"):
        assert consent_to(content, part, prefer=prefer).items[0].credential.id == prefer
    for prefer in ("card-1", "missing"):
        assert refusal(content, asks(part), prefer).code is Code.NOTHING_MATCHES


@pytest.mark.parametrize(
    ("about", "code"),
    [
        pytest.param({"standing": standing(StandingWord.REVOKED)}, Code.CREDENTIAL_REVOKED, id="revoked"),
        pytest.param(
            {"standing": standing(StandingWord.SUSPENDED)}, Code.CREDENTIAL_SUSPENDED, id="suspended"
        ),
        pytest.param({"exp": seconds(LATER)}, Code.EXPIRED, id="expired"),
        pytest.param({"nbf": seconds(LATER) + 61}, Code.NOT_YET_VALID, id="not yet valid"),
    ],
)
def test_a_credential_that_is_no_good_is_not_shown_and_the_reason_is_said(about: Any, code: Code) -> None:
    bad = with_held(EMPTY, id="bad", **about)
    part = query_for(DEGREE, ["level"])
    error = refusal(bad, asks(part))
    assert (error.code, error.detail) == (code, "bad")
    # The reason is that of a credential that would answer, not of any that is about.
    assert refusal(bad, asks(query_for(DEGREE, ["thesis"]))).code is Code.NOTHING_MATCHES
    assert refusal(bad, asks(part, query_for(CARD, query_id="b"))).code is Code.NOTHING_MATCHES
    # One that is good goes before, unless the person wants no other.
    both = with_held(bad, id="good")
    assert consent_to(both, part).items[0].credential.id == "good"
    assert refusal(both, asks(part), "bad").code is code


@pytest.mark.parametrize("known", [None, standing(StandingWord.UNKNOWN)])
def test_a_credential_of_unknown_status_can_be_shown(known: Any) -> None:
    assert (
        consent_to(with_held(EMPTY, standing=known), query_for(DEGREE)).items[0].credential.id == "degree-1"
    )


IDS = ("degree-1", "degree-2", "card-1", "card-2", "licence-1", "licence-2")
OPTIONS = st.lists(
    st.lists(st.sampled_from(["degree", "card", "licence"]), min_size=1, max_size=2, unique=True),
    min_size=1,
    max_size=3,
)


@cache
def drawer() -> WalletContent:
    """Two credentials each of three types."""
    content = EMPTY
    for number, each in enumerate(IDS):
        content = with_held(content, (DEGREE, CARD, LICENCE)[number // 2], id=each, copies=1)
    return content


@given(
    st.lists(st.tuples(OPTIONS, st.booleans()), min_size=1, max_size=3),
    st.lists(st.sampled_from([None, *StandingWord]), min_size=6, max_size=6),
    st.sampled_from([None, *IDS, "missing"]),
)
def test_whatever_is_held_and_asked_it_is_answered_with_good_credentials_or_refused(
    sets: list[tuple[list[list[str]], bool]], words: list[StandingWord | None], prefer: str | None
) -> None:
    content = drawer()
    held = [
        replace(each, standing=standing(word))
        for each, word in zip(content.credentials, words, strict=True)
        if word is not None
    ]
    content = replace(content, credentials=tuple(held))
    parts = [
        query_for(vct, query_id=name)
        for name, vct in (("degree", DEGREE), ("card", CARD), ("licence", LICENCE))
    ]
    wanted: list[JsonValue] = [
        {"options": [list[JsonValue](option) for option in options], "required": required}
        for options, required in sets
    ]
    consent = attempt(lambda: consent_to(content, *parts, sets=wanted, prefer=prefer))
    if isinstance(consent, RefusedError):
        bad = {Code.CREDENTIAL_REVOKED, Code.CREDENTIAL_SUSPENDED}
        assert consent.code in bad | {Code.NOTHING_MATCHES}
        if consent.code in bad:
            assert content.credential(consent.detail).standing != standing(StandingWord.VALID)
        return
    answered = {item.query_id for item in consent.items}
    assert answered
    assert all(
        any(answered.issuperset(option) for option in options) for options, required in sets if required
    )
    for item in consent.items:
        known = item.credential.standing
        assert known is not None
        assert known.word in (StandingWord.VALID, StandingWord.UNKNOWN)
    assert prefer is None or prefer in {item.credential.id for item in consent.items}


# Which copy


def test_each_copy_is_shown_once_as_long_as_there_are_others() -> None:
    content = with_held(EMPTY, copies=2)
    first, second = content.credential("degree-1").copies
    (item,) = consent_to(content, query_for(DEGREE)).items
    assert (item.copy, item.linkable) == (first, False)
    content = content.with_copy_used("degree-1", first.key, now=NOW)
    (item,) = consent_to(content, query_for(DEGREE)).items
    assert (item.copy, item.linkable) == (second, False)


def test_when_all_copies_were_shown_the_oldest_is_shown_again_and_the_person_is_told() -> None:
    content = with_all_used(with_held(EMPTY, copies=3))
    (item,) = consent_to(content, query_for(DEGREE)).items
    assert item.copy.used_at == NOW
    assert item.linkable


def test_a_credential_nobody_recognizes_goes_before_one_that_was_shown() -> None:
    content = with_all_used(with_held(EMPTY, id="shown"), "shown")
    content = with_held(content, id="fresh")
    assert consent_to(content, query_for(DEGREE)).items[0].credential.id == "fresh"
    assert consent_to(content, query_for(DEGREE), prefer="shown").items[0].linkable


def test_a_credential_that_answers_two_parts_is_shown_in_one_copy() -> None:
    parts = [query_for(DEGREE, ["level"], query_id="a"), query_for(DEGREE, ["grade"], query_id="b")]
    one, other = consent_to(with_held(EMPTY), *parts).items
    assert one.copy == other.copy
    assert (paths(one.disclosed), paths(other.disclosed)) == ({"level"}, {"grade"})


# Who asks


def test_a_consent_says_who_asks_why_and_for_how_long() -> None:
    consent = consent_to(with_held(EMPTY), query_for(DEGREE))
    assert consent.party == f"decentralized_identifier:{VERIFIER}"
    assert (consent.name, consent.host) == ("The Cinema", "verifier.example")
    assert (consent.purpose, consent.retention) == ("To see that you are of age", timedelta(0))
    assert (consent.checked_by, consent.first_time) == (CheckedBy.DID, True)
    met = with_held(EMPTY).with_party_seen(consent.party, name="x", presented=True, now=NOW)
    assert not consent_to(met, query_for(DEGREE)).first_time


def test_purpose_of_blanks_is_none() -> None:
    statement = RequestStatement(" \u00a0\n", timedelta(days=1))
    assert consent_to(with_held(EMPTY), query_for(DEGREE), statement=statement).purpose is None


def test_of_an_unsigned_request_nothing_is_known_but_the_address() -> None:
    query = parse_dcql_query({"credentials": [query_for(DEGREE)]})
    request = VerifiedRequest(replace(UNSIGNED, query=query), RedirectUriClient("verifier.example"))
    consent = prepare_consent(with_held(EMPTY), request, now=NOW)
    assert consent.party == "redirect_uri:https://verifier.example/response"
    assert (consent.checked_by, consent.host) == (CheckedBy.ADDRESS, "verifier.example")
    assert (consent.purpose, consent.retention) == (None, None)


@pytest.mark.parametrize("text", [pytest.param(HOSTILE + "Z" * 150, id="NT-P36 every text of strangers")])
def test_hostile_text_passes_as_it_is(text: str) -> None:
    claims: JsonObject = {text: text, "list": [{text: text}]}
    content = with_held(EMPTY, text, id="x", claims=claims)
    statement = RequestStatement(text, timedelta(days=1))
    part = query_for(text, [text], ["list", 0, text])
    consent = consent_to(content, part, client_name=text, statement=statement)
    assert (consent.name, consent.purpose) == (text, text)
    (item,) = consent.items
    assert {fact.path: fact.value for fact in item.needed} == {(text,): text, ("list",): [{text: text}]}
    assert item.credential.credential_type == text
    sent = parse_sd_jwt(present(content, item, consent.request))
    assert {disclosure.name: disclosure.value for disclosure in sent.disclosures} == claims


# Ticks


WITH_WISHES = with_sets([["level"], ["level", "grade"], ["level", "title"], ["level", "grade", "title"]])


def test_ticks_turn_on_exactly_what_they_name() -> None:
    consent = consent_to(with_held(EMPTY), WITH_WISHES)
    assert (consent.ticks, consent.facts) == (frozenset(), 1)
    ticked = consent.with_ticks({("it", ("grade",))})
    assert (ticked.ticks, ticked.facts) == (frozenset({("it", ("grade",))}), 2)
    assert ticked.with_ticks(ticked.ticks ^ {("it", ("title",))}).facts == 3
    assert ticked.with_ticks(ticked.ticks ^ ticked.ticks) == consent
    assert consent.with_optional(["Grade"]) == ticked


def test_tick_of_one_part_is_none_of_another() -> None:
    content = with_held(with_held(EMPTY), CARD, id="card-1")
    sets = [["birth_date"], ["birth_date", "given_name"]]
    parts = [with_sets(sets) | {"id": "a"}, with_sets(sets, vct=CARD) | {"id": "b"}]
    consent = consent_to(content, *parts).with_ticks({("b", ("given_name",))})
    assert [paths(item.chosen) for item in consent.items] == [set(), {"given_name"}]


@pytest.mark.parametrize(
    "tick", [("it", ("level",)), ("it", ("birth_date",)), ("it", ("nothing",)), ("other", ("grade",))]
)
def test_tick_on_what_is_not_optional_is_the_callers_mistake(tick: Tick) -> None:
    with pytest.raises(ValueError, match="optional"):
        consent_to(with_held(EMPTY), WITH_WISHES).with_ticks({tick})


# Whether one yes is enough


def verified_by(evidence: LogEvidence | None) -> VerifiedRequest:
    part = query_for(DEGREE, ["level"])
    request = asks(part, statement=RequestStatement("Job application", timedelta(0)))
    return replace(request, client=DidClient(replace(resolve_did_key(VERIFIER), evidence=evidence)))


def marked(mark: PartyMark) -> WalletContent:
    client_id = f"decentralized_identifier:{VERIFIER}"
    content = with_held(EMPTY).with_party_seen(client_id, name=None, presented=True, now=NOW)
    return content.with_party_marked(content.parties[0], mark)


@pytest.mark.parametrize(
    ("mark", "evidence", "is_verified"),
    [
        (PartyMark.SEEN, None, False),
        (PartyMark.TRUSTED, None, True),
        (PartyMark.SEEN, UNIVERSITY.evidence, True),
        (PartyMark.TRUSTED, UNIVERSITY.evidence, True),
    ],
)
def test_party_is_known_by_a_ledger_or_by_the_key_its_holder_trusts(
    mark: PartyMark, evidence: LogEvidence | None, is_verified: bool
) -> None:
    consent = prepare_consent(marked(mark), verified_by(evidence), now=NOW)
    assert (consent.is_verified, consent.needs_second_yes) == (is_verified, not is_verified)
    assert consent.is_trusted is (mark is PartyMark.TRUSTED)


def test_party_that_signs_nothing_is_never_verified() -> None:
    query = parse_dcql_query({"credentials": [query_for(DEGREE)]})
    request = VerifiedRequest(replace(UNSIGNED, query=query), RedirectUriClient("verifier.example"))
    content = with_held(EMPTY).with_party_seen(request.audience, name=None, presented=True, now=NOW)
    content = content.with_party_marked(content.parties[0], PartyMark.TRUSTED)
    assert not prepare_consent(content, request, now=NOW).is_verified


def test_second_yes_is_needed_for_too_much_that_has_to_leave_and_not_for_wishes() -> None:
    content, age = marked(PartyMark.TRUSTED), RequestStatement("Age check", timedelta(0))
    needed = consent_to(content, query_for(DEGREE, ["birth_date"]), statement=age)
    assert (needed.is_verified, needed.over_asks, needed.needs_second_yes) == (True, True, True)
    wished = consent_to(content, with_sets([["age_over_18"], ["age_over_18", "grade"]]), statement=age)
    assert [hint.is_needed for hint in wished.hints] == [False]
    assert not wished.over_asks
    assert not wished.with_optional(["grade"]).needs_second_yes


@settings(max_examples=30)
@given(questions(), st.sampled_from([None, "Age check", "Travel"]), st.sets(st.sampled_from(["a", "b"])))
def test_hints_never_change_what_is_sent(question: Question, purpose: str | None, shown: set[str]) -> None:
    vct, needed, optional, added = question
    parts = (tuple(map(ClaimQuery, needed)), tuple(map(ClaimQuery, optional)))
    asked = CredentialQuestion(TYPES[vct].name if vct in TYPES else vct, *parts)
    statement = None if purpose is None else RequestStatement(purpose, timedelta(0))
    request = requested(create_query([asked], POLICY), statement=statement)
    history = [
        ActivityEntry(
            time=NOW,
            kind=ActivityKind.PRESENTED,
            party=request.audience,
            credential_type=vct,
            claim_names=((name,),),
        )
        for name in shown
    ]
    plain = prepare_consent(wallet(), requested(request.request.query, statement=None), now=NOW)
    hinted = prepare_consent(replace(wallet(), activity=tuple(history)), request, now=NOW)
    assert hinted.items == plain.items
    wishes = added & paths(hinted.items[0].optional)
    assert hinted.with_optional(wishes).items == plain.with_optional(wishes).items
    # What is sent was asked for, stands open anyway, or was tied to it by the issuer.
    (item,) = hinted.with_optional(wishes).items
    asked_for = [fact.path for fact in (*item.needed, *item.optional)]
    assert {fact.path for fact in item.disclosed} <= {
        piece.path for piece in leaving_with(item.copy.credential, asked_for)
    }


def test_consent_shows_the_words_of_its_request() -> None:
    consent = consent_to(with_held(EMPTY), query_for(DEGREE))
    assert consent.match_code == match_code(consent.party, consent.request.request.nonce)
