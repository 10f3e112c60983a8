from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import RefusedError
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.dcql.selection import Candidate, Choice, Selection, select_credentials

PID = "urn:eudi:pid:1"
CLAIMS: JsonObject = {
    "vct": PID,
    "given_name": "Ada",
    "family_name": "Lovelace",
    "age": 36,
    "adult": True,
    "address": {"locality": "London", "street": "Ockham"},
    "nationalities": ["GB", "FR"],
    "degrees": [{"title": "BSc"}, {"title": "MSc", "year": 1840}],
}


def candidate(candidate_id: str = "1", /, **changes: Any) -> Candidate:
    values: dict[str, Any] = {"format": "dc+sd-jwt", "vct": PID, "claims": CLAIMS, "holder_bound": True}
    return Candidate(id=candidate_id, **values | changes)


def credential(query_id: str = "pid", *paths: list[Any], **changes: Any) -> dict[str, Any]:
    query: dict[str, Any] = {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": [PID]}}
    if paths:
        query["claims"] = [{"path": path} for path in paths]
    return query | changes


def select(source: dict[str, Any] | list[Any], *candidates: Candidate) -> Selection:
    query: JsonObject = source if isinstance(source, dict) else {"credentials": source}
    return select_credentials(parse_dcql_query(query), candidates or (candidate(),))


def disclosed(*claims: Any, **changes: Any) -> set[tuple[Any, ...]] | None:
    """What one credential discloses for these claims; None when it does not match."""
    sets = [{"options": [["pid"]], "required": False}]
    query = {"credentials": [credential(claims=list(claims), **changes)], "credential_sets": sets}
    matches = select(query).matches["pid"]
    return set(matches[0].disclosed) if matches else None


@pytest.mark.parametrize("source", [pytest.param([credential()], id="NT-P32 no claims in the query")])
def test_query_without_claims_discloses_nothing(source: list[Any]) -> None:
    assert select(source).first_answer()["pid"].disclosed == frozenset()


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        (["given_name"], [("given_name",)]),
        pytest.param(
            ["address", "locality"], [("address", "locality")], id="NT-P35 only the addressed sub-claim"
        ),
        (["address"], [("address",)]),
        (["nationalities", 1], [("nationalities", 1)]),
        (["nationalities", None], [("nationalities", 0), ("nationalities", 1)]),
        (["degrees", None, "title"], [("degrees", 0, "title"), ("degrees", 1, "title")]),
        (["degrees", None, "year"], [("degrees", 1, "year")]),
    ],
)
def test_exactly_the_addressed_claims_are_disclosed(path: list[Any], paths: list[ClaimPath]) -> None:
    assert disclosed({"path": path}) == set(paths)


@pytest.mark.parametrize(
    "path",
    [
        ["birthdate"],
        ["given_name", "x"],
        ["address", 0],
        ["address", None],
        ["nationalities", 2],
        ["nationalities", "0"],
        ["adult", 0],
    ],
)
def test_credential_without_a_requested_claim_does_not_match(path: list[Any]) -> None:
    assert disclosed({"path": ["given_name"]}, {"path": path}) is None


@pytest.mark.parametrize(
    ("path", "values", "paths"),
    [
        (["given_name"], ["Eve", "Ada"], [("given_name",)]),
        (["given_name"], ["ada"], None),
        (["age"], [36], [("age",)]),
        (["age"], ["36"], None),
        (["adult"], [True], [("adult",)]),
        (["adult"], [1], None),
        (["address"], ["London"], None),
        (["nationalities", None], ["FR", "DE"], [("nationalities", 1)]),
        (["nationalities", None], ["DE"], None),
    ],
)
def test_claim_with_another_value_is_treated_as_absent(
    path: list[Any], values: list[Any], paths: list[ClaimPath] | None
) -> None:
    assert disclosed({"path": path, "values": values}) == (None if paths is None else set(paths))


def test_true_and_one_are_different_values_of_the_same_claim() -> None:
    claims: list[Any] = [
        {"id": "number", "path": ["adult"], "values": [1]},
        {"id": "truth", "path": ["adult"], "values": [True]},
        {"id": "name", "path": ["given_name"]},
    ]
    sets = [["number"], ["truth", "name"]]
    assert disclosed(*claims, claim_sets=sets) == {("adult",), ("given_name",)}


def test_first_claim_set_that_can_be_satisfied_is_used() -> None:
    claims = [{"id": name, "path": [name]} for name in ("birthdate", "age", "adult", "given_name")]
    assert disclosed(*claims, claim_sets=[["birthdate"], ["adult"], ["age", "given_name"]]) == {("adult",)}
    assert disclosed(*claims, claim_sets=[["birthdate", "adult"], ["age", "given_name"]]) == {
        ("age",),
        ("given_name",),
    }
    assert disclosed(*claims, claim_sets=[["birthdate"], ["birthdate", "age"]]) is None


@pytest.mark.parametrize(
    "other",
    [
        candidate(format="mso_mdoc"),
        candidate(vct="urn:eudi:pid:2"),
        candidate(vct=PID + "/"),
        candidate(holder_bound=False),
        candidate(claims={}),
    ],
    ids=["format", "type", "almost the type", "not bound to a holder", "claims"],
)
def test_other_credential_does_not_match(other: Candidate) -> None:
    with pytest.raises(RefusedError) as caught:
        select([credential("pid", ["given_name"])], other)
    assert (caught.value.code, caught.value.detail) == (Code.NOTHING_MATCHES, "no credential for pid")


