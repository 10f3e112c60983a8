from collections.abc import Mapping
from dataclasses import replace

import pytest

from issuer.claims import OWN_CLAIMS, check_claims, check_type, disclosable_paths
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import RefusedError
from protocol.type_metadata import ClaimMetadata, DisclosureRule
from schemas import CredentialType, credential_type, credential_types

DEGREE = credential_type("degree")
EXAMPLE: JsonObject = dict(DEGREE.example)
CANARY = "Zaphod-4711"


def refused(kind: CredentialType, claims: JsonObject) -> RefusedError:
    with pytest.raises(RefusedError) as refusal:
        check_claims(kind, claims)
    return refusal.value


@pytest.mark.parametrize("kind", credential_types(), ids=lambda kind: kind.name)
def test_types_that_come_along_can_be_issued(kind: CredentialType) -> None:
    check_type(kind)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        pytest.param({"given_name": 4711}, "given_name: is not of type string", id="type"),
        pytest.param(
            {"level": CANARY}, "level: is not one of associate, bachelor, master, doctorate", id="enum"
        ),
        pytest.param({"birth_date": "1998-02-30"}, "birth_date: is not a date", id="format"),
        pytest.param({"given_name": ""}, "given_name: has fewer than 1 characters", id="too-short"),
        pytest.param({"given_name": " \u3000"}, "given_name: does not match \\S", id="blank"),
        pytest.param({"given_name": CANARY * 20}, "given_name: has more than 100 characters", id="too-long"),
        pytest.param({"credits": 601}, "credits: is above 600", id="maximum"),
        pytest.param({"given_name": "A\u202e" + CANARY}, "given_name: breaks the rule not", id="other-rule"),
        pytest.param({"nickname": CANARY}, "nickname: is not a claim of this type", id="unknown"),
        pytest.param({"iss": CANARY}, "iss: is not a claim of an institution", id="reserved"),
        pytest.param({"_sd": [CANARY]}, "_sd: is not a claim of an institution", id="reserved-by-sd-jwt"),
    ],
)
def test_claims_that_do_not_fit_are_named_by_place_and_reason(changes: JsonObject, detail: str) -> None:
    error = refused(DEGREE, EXAMPLE | changes)
    assert (error.code, error.detail) == (Code.CLAIMS_INVALID, detail)
    assert CANARY not in str(error)


def test_every_missing_claim_is_named_once() -> None:
    claims = {name: value for name, value in EXAMPLE.items() if name not in ("title", "field")}
    assert refused(DEGREE, claims).detail == "field: is missing; title: is missing"


def test_places_inside_claims_are_named() -> None:
    card = credential_type("identity_card")
    address: JsonObject = {"locality": 7, "planet": CANARY}
    error = refused(card, dict(card.example) | {"address": address})
    assert error.detail.split("; ") == [
        "address.country: is missing",
        "address.locality: is not of type string",
        "address.planet: is not a claim of this type",
    ]


def test_long_lists_of_reasons_are_cut() -> None:
    error = refused(DEGREE, {f"claim_{number:02}": CANARY for number in range(20)})
    assert error.detail.count(";") == 10
    assert error.detail.endswith("and 18 more")


def test_hostile_names_are_cut() -> None:
    assert len(refused(DEGREE, EXAMPLE | {"x" * 5000: 1}).detail) < 100


def with_schema(schema: Mapping[str, JsonValue]) -> CredentialType:
    return replace(DEGREE, claims_schema={**DEGREE.claims_schema, **schema})


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        pytest.param({"type": 7}, Code.TYPE_METADATA_INVALID, id="not-a-schema"),
        pytest.param(
            {"properties": {"title": {"$ref": "http://issuer.localhost/evil.json"}}},
            Code.TYPE_METADATA_INVALID,
            id="remote-reference",
        ),
        pytest.param(
            {"properties": {"title": {"$ref": "#/$defs/nowhere"}}}, Code.TYPE_METADATA_INVALID, id="dangling"
        ),
        pytest.param({"properties": {"exp": {"type": "integer"}}}, Code.CLAIM_NAME_RESERVED, id="reserved"),
        pytest.param({"required": ["signature"]}, Code.CLAIMS_INVALID, id="refuses-its-own-example"),
    ],
)
def test_type_that_cannot_be_issued_is_refused(schema: JsonObject, code: Code) -> None:
    with pytest.raises(RefusedError) as refusal:
        check_type(with_schema(schema))
    assert refusal.value.code is code


def test_type_that_extends_another_is_refused() -> None:
    metadata = replace(DEGREE.type_metadata, extends="urn:example:certificate:1")
    with pytest.raises(RefusedError) as refusal:
        check_type(replace(DEGREE, type_metadata=metadata))
    assert refusal.value.code is Code.TYPE_METADATA_INVALID


def test_rules_of_the_metadata_count_too() -> None:
    signature = ClaimMetadata(("signature",), {}, DisclosureRule.ALWAYS, mandatory=True)
    metadata = replace(DEGREE.type_metadata, claims=(*DEGREE.type_metadata.claims, signature))
    error = refused(replace(DEGREE, type_metadata=metadata), EXAMPLE)
    assert (error.code, error.detail) == (Code.CLAIMS_INVALID, "signature is mandatory and missing")


def test_holder_may_withhold_all_that_the_type_does_not_force_open() -> None:
    claims = (
        ClaimMetadata(("level",), {}, DisclosureRule.NEVER, mandatory=True),
        ClaimMetadata(("title",), {}, DisclosureRule.ALWAYS, mandatory=True),
        ClaimMetadata(("address",), {}, DisclosureRule.ALLOWED, mandatory=False),
        ClaimMetadata(("address", "city"), {}, DisclosureRule.ALLOWED, mandatory=False),
    )
    paths = disclosable_paths(
        replace(DEGREE.type_metadata, claims=claims), {"level": 1, "title": 2, "address": {}, "note": 3}
    )
    assert paths == [("title",), ("address",), ("address", "city"), ("note",)]


def test_claims_of_the_format_are_no_claims_of_an_institution() -> None:
    assert {
        "iss",
        "exp",
        "nbf",
        "iat",
        "cnf",
        "status",
        "vct",
        "sub",
        "jti",
        "_sd",
        "...",
        "_sd_alg",
    } <= OWN_CLAIMS
