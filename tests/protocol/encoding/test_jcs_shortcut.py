from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding.jcs import canonicalize, check_readable
from protocol.encoding.strict_json import JsonValue, parse_json
from protocol.errors import MalformedError

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_shortcut_writes_what_the_library_writes(value: list[Any]) -> None:
    assert canonicalize(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ([1.0, -0.0, 1e21, 1e-7], b"[1,0,1e+21,1e-7]"),
        ({"n": 1e20}, b'{"n":100000000000000000000}'),
        ([2**53 - 1, -(2**53) + 1], b"[9007199254740991,-9007199254740991]"),
        ({"é": "ü", "z": "\u007f\u001f\u2028"}, '{"z":"\u007f\\u001f\u2028","é":"ü"}'.encode()),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'.encode()),
        (["a:1.5", ",1e5", "[1234567890123456"], b'["a:1.5",",1e5","[1234567890123456"]'),
    ],
)
def test_value_where_plain_json_and_the_canonical_form_may_differ_is_canonical(
    value: Any, expected: bytes
) -> None:
    assert canonicalize(value) == expected


@pytest.mark.parametrize("value", [[float("nan")], {"n": float("inf")}, [2**53], ["\ud800"], {"\udc00": 1}])
def test_value_without_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(MalformedError):
        canonicalize(value)


@given(st.lists(JSON, max_size=4))
def test_canonical_form_is_readable_if_a_strict_reader_reads_it(value: list[JsonValue]) -> None:
    canonical = canonicalize(value)
    try:
        parse_json(canonical)
    except MalformedError:
        with pytest.raises(MalformedError):
            check_readable(canonical)
    else:
        check_readable(canonical)


@pytest.mark.parametrize("value", [[1e20], {"n": -1e17}, [1, 1e16]])
def test_canonical_form_with_an_integer_that_strict_readers_refuse_is_not_readable(value: Any) -> None:
    with pytest.raises(MalformedError):
        check_readable(canonicalize(value))


def test_text_that_looks_like_a_long_integer_is_readable() -> None:
    check_readable(canonicalize([",12345678901234567890", 2**53 - 1]))
