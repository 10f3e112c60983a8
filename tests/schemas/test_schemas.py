import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, RefusedError
from protocol.type_metadata import DisclosureRule, verify_type_rules
from schemas import CredentialType, credential_type, credential_types, load_credential_type

ROOT = Path(__file__).parents[2]
METADATA_SCHEMA = json.loads(
    (ROOT / "tests/vectors/sd-jwt-vc-type-metadata/type_metadata.schema.json").read_text()
)
NAMES = ["degree", "driving_licence", "identity_card", "passport"]
# What a verifier needs for its checks, and what the format itself owns: no claim of an institution.
PROTECTED = {
    "iss",
    "sub",
    "iat",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "status",
    "aka_vcts",
    "vct#integrity",
    "_sd",
    "_sd_alg",
}

each_type = pytest.mark.parametrize("kind", credential_types(), ids=lambda kind: kind.name)


def validator(kind: CredentialType) -> Draft202012Validator:
    return Draft202012Validator(dict(kind.claims_schema), format_checker=FormatChecker())


def paths(schema: Mapping[str, Any], root: Mapping[str, Any], path: ClaimPath = ()) -> Iterator[ClaimPath]:
    """Every place a claim can stand in what `schema` accepts."""
    schema = root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name)
        yield from paths(inner, root, (*path, name))
    if "items" in schema:
        yield (*path, None)
        yield from paths(schema["items"], root, (*path, None))


