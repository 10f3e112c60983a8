import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, TallyError, UnavailableError, VerificationError
from protocol.type_metadata import (
    MAX_CLAIMS,
    MAX_EXTENSIONS,
    DisclosureRule,
    TypeMetadata,
    parse_type_metadata,
    resolve_type_metadata,
    verify_integrity,
    verify_type_rules,
)

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "vectors/sd-jwt-vc-type-metadata/type_metadata.schema.json").read_text()
)
GOOD: JsonObject = {
    "vct": "urn:example:degree:1",
    "name": "Degree",
    "description": "A degree",
    "extends": "urn:example:certificate:1",
    "extends#integrity": "sha256-AAAA",
    "display": [{"locale": "en", "name": "Degree"}, {"locale": "de-CH", "name": "Abschluss"}],
    "claims": [
        {
            "path": ["given_name"],
            "display": [{"locale": "en", "label": "Given name", "description": "As in the passport"}],
            "sd": "always",
            "mandatory": True,
            "svg_id": "given_name",
        },
        {"path": ["nationalities", None], "display": [{"locale": "en", "label": "Nationality"}]},
        {"path": ["nationalities", 0], "display": [{"locale": "en", "label": "First nationality"}]},
        {"path": ["address", "country"], "sd": "never"},
    ],
}


def encode(source: JsonValue) -> bytes:
    return json.dumps(source).encode()


def from_documents(documents: Mapping[str, JsonObject]) -> Callable[[str], bytes]:
    def fetch(vct: str) -> bytes:
        if vct not in documents:
            raise UnavailableError(Code.NETWORK_STATUS)
        return encode(documents[vct])

    return fetch


def resolve(vct: str, documents: Mapping[str, JsonObject], integrity: str | None = None) -> TypeMetadata:
    return resolve_type_metadata(vct, integrity=integrity, fetch_document=from_documents(documents))


def sri(document: bytes, name: str = "sha256") -> str:
    return f"{name}-{base64.b64encode(hashlib.new(name, document).digest()).decode()}"


def test_metadata_is_read_with_its_defaults() -> None:
    metadata = parse_type_metadata(encode(GOOD))
    assert (metadata.vct, metadata.extends) == ("urn:example:degree:1", "urn:example:certificate:1")
    assert metadata.extends_integrity == "sha256-AAAA"
    assert metadata.names == {"en": "Degree", "de-CH": "Abschluss"}
    name, nationality = metadata.claims[:2]
    assert (name.path, name.disclosure, name.mandatory) == (("given_name",), DisclosureRule.ALWAYS, True)
    assert name.labels == {"en": "Given name"}
    assert (nationality.disclosure, nationality.mandatory) == (DisclosureRule.ALLOWED, False)


def test_unknown_members_are_ignored_and_display_and_claims_may_be_absent() -> None:
    metadata = parse_type_metadata(b'{"vct":"urn:a:1","extension":{"x":1}}')
    assert metadata == TypeMetadata("urn:a:1", {}, (), None, None)


MUTATIONS: dict[str, JsonObject] = {
    "vct-number": {"vct": 1},
    "extends-number": {"extends": 1},
    "extends-integrity-number": {"extends#integrity": 1},
    "display-object": {"display": {}},
    "display-of-texts": {"display": ["Degree"]},
    "display-without-locale": {"display": [{"name": "Degree"}]},
    "display-without-name": {"display": [{"locale": "en"}]},
    "display-name-number": {"display": [{"locale": "en", "name": 1}]},
    "claims-object": {"claims": {}},
    "claims-of-texts": {"claims": ["given_name"]},
    "path-missing": {"claims": [{}]},
    "path-empty": {"claims": [{"path": []}]},
    "path-text": {"claims": [{"path": "given_name"}]},
    "path-true": {"claims": [{"path": [True]}]},
    "path-negative": {"claims": [{"path": [-1]}]},
    "sd-other-word": {"claims": [{"path": ["a"], "sd": "Always"}]},
    "sd-true": {"claims": [{"path": ["a"], "sd": True}]},
    "mandatory-text": {"claims": [{"path": ["a"], "mandatory": "true"}]},
    "label-missing": {"claims": [{"path": ["a"], "display": [{"locale": "en"}]}]},
    "label-number": {"claims": [{"path": ["a"], "display": [{"locale": "en", "label": 1}]}]},
}