def test_credential_without_holder_matches_where_no_binding_is_asked_for() -> None:
    source = [credential(require_cryptographic_holder_binding=False)]
    assert select(source, candidate(holder_bound=False)).first_answer()


def test_query_that_names_trusted_authorities_matches_nothing() -> None:
    with pytest.raises(RefusedError):
        select([credential(trusted_authorities=[{"type": "aki", "values": ["a"]}])])


def test_every_matching_credential_is_offered_in_the_order_of_the_wallet() -> None:
    source = [credential("pid", ["given_name"])]
    selection = select(source, candidate("a"), candidate("b", vct="other"), candidate("c"))
    assert [match.candidate.id for match in selection.matches["pid"]] == ["a", "c"]
    assert selection.first_answer()["pid"].candidate.id == "a"


@pytest.mark.parametrize(
    "second", [pytest.param(credential("degree", meta={"vct_values": ["degree"]}), id="NT-P31")]
)
def test_missing_second_credential_means_no_answer_at_all(second: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        select([credential("pid"), second])
    assert (caught.value.code, caught.value.detail) == (Code.NOTHING_MATCHES, "no credential for degree")


def alternatives(*held: str, sets: list[dict[str, Any]]) -> Selection:
    """The selection among queries a to d, of which the wallet can answer those in `held`."""
    credentials = [credential(name, meta={"vct_values": [name]}) for name in "abcd"]
    source = {"credentials": credentials, "credential_sets": sets}
    return select(source, *[candidate(name, vct=name) for name in held], candidate("z", vct="z"))


def test_credential_sets_leave_the_options_that_can_be_answered() -> None:
    sets = [{"options": [["a"], ["b", "c"], ["d"]]}]
    assert alternatives("b", "c", "d", sets=sets).choices == (Choice((("b", "c"), ("d",)), True),)
    assert set(alternatives("b", "c", "d", sets=sets).first_answer()) == {"b", "c"}


def test_optional_credential_set_is_offered_and_not_answered_by_itself() -> None:
    sets: list[dict[str, Any]] = [{"options": [["a"]]}, {"options": [["b"], ["c"]], "required": False}]
    selection = alternatives("a", "c", sets=sets)
    assert selection.choices == (Choice((("a",),), True), Choice((("c",),), False))
    assert set(selection.first_answer()) == {"a"}


def test_optional_credential_set_that_cannot_be_answered_is_left_out() -> None:
    sets: list[dict[str, Any]] = [{"options": [["a"]]}, {"options": [["b"]], "required": False}]
    assert alternatives("a", sets=sets).choices == (Choice((("a",),), True),)


def test_required_credential_set_that_cannot_be_answered_refuses_everything() -> None:
    sets: list[dict[str, Any]] = [{"options": [["a"]]}, {"options": [["b", "a"], ["c"]]}]
    with pytest.raises(RefusedError) as caught:
        alternatives("a", sets=sets)
    assert caught.value.detail == "no credential for b, c"


def test_credential_of_no_credential_set_is_not_needed() -> None:
    assert set(alternatives("a", sets=[{"options": [["a"]]}]).first_answer()) == {"a"}


names = st.sampled_from(["a", "b", "c"])
leaves = st.booleans() | st.integers(0, 2) | names
claims_of_a_credential = st.dictionaries(
    names,
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)
paths = st.tuples(names).flatmap(
    lambda first: st.lists(names | st.none() | st.integers(0, 2), max_size=3).map(
        lambda rest: [*first, *rest]
    )
)
claim_queries = st.lists(
    st.fixed_dictionaries({"path": paths}, optional={"values": st.lists(leaves, min_size=1, max_size=3)}),
    min_size=1,
    max_size=4,
)


def is_addressed(path: ClaimPath, query: ClaimPath) -> bool:
    return len(path) == len(query) and all(
        wanted in (None, step) and (wanted is not None or isinstance(step, int))
        for step, wanted in zip(path, query, strict=True)
    )


@given(claims_of_a_credential, claim_queries, st.booleans())
def test_nothing_is_ever_disclosed_that_was_not_asked_for(
    claims: JsonObject, queries: list[dict[str, Any]], in_sets: bool
) -> None:
    asked: list[dict[str, JsonValue]] = [{"id": f"c{index}", **item} for index, item in enumerate(queries)]
    changes: dict[str, Any] = {"claims": asked}
    if in_sets:
        changes["claim_sets"] = [[item["id"]] for item in asked]
    selection = select(
        {
            "credentials": [credential(**changes)],
            "credential_sets": [{"options": [["pid"]], "required": False}],
        },
        candidate(claims=claims),
    )
    for match in selection.matches["pid"]:
        assert match.disclosed
        for path in match.disclosed:
            assert None not in path
            assert select_claims(claims, path)
            assert any(is_addressed(path, tuple(item["path"])) for item in queries)


def test_hostile_query_at_every_limit_over_many_credentials_is_answered() -> None:
    claims: list[dict[str, Any]] = [
        {"id": f"c{index}", "path": ["degrees", None, "title"]} for index in range(63)
    ]
    claims.append({"id": "missing", "path": ["x"]})
    ids = [item["id"] for item in claims]
    source = {
        "credentials": [
            credential(f"q{index}", claims=claims, claim_sets=[ids] * 63 + [ids[:-1]]) for index in range(16)
        ],
        "credential_sets": [{"options": [[f"q{index}" for index in range(16)]] * 64}] * 16,
    }
    selection = select(source, *[candidate(str(index)) for index in range(100)])
    assert len(selection.first_answer()) == 16
