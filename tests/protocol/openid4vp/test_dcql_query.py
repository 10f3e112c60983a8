import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError
from protocol.openid4vp.dcql.query import (
    ClaimQuery,
    CredentialSetQuery,
    TrustedAuthorities,
    parse_dcql_query,
)


def credential(query_id: str = "pid", **changes: Any) -> dict[str, Any]:
    return {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:eudi:pid:1"]}} | changes


def query(*credentials: dict[str, Any], **changes: Any) -> JsonObject:
    return {"credentials": list(credentials) or [credential()]} | changes


def claim(claim_id: str, *path: str | int | None) -> dict[str, Any]:
    return {"id": claim_id, "path": list(path) or [claim_id]}


def test_credential_query_without_claims_asks_for_nothing_that_can_be_withheld() -> None:
    (parsed,) = parse_dcql_query(query()).credentials
    assert (parsed.id, parsed.format, parsed.vct_values) == ("pid", "dc+sd-jwt", ("urn:eudi:pid:1",))
    assert (parsed.claims, parsed.claim_options) == ((), (frozenset(),))
    assert (parsed.multiple, parsed.holder_binding_required, parsed.trusted_authorities) == (False, True, ())


def test_claims_without_sets_are_all_asked_for() -> None:
    claims = [claim("a"), {"path": ["b", None, 0], "values": ["x", 1, True]}]
    (parsed,) = parse_dcql_query(query(credential(claims=claims))).credentials
    assert parsed.claims == (ClaimQuery(("a",)), ClaimQuery(("b", None, 0), ("x", 1, True)))
    assert parsed.claim_options == (frozenset({0, 1}),)


def test_claim_sets_are_options_in_the_order_of_preference() -> None:
    claims = [claim("a"), claim("b"), claim("c")]
    sets = [["c", "a"], ["b"]]
    (parsed,) = parse_dcql_query(query(credential(claims=claims, claim_sets=sets))).credentials
    assert parsed.claim_options == (frozenset({0, 2}), frozenset({1}))


def test_second_query_for_the_same_claim_is_ignored() -> None:
    claims = [{"path": ["a"], "values": [1]}, {"path": ["a"], "values": [2]}, {"path": ["b"]}]
    (parsed,) = parse_dcql_query(query(credential(claims=claims))).credentials
    assert parsed.claim_options == (frozenset({0, 2}),)


def test_query_without_credential_sets_asks_for_all_its_credentials() -> None:
    parsed = parse_dcql_query(query(credential("a"), credential("b")))
    assert parsed.credential_sets == (CredentialSetQuery((("a", "b"),), True),)


def test_credential_sets_are_required_unless_they_say_otherwise() -> None:
    sets = [{"options": [["a", "b"], ["c"]]}, {"options": [["c"]], "required": False}]
    parsed = parse_dcql_query(query(credential("a"), credential("b"), credential("c"), credential_sets=sets))
    assert parsed.credential_sets == (
        CredentialSetQuery((("a", "b"), ("c",)), True),
        CredentialSetQuery((("c",),), False),
    )


def test_other_members_of_a_credential_query_are_read() -> None:
    authorities = [{"type": "aki", "values": ["s9tIpPmhxdiuNkHMEWNpYim8S8Y"]}]
    (parsed,) = parse_dcql_query(
        query(
            credential(
                multiple=True, require_cryptographic_holder_binding=False, trusted_authorities=authorities
            )
        )
    ).credentials
    assert (parsed.multiple, parsed.holder_binding_required) == (True, False)
    assert parsed.trusted_authorities == (TrustedAuthorities("aki", ("s9tIpPmhxdiuNkHMEWNpYim8S8Y",)),)


def test_query_for_another_format_is_read_without_types() -> None:
    mdoc = {"id": "mdl", "format": "mso_mdoc", "meta": {"doctype_value": "org.iso.18013.5.1.mDL"}}
    assert parse_dcql_query(query(mdoc)).credentials[0].vct_values == ()


def test_unknown_members_are_ignored_everywhere() -> None:
    extra: dict[str, Any] = {"purpose": "x", "x": [1]}
    claims = [claim("a") | extra]
    sets = [{"options": [["pid"]]} | extra]
    source = query(credential(claims=claims, **extra), credential_sets=sets, **extra)
    plain = query(credential(claims=[claim("a")]), credential_sets=[{"options": [["pid"]]}])
    assert parse_dcql_query(source).credentials == parse_dcql_query(plain).credentials
    assert parse_dcql_query(source).source is source


def test_credential_query_is_found_by_its_id() -> None:
    parsed = parse_dcql_query(query(credential("a"), credential("b")))
    assert parsed.credential("b") is parsed.credentials[1]
    assert parsed.credential("c") is None


@pytest.mark.parametrize(
    ("wanted", "value", "admitted"),
    [
        (1, 1, True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (1, 1.0, False),
        (1, "1", False),
        ("a", "a", True),
        ("a", "A", False),
        (0, False, False),
        (0, None, False),
    ],
)
def test_value_is_admitted_by_type_and_value(
    wanted: str | int | bool, value: JsonValue, admitted: bool
) -> None:
    assert ClaimQuery(("x",), (wanted,)).admits(value) is admitted
    assert ClaimQuery(("x",), ("other", wanted)).admits(value) is admitted
    assert ClaimQuery(("x",)).admits(value)


SET = [{"options": [["pid"]]}]
MALFORMED: dict[str, Any] = {
    "no credentials": {},
    "NT-P33 empty credentials": {"credentials": []},
    "credentials is no array": {"credentials": {}},
    "credential is no object": {"credentials": ["pid"]},
    "no id": query({"format": "dc+sd-jwt", "meta": {"vct_values": ["x"]}}),
    "empty id": query(credential("")),
    "id with a dot": query(credential("a.b")),
    "id with an accent": query(credential("é")),
    "id too long": query(credential("a" * 129)),
    "id is no text": query(credential(id=1)),
    "NT-P33 duplicate credential ids": query(credential("a"), credential("a")),
    "no format": query({"id": "a", "meta": {}}),
    "no meta": query({"id": "a", "format": "dc+sd-jwt"}),
    "meta is no object": query(credential(meta=[])),
    "no vct_values": query(credential(meta={})),
    "empty vct_values": query(credential(meta={"vct_values": []})),
    "vct_values of numbers": query(credential(meta={"vct_values": [1]})),
    "multiple is no boolean": query(credential(multiple=1)),
    "holder binding is no boolean": query(credential(require_cryptographic_holder_binding="true")),
    "empty claims": query(credential(claims=[])),
    "claim is no object": query(credential(claims=[["a"]])),
    "no path": query(credential(claims=[{"id": "a"}])),
    "empty path": query(credential(claims=[{"path": []}])),
    "NT-P33 path with a negative index": query(credential(claims=[{"path": ["a", -1]}])),
    "NT-P33 path with a float": query(credential(claims=[{"path": ["a", 1.0]}])),
    "NT-P33 path with a boolean": query(credential(claims=[{"path": ["a", True]}])),
    "path with an object": query(credential(claims=[{"path": ["a", {}]}])),
    "NT-P33 path to _sd": query(credential(claims=[{"path": ["_sd", 0]}])),
    "path through _sd": query(credential(claims=[{"path": ["a", "_sd"]}])),
    "path to ...": query(credential(claims=[{"path": ["a", 0, "..."]}])),
    "path to _sd_alg": query(credential(claims=[{"path": ["_sd_alg"]}])),
    "path too long": query(credential(claims=[{"path": ["a"] * 17}])),
    "empty values": query(credential(claims=[{"path": ["a"], "values": []}])),
    "value is null": query(credential(claims=[{"path": ["a"], "values": [None]}])),
    "value is a float": query(credential(claims=[{"path": ["a"], "values": [1.5]}])),
    "value is an array": query(credential(claims=[{"path": ["a"], "values": [["b"]]}])),
    "NT-P33 claim_sets without claims": query(credential(claim_sets=[["a"]])),
    "NT-P33 duplicate claim ids": query(credential(claims=[claim("a", "x"), claim("a", "y")])),
    "claim id with a space": query(credential(claims=[claim("a b")])),
    "claim_sets and a claim without id": query(
        credential(claims=[claim("a"), {"path": ["b"]}], claim_sets=[["a"]])
    ),
    "empty claim_sets": query(credential(claims=[claim("a")], claim_sets=[])),
    "empty claim set": query(credential(claims=[claim("a")], claim_sets=[[]])),
    "claim set is no array": query(credential(claims=[claim("a")], claim_sets=["a"])),
    "claim set with an unknown id": query(credential(claims=[claim("a")], claim_sets=[["b"]])),
    "claim set with a number": query(credential(claims=[claim("a")], claim_sets=[[1]])),
    "empty trusted_authorities": query(credential(trusted_authorities=[])),
    "authority without type": query(credential(trusted_authorities=[{"values": ["a"]}])),
    "authority without values": query(credential(trusted_authorities=[{"type": "aki"}])),
    "authority with empty values": query(credential(trusted_authorities=[{"type": "aki", "values": []}])),
    "empty credential_sets": query(credential_sets=[]),
    "credential set without options": query(credential_sets=[{"required": True}]),
    "credential set with empty options": query(credential_sets=[{"options": []}]),
    "credential set with an empty option": query(credential_sets=[{"options": [[]]}]),
    "credential set with an unknown id": query(credential_sets=[{"options": [["other"]]}]),
    "credential set required is no boolean": query(credential_sets=[{"options": [["pid"]], "required": 0}]),
    "NT-P34 10,000 credential queries": query(*[credential(f"c{index}") for index in range(10_000)]),
    "17 credential queries": query(*[credential(f"c{index}") for index in range(17)]),
    "17 credential sets": query(credential_sets=SET * 17),
    "NT-P34 exponential credential_sets": query(
        *[credential(f"c{index}") for index in range(16)],
        credential_sets=[{"options": [[f"c{a}", f"c{b}"] for a in range(16) for b in range(16)]}] * 16,
    ),
    "65 options": query(credential_sets=[{"options": [["pid"]] * 65}]),
    "option of 17 ids": query(credential_sets=[{"options": [["pid"] * 17]}]),
    "65 claims": query(credential(claims=[claim(f"c{index}") for index in range(65)])),
    "65 claim sets": query(credential(claims=[claim("a")], claim_sets=[["a"]] * 65)),
    "claim set of 65 ids": query(credential(claims=[claim("a")], claim_sets=[["a"] * 65])),
    "65 values": query(credential(claims=[{"path": ["a"], "values": list(range(65))}])),
    "65 types": query(credential(meta={"vct_values": ["x"] * 65})),
    "65 authorities": query(credential(trusted_authorities=[{"type": "aki", "values": ["a"]}] * 65)),
    "65 authority values": query(credential(trusted_authorities=[{"type": "aki", "values": ["a"] * 65}])),
}


@pytest.mark.parametrize("source", MALFORMED.values(), ids=MALFORMED.keys())
def test_query_that_breaks_the_rules_is_refused(source: JsonObject) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_dcql_query(source)
    assert caught.value.code is Code.QUERY_INVALID


def test_query_at_every_limit_is_read() -> None:
    claims = [{"id": f"c{index}", "path": ["a"] * 16, "values": list(range(64))} for index in range(64)]
    ids = [item["id"] for item in claims]
    credentials = [
        credential(f"q{index}", claims=claims, claim_sets=[ids] * 64, meta={"vct_values": ["x"] * 64})
        for index in range(16)
    ]
    sets = [{"options": [[f"q{index}" for index in range(16)]] * 64}] * 16
    parsed = parse_dcql_query(query(*credentials, credential_sets=sets))
    assert (len(parsed.credentials), len(parsed.credential_sets)) == (16, 16)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = [
    *("id", "format", "meta", "vct_values", "claims", "claim_sets", "path", "values", "multiple"),
    *("credentials", "credential_sets", "options", "required", "trusted_authorities", "type"),
]
queries = st.recursive(
    json_values | st.sampled_from(["a", "dc+sd-jwt", ["a"], [["a"]]]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=20,
)


def code_of(source: JsonObject) -> Code | None:
    try:
        parse_dcql_query(source)
    except MalformedError as error:
        return error.code
    return None


@given(st.dictionaries(st.sampled_from(MEMBERS), queries))
def test_any_object_is_a_query_or_malformed(source: JsonObject) -> None:
    assert code_of(source) in (None, Code.QUERY_INVALID)


@given(json_values)
def test_query_with_any_member_replaced_is_a_query_or_malformed(value: JsonValue) -> None:
    source = json.loads(json.dumps(query(credential(claims=[claim("a")]), credential_sets=SET)))
    first: Any = source["credentials"][0]
    for place in (source, first, first["meta"], first["claims"][0], source["credential_sets"][0]):
        for member in list(place):
            kept = place[member]
            place[member] = value
            assert code_of(source) in (None, Code.QUERY_INVALID)
            place[member] = kept
