import pytest

from protocol.claim_path import ClaimPath, parse_claim_path, select_claims
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError

# The example of OpenID4VP 1.0 §7.3.
CREDENTIAL: JsonObject = {
    "name": "Arthur Dent",
    "address": {"street_address": "42 Market Street", "locality": "Milliways", "postal_code": "12345"},
    "degrees": [
        {"type": "Bachelor of Science", "university": "University of Betelgeuse"},
        {"type": "Master of Science", "university": "University of Betelgeuse"},
    ],
    "nationalities": ["British", "Betelgeusian"],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("name",), {("name",): "Arthur Dent"}),
        (("address",), {("address",): CREDENTIAL["address"]}),
        (("address", "street_address"), {("address", "street_address"): "42 Market Street"}),
        (
            ("degrees", None, "type"),
            {("degrees", 0, "type"): "Bachelor of Science", ("degrees", 1, "type"): "Master of Science"},
        ),
        (("nationalities", 1), {("nationalities", 1): "Betelgeusian"}),
        (("nationalities", None), {("nationalities", 0): "British", ("nationalities", 1): "Betelgeusian"}),
    ],
)
def test_path_of_the_specification_selects_its_claims(
    path: ClaimPath, expected: dict[ClaimPath, JsonValue]
) -> None:
    assert select_claims(CREDENTIAL, path) == expected


@pytest.mark.parametrize(
    "path",
    [
        ("surname",),
        ("address", "country"),
        ("name", "first"),
        ("name", 0),
        ("address", 0),
        ("address", None),
        ("degrees", "type"),
        ("nationalities", 2),
        ("nationalities", None, "code"),
    ],
)
def test_path_to_nothing_or_through_the_wrong_kind_selects_nothing(path: ClaimPath) -> None:
    assert select_claims(CREDENTIAL, path) == {}


def test_one_element_of_the_wrong_kind_spoils_the_selection() -> None:
    assert select_claims({"a": [{"b": 1}, 5]}, ("a", None, "b")) == {}


def test_element_without_the_member_is_left_out() -> None:
    assert select_claims({"a": [{"b": 1}, {}]}, ("a", None, "b")) == {("a", 0, "b"): 1}


def test_path_is_read_from_json() -> None:
    assert parse_claim_path(["degrees", None, "type", 0]) == ("degrees", None, "type", 0)


@pytest.mark.parametrize("source", [[], "name", None, {}, [True], [-1], [1.0], [["name"]], [{}]])
def test_anything_but_an_array_of_strings_indices_and_nulls_is_refused(source: JsonValue) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_claim_path(source)
    assert caught.value.code is Code.MEMBER_INVALID