@pytest.mark.parametrize("changes", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_metadata_that_the_conformance_suite_refuses_is_refused(changes: JsonObject) -> None:
    validator = Draft202012Validator(SCHEMA)
    assert validator.is_valid(GOOD)
    assert not validator.is_valid(GOOD | changes)
    with pytest.raises(MalformedError) as caught:
        parse_type_metadata(encode(GOOD | changes))
    assert caught.value.code is Code.TYPE_METADATA_INVALID


@pytest.mark.parametrize(
    "changes",
    [
        {"vct": ""},
        {"claims": [{"path": ["a"]}, {"path": ["a"], "sd": "never"}]},
        {"claims": [{"path": ["a", index]} for index in range(MAX_CLAIMS + 1)]},
        {"display": [{"locale": "en", "name": "A"}, {"locale": "en", "name": "B"}]},
        {"display": [{"locale": "en", "name": "A" * 257}]},
        {"display": [{"locale": "e" * 36, "name": "A"}]},
        {"extension": "A" * 256 * 1024},
    ],
    ids=[
        "empty-vct",
        "path-twice",
        "too-many-claims",
        "locale-twice",
        "long-name",
        "long-locale",
        "too-large",
    ],
)
def test_metadata_beyond_our_own_limits_is_refused(changes: JsonObject) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_type_metadata(encode(GOOD | changes))
    assert caught.value.code is Code.TYPE_METADATA_INVALID


@given(st.binary(max_size=100) | st.recursive(st.none() | st.text(), st.lists).map(encode))
def test_garbage_is_malformed(document: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_type_metadata(document)


@pytest.mark.parametrize(
    ("locales", "name"),
    [
        (["de-CH"], "Abschluss"),
        (["DE-ch-1996", "en"], "Abschluss"),
        (["fr", "en-GB"], "Degree"),
        (["de"], "Degree"),
        ([], "Degree"),
    ],
)
def test_name_is_chosen_by_the_first_locale_that_fits(locales: list[str], name: str) -> None:
    assert parse_type_metadata(encode(GOOD)).name(locales) == name


def test_label_is_that_of_the_literal_path_before_that_of_a_pattern() -> None:
    metadata = parse_type_metadata(encode(GOOD))
    assert metadata.label(("nationalities", 0), ["en"]) == "First nationality"
    assert metadata.label(("nationalities", 1), ["en"]) == "Nationality"
    assert metadata.label(("nationalities", "x"), ["en"]) is None
    assert metadata.label(("nationalities",), ["en"]) is None
    assert metadata.label(("address", "country"), ["en"]) is None
    assert parse_type_metadata(b'{"vct":"urn:a:1"}').name(["en"]) is None


BASE: JsonObject = {
    "vct": "https://example.com/base-type-metadata",
    "display": [{"locale": "en", "name": "Base"}],
    "claims": [
        {"path": ["name"], "display": [{"label": "Full Name", "locale": "en"}]},
        {"path": ["address", "city"], "display": [{"label": "City", "locale": "en"}]},
    ],
}
CHILD: JsonObject = {
    "vct": "https://example.com/custom-type-metadata",
    "extends": "https://example.com/base-type-metadata",
    "claims": [
        {"path": ["address", "city"], "display": [{"label": "Town", "locale": "en"}]},
        {"path": ["nationalities"], "display": [{"label": "Nationalities", "locale": "en"}]},
    ],
}


def test_example_of_the_specification_is_extended_as_printed() -> None:
    documents = {str(source["vct"]): source for source in (BASE, CHILD)}
    metadata = resolve(str(CHILD["vct"]), documents)
    assert metadata.vct == CHILD["vct"]
    assert [(claim.path, claim.labels["en"]) for claim in metadata.claims] == [
        (("name",), "Full Name"),
        (("address", "city"), "Town"),
        (("nationalities",), "Nationalities"),
    ]
    assert metadata.name(["en"]) == "Base"


def _pair(base_rules: JsonObject, child_rules: JsonObject) -> dict[str, JsonObject]:
    return {
        "urn:base": {"vct": "urn:base", "claims": [{"path": ["a"], **base_rules}]},
        "urn:child": {
            "vct": "urn:child",
            "extends": "urn:base",
            "display": [{"locale": "en", "name": "Child"}],
            "claims": [{"path": ["a"], **child_rules}],
        },
    }


@pytest.mark.parametrize(
    ("base", "child", "rule"),
    [
        ("allowed", "always", DisclosureRule.ALWAYS),
        ("allowed", "never", DisclosureRule.NEVER),
        ("allowed", "allowed", DisclosureRule.ALLOWED),
        ("always", "always", DisclosureRule.ALWAYS),
        ("never", "allowed", DisclosureRule.NEVER),
        ("always", "allowed", DisclosureRule.ALWAYS),
    ],
)
def test_rule_of_disclosure_can_only_be_tightened(base: str, child: str, rule: DisclosureRule) -> None:
    metadata = resolve("urn:child", _pair({"sd": base}, {"sd": child}))
    assert metadata.claims[0].disclosure is rule
    assert metadata.name(["en"]) == "Child"


@pytest.mark.parametrize(("base", "child"), [("always", "never"), ("never", "always")])
def test_rule_of_disclosure_that_contradicts_the_inherited_one_is_refused(base: str, child: str) -> None:
    with pytest.raises(VerificationError) as caught:
        resolve("urn:child", _pair({"sd": base}, {"sd": child}))
    assert caught.value.code is Code.TYPE_METADATA_INVALID


@pytest.mark.parametrize(
    ("base", "child", "mandatory"),
    [(True, False, True), (False, True, True), (True, True, True), (False, False, False)],
)
def test_mandatory_stays_mandatory(base: bool, child: bool, mandatory: bool) -> None:
    metadata = resolve("urn:child", _pair({"mandatory": base}, {"mandatory": child}))
    assert metadata.claims[0].mandatory is mandatory


def _chain(length: int) -> dict[str, JsonObject]:
    documents: dict[str, JsonObject] = {
        f"urn:{index}": {"vct": f"urn:{index}", "extends": f"urn:{index + 1}"} for index in range(length)
    }
    return documents | {f"urn:{length}": {"vct": f"urn:{length}", "claims": [{"path": ["deep"]}]}}


def test_ten_extensions_are_followed_and_eleven_are_refused() -> None:
    assert resolve("urn:0", _chain(MAX_EXTENSIONS)).claims[0].path == ("deep",)
    with pytest.raises(VerificationError) as caught:
        resolve("urn:0", _chain(MAX_EXTENSIONS + 1))
    assert caught.value.code is Code.TYPE_METADATA_INVALID


@pytest.mark.parametrize("length", [1, 2, 5])
def test_type_that_extends_itself_is_refused(length: int) -> None:
    documents: dict[str, JsonObject] = {
        f"urn:{index}": {"vct": f"urn:{index}", "extends": f"urn:{(index + 1) % length}"}
        for index in range(length)
    }
    with pytest.raises(VerificationError) as caught:
        resolve("urn:0", documents)
    assert caught.value.code is Code.TYPE_METADATA_INVALID


def test_document_of_another_type_is_refused() -> None:
    with pytest.raises(VerificationError) as caught:
        resolve("urn:a", {"urn:a": {"vct": "urn:b"}})
    assert caught.value.code is Code.TYPE_METADATA_INVALID


def test_type_whose_document_cannot_be_had_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        resolve("urn:a", {"urn:a": {"vct": "urn:a", "extends": "urn:b"}})


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_document_of_the_stated_integrity_is_accepted_and_another_refused(name: str) -> None:
    base = _pair({}, {})["urn:base"]
    child: JsonObject = {
        "vct": "urn:child",
        "extends": "urn:base",
        "extends#integrity": sri(encode(base), name),
    }
    documents = {"urn:base": base, "urn:child": child}
    assert resolve("urn:child", documents, sri(encode(child), name)).vct == "urn:child"
    for changed in ("urn:base", "urn:child"):
        altered = documents | {changed: documents[changed] | {"name": "altered"}}
        with pytest.raises(VerificationError) as caught:
            resolve("urn:child", altered, sri(encode(child), name))
        assert caught.value.code is Code.TYPE_METADATA_INVALID


DOCUMENT = b"document"


@pytest.mark.parametrize(
    "integrity",
    [
        sri(DOCUMENT),
        f"  {sri(DOCUMENT)}?option ",
        f"{sri(b'other')} {sri(DOCUMENT)}",
        f"md5-AAAA {sri(DOCUMENT)}",
        f"{sri(b'other')} {sri(DOCUMENT, 'sha512')}",
    ],
    ids=["one", "with-option", "any-of-one-function", "unknown-function-beside", "strongest-counts"],
)
def test_integrity_that_matches_is_accepted(integrity: str) -> None:
    verify_integrity(DOCUMENT, integrity)


@pytest.mark.parametrize(
    "integrity",
    [
        sri(b"other"),
        f"{sri(DOCUMENT)} {sri(b'other', 'sha384')}",
        "",
        "sha1-0000",
        "sha256",
        "sha256-",
        sri(DOCUMENT).rstrip("="),
        sri(DOCUMENT).replace("sha256", "SHA256"),
        sri(DOCUMENT).replace("-", ":"),
    ],
    ids=["other", "strongest-fails", "empty", "unknown", "bare", "no-hash", "unpadded", "case", "separator"],
)
def test_integrity_that_does_not_match_is_refused(integrity: str) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_integrity(DOCUMENT, integrity)
    assert caught.value.code is Code.TYPE_METADATA_INVALID


RULES = parse_type_metadata(
    encode(
        {
            "vct": "urn:a",
            "claims": [
                {"path": ["birth_date"], "sd": "always", "mandatory": True},
                {"path": ["nationalities", None], "sd": "always"},
                {"path": ["address"], "sd": "always"},
                {"path": ["address", "country"], "sd": "never", "mandatory": True},
                {"path": ["issuing_country"], "sd": "never", "mandatory": True},
            ],
        }
    )
)
CLAIMS: JsonObject = {
    "issuing_country": "CH",
    "birth_date": "1990-01-01",
    "nationalities": ["CH", "FR"],
    "address": {"country": "CH", "locality": "Bern"},
    "other": 1,
}
HIDDEN: list[ClaimPath] = [("birth_date",), ("nationalities", None), ("address",), ("address", "locality")]


def test_credential_that_keeps_the_rules_is_accepted() -> None:
    verify_type_rules(RULES, CLAIMS, disclosed=HIDDEN, all_disclosed=True)


def test_withheld_claims_are_not_missing_to_a_verifier() -> None:
    claims: JsonObject = {"issuing_country": "CH", "nationalities": ["FR"]}
    verify_type_rules(RULES, claims, disclosed=[("nationalities", 0)], all_disclosed=False)
    with pytest.raises(VerificationError):
        verify_type_rules(RULES, claims, disclosed=[("nationalities", 0)], all_disclosed=True)


VIOLATIONS: dict[str, tuple[JsonObject, list[ClaimPath], str]] = {
    "always-but-open": (CLAIMS, HIDDEN[1:], "birth_date must be"),
    "always-but-one-element-open": (
        CLAIMS,
        [("birth_date",), ("nationalities", 0), ("address",)],
        "nationalities.* must be",
    ),
    "never-but-hidden": (CLAIMS, [*HIDDEN, ("issuing_country",)], "issuing_country must not"),
    "never-but-hidden-below": (CLAIMS, [*HIDDEN, ("address", "country")], "address.country must not"),
    "mandatory-and-open": (
        {name: value for name, value in CLAIMS.items() if name != "issuing_country"},
        HIDDEN,
        "issuing_country is mandatory",
    ),
    "mandatory-and-open-below": (CLAIMS | {"address": {}}, HIDDEN, "address.country is mandatory"),
}


@pytest.mark.parametrize("all_disclosed", [True, False])
@pytest.mark.parametrize(("claims", "disclosed", "detail"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_credential_that_breaks_a_rule_is_refused(
    claims: JsonObject, disclosed: list[ClaimPath], detail: str, all_disclosed: bool
) -> None:
    with pytest.raises(TallyError) as caught:
        verify_type_rules(RULES, claims, disclosed=disclosed, all_disclosed=all_disclosed)
    assert caught.value.code is Code.TYPE_METADATA_INVALID
    assert caught.value.detail.startswith(detail)