def objects(node: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from objects(inner)


def test_types_are_listed_by_name() -> None:
    assert [kind.name for kind in credential_types()] == NAMES
    assert [kind.vct for kind in credential_types()] == [f"urn:tallystick:{name}:1" for name in NAMES]
    assert credential_type("degree") is credential_types()[0]


@pytest.mark.parametrize("name", ["", "diploma", "../schemas/degree", "degree/", "__pycache__", "Degree"])
def test_unknown_type_is_refused(name: str) -> None:
    with pytest.raises(RefusedError) as caught:
        credential_type(name)
    assert caught.value.code is Code.CREDENTIAL_TYPE_UNKNOWN


@each_type
def test_claims_schema_is_a_closed_schema_without_remote_references(kind: CredentialType) -> None:
    Draft202012Validator.check_schema(dict(kind.claims_schema))
    assert kind.claims_schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for node in objects(kind.claims_schema):
        assert node.get("$ref", "#/$defs/").startswith("#/$defs/")
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
        if node.get("type") == "string":
            assert "maxLength" in node or "pattern" in node
        if node.get("type") == "array":
            assert "maxItems" in node


@each_type
def test_example_is_accepted_and_holds_every_claim(kind: CredentialType) -> None:
    validator(kind).validate(kind.example)
    for path in paths(kind.claims_schema, kind.claims_schema):
        assert select_claims(dict(kind.example), path), path


@each_type
def test_claims_the_checks_need_are_not_among_them(kind: CredentialType) -> None:
    properties = kind.claims_schema["properties"]
    assert isinstance(properties, dict)
    assert not PROTECTED & properties.keys()


@each_type
def test_metadata_is_what_the_conformance_suite_expects(kind: CredentialType) -> None:
    source = json.loads((ROOT / "schemas" / kind.name / "type_metadata.json").read_text())
    Draft202012Validator(METADATA_SCHEMA).validate(source)


@each_type
def test_every_claim_of_the_schema_has_a_label_in_every_language(kind: CredentialType) -> None:
    assert set(kind.type_metadata.names) == {"en", "de"}
    claims = {claim.path: claim for claim in kind.type_metadata.claims}
    assert set(claims) == set(paths(kind.claims_schema, kind.claims_schema))
    for claim in claims.values():
        assert set(claim.labels) == {"en", "de"}


@each_type
def test_mandatory_is_what_the_schema_requires_and_nothing_is_forced_open(kind: CredentialType) -> None:
    mandatory = {claim.path[0] for claim in kind.type_metadata.claims if claim.mandatory}
    assert mandatory == set(_texts(kind.claims_schema["required"]))
    assert all(claim.disclosure is not DisclosureRule.NEVER for claim in kind.type_metadata.claims)


@each_type
def test_example_disclosed_claim_by_claim_keeps_the_rules(kind: CredentialType) -> None:
    claims = [claim.path for claim in kind.type_metadata.claims]
    verify_type_rules(kind.type_metadata, dict(kind.example), disclosed=claims, all_disclosed=True)


@each_type
def test_birth_date_comes_with_ages_that_can_be_shown_instead(kind: CredentialType) -> None:
    assert {"birth_date", "age_over_18", "age_over_21"} <= kind.example.keys()


BAD_DEGREES: dict[str, JsonObject] = {
    "unknown-claim": {"nickname": "Ada"},
    "name-empty": {"given_name": ""},
    "name-long": {"given_name": "A" * 101},
    "name-number": {"given_name": 1},
    "name-escape": {"given_name": "Ada\u001b[2J"},
    "name-line-feed": {"given_name": "Ada\n"},
    "name-turned-around": {"given_name": "Ada\u202eretsaM"},
    "date-american": {"birth_date": "05/17/1998"},
    "date-compact": {"birth_date": "19980517"},
    "date-of-a-week": {"birth_date": "1998-W20-7"},
    "date-impossible": {"birth_date": "1998-02-30"},
    "date-line-feed": {"birth_date": "1998-05-17\n"},
    "age-number": {"age_over_18": 1},
    "level-other": {"level": "Master"},
    "credits-negative": {"credits": -1},
    "credits-text": {"credits": "90"},
}


@pytest.mark.parametrize("changes", BAD_DEGREES.values(), ids=BAD_DEGREES.keys())
def test_degree_with_an_improper_claim_is_refused(changes: JsonObject) -> None:
    kind = credential_type("degree")
    assert validator(kind).is_valid(dict(kind.example))
    assert not validator(kind).is_valid(dict(kind.example) | changes)


BAD_CARDS: dict[str, JsonObject] = {
    "country-long": {"nationality": "CHE"},
    "country-line-feed": {"nationality": "C\n"},
    "number-lower-case": {"document_number": "c01x7742q"},
    "number-line-feed": {"document_number": "C01X7742Q\n"},
    "address-text": {"address": "Bern"},
    "address-open": {"address": {"locality": "Bern", "country": "CH", "planet": "Earth"}},
    "address-without-country": {"address": {"locality": "Bern"}},
    "portrait-link": {"portrait": "https://example.com/ada.png"},
    "portrait-svg": {"portrait": "data:image/svg+xml;base64,AAAA"},
    "portrait-large": {"portrait": "data:image/png;base64," + "A" * 12_000},
}


@pytest.mark.parametrize("changes", BAD_CARDS.values(), ids=BAD_CARDS.keys())
def test_identity_card_with_an_improper_claim_is_refused(changes: JsonObject) -> None:
    kind = credential_type("identity_card")
    assert validator(kind).is_valid(dict(kind.example))
    assert not validator(kind).is_valid(dict(kind.example) | changes)


@each_type
def test_example_without_any_one_required_claim_is_refused(kind: CredentialType) -> None:
    for name in _texts(kind.claims_schema["required"]):
        assert not validator(kind).is_valid({n: value for n, value in kind.example.items() if n != name})


def test_type_kept_elsewhere_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "library_card"
    folder.mkdir()
    for file in (ROOT / "schemas/degree").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert load_credential_type(folder).name == "library_card"
    (folder / "example.json").write_text('{"given_name": "Ada", "given_name": "Eve"}')
    with pytest.raises(MalformedError):
        load_credential_type(folder)
    (folder / "example.json").unlink()
    with pytest.raises(RefusedError) as caught:
        load_credential_type(folder)
    assert (caught.value.code, caught.value.detail) == (
        Code.CREDENTIAL_TYPE_UNKNOWN,
        "example.json cannot be read",
    )


def _texts(value: JsonValue) -> list[str]:
    assert isinstance(value, list)
    return [item for item in value if isinstance(item, str)]
