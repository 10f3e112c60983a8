from dataclasses import dataclass
from typing import Any

import pytest

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import VerificationError
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.dcql.satisfaction import Answer, verify_equal_claims, verify_satisfaction

PID = "urn:eudi:pid:1"


@dataclass(frozen=True)
class Presented:
    claims: JsonObject
    vct: str = PID
    disclosed: tuple[ClaimPath, ...] = ()


def credential(query_id: str, *claims: dict[str, Any], **changes: Any) -> dict[str, Any]:
    query: dict[str, Any] = {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": [PID]}}
    return query | ({"claims": list(claims)} if claims else {}) | changes


NAME: dict[str, Any] = {"id": "name", "path": ["given_name"]}
ADULT: dict[str, Any] = {"id": "adult", "path": ["adult"], "values": [True]}
ADA = Presented({"iss": "did:key:z", "vct": PID, "exp": 1, "given_name": "Ada"})


def verify(
    source: list[dict[str, Any]], presented: dict[str, list[Presented]], **sets: Any
) -> dict[str, tuple[Answer, ...]]:
    query: JsonObject = {"credentials": list(source), **sets}
    return verify_satisfaction(parse_dcql_query(query), presented)


def refused(source: list[dict[str, Any]], presented: dict[str, list[Presented]], **sets: Any) -> str:
    with pytest.raises(VerificationError) as caught:
        verify(source, presented, **sets)
    assert caught.value.code is Code.QUERY_NOT_SATISFIED
    return caught.value.detail


def test_answer_holds_the_claims_that_were_asked_for() -> None:
    answers = verify([credential("pid", NAME)], {"pid": [ADA]})
    assert answers == {"pid": (Answer({("given_name",): "Ada"}, ()),)}


ASKED = [NAME, {"id": "city", "path": ["place", "city"]}, {"id": "first", "path": ["list", 0]}]
CLAIMS: JsonObject = {
    "iss": "did:key:z",
    "sub": "7",
    "given_name": "Ada",
    "email": "a@b.example",
    "place": {"city": "x", "street": "y"},
    "list": ["a", "b"],
}


@pytest.mark.parametrize(
    ("disclosed", "excess"),
    [
        ([], []),
        ([("given_name",), ("place",), ("place", "city"), ("list", 0)], []),
        pytest.param([("given_name",), ("email",)], [("email",)], id="NT-P15 claim"),
        pytest.param([("place",), ("place", "street")], [("place", "street")], id="NT-P15 sibling"),
        pytest.param([("list", 0), ("list", 1)], [("list", 1)], id="NT-P15 element"),
    ],
)
def test_disclosures_that_nobody_asked_for_are_dropped_and_named(
    disclosed: list[ClaimPath], excess: list[ClaimPath]
) -> None:
    presented = Presented(CLAIMS, disclosed=tuple(disclosed))
    (answer,) = verify([credential("pid", *ASKED)], {"pid": [presented]})["pid"]
    assert list(answer.excess) == excess
    assert list(answer.claims) == [("given_name",), ("place", "city"), ("list", 0)]


def test_asked_claims_hold_everything_below_them() -> None:
    presented = Presented(CLAIMS, disclosed=(("place",), ("place", "street")))
    (answer,) = verify([credential("pid", {"path": ["place"]})], {"pid": [presented]})["pid"]
    assert answer == Answer({("place",): {"city": "x", "street": "y"}}, ())


@pytest.mark.parametrize(
    ("presented", "detail"),
    [
        pytest.param(
            Presented({"given_name": "Ada"}, "urn:eudi:pid:2"),
            "pid: another type of credential",
            id="NT-P16 other vct",
        ),
        pytest.param(
            Presented({"given_name": "Ada", "adult": False}),
            "pid: a requested claim is missing or differs",
            id="NT-P16 other value",
        ),
        pytest.param(
            Presented({"given_name": "Ada", "adult": 1}),
            "pid: a requested claim is missing or differs",
            id="NT-P16 value of another type",
        ),
        pytest.param(
            Presented({"given_name": "Ada"}),
            "pid: a requested claim is missing or differs",
            id="NT-P16 claim missing",
        ),
    ],
)
def test_credential_that_does_not_match_its_query_is_refused(presented: Presented, detail: str) -> None:
    query = [credential("pid", NAME, ADULT)]
    assert verify(query, {"pid": [Presented({"given_name": "Ada", "adult": True})]})
    assert refused(query, {"pid": [presented]}) == detail


def test_any_claim_set_will_do() -> None:
    query = [credential("pid", NAME, ADULT, claim_sets=[["adult"], ["name"]])]
    assert verify(query, {"pid": [ADA]})
    assert refused(query, {"pid": [Presented({"adult": False})]})


@pytest.mark.parametrize(
    ("presented", "detail"),
    [
        pytest.param(
            {"other": [ADA]}, "a credential answers no credential query", id="NT-P03 unknown query id"
        ),
        pytest.param(
            {"pid": [ADA, ADA]}, "pid: wrong number of credentials", id="NT-P03 two where one is asked for"
        ),
        pytest.param({"pid": []}, "pid: wrong number of credentials", id="NT-P03 none under an id"),
        pytest.param({}, "a required credential is missing", id="NT-P03 missing required id"),
    ],
)
def test_answer_of_another_shape_than_the_query_is_refused(
    presented: dict[str, list[Presented]], detail: str
) -> None:
    assert refused([credential("pid", NAME)], presented) == detail


def test_several_credentials_answer_a_query_for_multiple_ones() -> None:
    answers = verify([credential("pid", NAME, multiple=True)], {"pid": [ADA, ADA]})
    assert len(answers["pid"]) == 2


def test_second_credential_is_required_without_credential_sets() -> None:
    assert refused([credential("a"), credential("b")], {"a": [ADA]}) == "a required credential is missing"


SETS = [{"options": [["a"], ["b", "c"]]}, {"options": [["d"]], "required": False}]


@pytest.mark.parametrize("answered", ["a", "bc", "ad", "abc", "bcd"])
def test_answer_that_satisfies_every_required_credential_set_is_accepted(answered: str) -> None:
    query = [credential(name) for name in "abcd"]
    assert verify(query, {name: [ADA] for name in answered}, credential_sets=SETS)


@pytest.mark.parametrize("answered", [pytest.param(ids, id=f"NT-P17 {ids}") for ids in ("b", "c", "d", "cd")])
def test_answer_that_misses_a_required_credential_set_is_refused(answered: str) -> None:
    query = [credential(name) for name in "abcd"]
    detail = refused(query, {name: [ADA] for name in answered}, credential_sets=SETS)
    assert detail == "a required credential is missing"


PATHS: list[ClaimPath] = [("birthdate",), ("cnf", "jwk")]


def person(birthdate: Any, key: Any) -> Presented:
    return Presented({"birthdate": birthdate, "cnf": {"jwk": key}})


def test_credentials_about_the_same_person_agree() -> None:
    people = [person("1815-12-10", {"kty": "OKP", "x": "a"}), person("1815-12-10", {"x": "a", "kty": "OKP"})]
    verify_equal_claims(people, PATHS)
    verify_equal_claims([], PATHS)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(person("1815-12-11", {"x": "a"}), id="NT-P18 another subject"),
        pytest.param(person("1815-12-10", {"x": "b"}), id="NT-P18 another holder key"),
        pytest.param(Presented({"birthdate": "1815-12-10"}), id="NT-P18 claim missing"),
    ],
)
def test_credentials_about_different_people_are_refused(second: Presented) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_equal_claims([person("1815-12-10", {"x": "a"}), second], PATHS)
    assert caught.value.code is Code.QUERY_NOT_SATISFIED


def test_true_and_one_are_not_the_same() -> None:
    with pytest.raises(VerificationError):
        verify_equal_claims([person(True, {}), person(1, {})], [("birthdate",)])
