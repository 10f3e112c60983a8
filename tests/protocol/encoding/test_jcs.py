import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import MAX_INTEGER, JsonObject, JsonValue, parse_json
from protocol.errors import MalformedError

SHELF = Path(__file__).parents[2] / "vectors/jcs/testdata"


def test_documents_of_the_specification_have_their_canonical_form() -> None:
    inputs = sorted((SHELF / "input").iterdir())
    assert len(inputs) == 6
    for source in inputs:
        value = parse_json(source.read_bytes())
        assert isinstance(value, dict | list)
        expected = bytes.fromhex((SHELF / "outhex" / f"{source.stem}.txt").read_text())
        assert canonicalize(value) == expected
        assert expected == (SHELF / "output" / source.name).read_bytes()


def test_members_are_sorted_by_utf_16_code_units() -> None:
    # By code point U+FB33 would come before U+1F602; in UTF-16 the latter begins with D83D.
    assert canonicalize({"\ufb33": 1, "\U0001f602": 2}) == '{"\U0001f602":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"a": MAX_INTEGER + 1}, Code.JSON_NUMBER),
        ({"a": -MAX_INTEGER - 1}, Code.JSON_NUMBER),
        ([float("nan")], Code.JSON_NUMBER),
        ([float("inf")], Code.JSON_NUMBER),
        ({"a": "\ud800"}, Code.TEXT_INVALID),
        ({"\ud800": 1}, Code.TEXT_INVALID),
    ],
    ids=["integer", "negative-integer", "nan", "infinity", "surrogate", "surrogate-name"],
)
def test_value_without_a_canonical_form_is_refused(value: JsonObject, code: Code) -> None:
    with pytest.raises(MalformedError) as caught:
        canonicalize(value)
    assert caught.value.code is code


scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text()
documents: st.SearchStrategy[JsonValue] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@given(st.dictionaries(st.text(), documents, max_size=6))
def test_canonical_form_is_one_and_means_the_same(value: JsonObject) -> None:
    canonical = canonicalize(value)
    again = json.loads(canonical)
    assert again == value
    assert canonicalize(again) == canonical
    assert canonicalize(dict(reversed(value.items()))) == canonical
