import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.strict_json import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INTEGER,
    JsonValue,
    decode_utf8,
    encode_json,
    parse_json,
    parse_json_object,
)
from protocol.errors import MalformedError

REFUSED: dict[str, tuple[str | bytes, Code]] = {
    "empty": ("", Code.JSON_INVALID),
    "blank": (" \n", Code.JSON_INVALID),
    "two-values": ("1 2", Code.JSON_INVALID),
    "behind-the-value": ("{}x", Code.JSON_INVALID),
    "unclosed": ('{"a":1', Code.JSON_INVALID),
    "trailing-comma": ("[1,]", Code.JSON_INVALID),
    "single-quotes": ("{'a':1}", Code.JSON_INVALID),
    "comment": ("[1/*x*/]", Code.JSON_INVALID),
    "leading-zero": ("01", Code.JSON_INVALID),
    "plus": ("+1", Code.JSON_INVALID),
    "underscore-in-number": ("1_0", Code.JSON_INVALID),
    "arabic-digits": ("[١٢]", Code.JSON_INVALID),
    "superscript-digit": ("²", Code.JSON_INVALID),
    "capital-true": ("True", Code.JSON_INVALID),
    "control-character-in-text": ('"a\nb"', Code.JSON_INVALID),
    "vertical-tab-around": ("\x0b1", Code.JSON_INVALID),
    "no-break-space-around": ("1\xa0", Code.JSON_INVALID),
    "byte-order-mark-in-text": ("\ufeff{}", Code.TEXT_INVALID),
    "byte-order-mark": (b"\xef\xbb\xbf{}", Code.TEXT_INVALID),
    "invalid-utf-8": (b'{"a":"\xff"}', Code.TEXT_INVALID),
    "overlong-utf-8": (b'"\xc0\xaf"', Code.TEXT_INVALID),
    "surrogate-in-utf-8": (b'"\xed\xa0\x80"', Code.TEXT_INVALID),
    "utf-16": ('{"a":1}'.encode("utf-16"), Code.TEXT_INVALID),
    "lone-surrogate": ('"\\ud800"', Code.TEXT_INVALID),
    "lone-low-surrogate": ('{"a":["\\udc00"]}', Code.TEXT_INVALID),
    "surrogates-reversed": ('"\\udc00\\ud800"', Code.TEXT_INVALID),
    "surrogate-in-a-name": ('{"\\ud800":1}', Code.TEXT_INVALID),
    "surrogate-unescaped": ('"\ud800"', Code.TEXT_INVALID),
    "duplicate": ('{"a":1,"a":1}', Code.JSON_DUPLICATE_MEMBER),
    "duplicate-inside": ('[{"b":{"a":1,"c":2,"a":3}}]', Code.JSON_DUPLICATE_MEMBER),
    "duplicate-by-escape": ('{"a":1,"\\u0061":2}', Code.JSON_DUPLICATE_MEMBER),
    "nan": ("NaN", Code.JSON_NUMBER),
    "infinity": ('{"a":Infinity}', Code.JSON_NUMBER),
    "negative-infinity": ("[-Infinity]", Code.JSON_NUMBER),
    "float-too-large": ("1e999", Code.JSON_NUMBER),
    "float-too-small": ("-1e999", Code.JSON_NUMBER),
    "integer-2^53": (str(2**53), Code.JSON_NUMBER),
    "integer-minus-2^53": (str(-(2**53)), Code.JSON_NUMBER),
    "integer-of-18-digits": ("1" * 18, Code.JSON_NUMBER),
    "integer-of-5000-digits": ("1" * 5000, Code.JSON_NUMBER),
    "too-deep": ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), Code.JSON_DEPTH),
    "too-deep-around-a-value": ("[" * (MAX_DEPTH + 1) + "1" + "]" * (MAX_DEPTH + 1), Code.JSON_DEPTH),
    "too-deep-in-objects": ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), Code.JSON_DEPTH),
    "hundred-thousand-deep": ("[" * 100_000, Code.JSON_DEPTH),
    "hundred-thousand-deep-objects": ('{"a":' * 100_000, Code.JSON_DEPTH),
    "too-long": (b" " * MAX_BYTES + b"1", Code.SIZE_EXCEEDED),
}


@pytest.mark.parametrize(("source", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_text_that_readers_understand_differently_is_refused(source: str | bytes, code: Code) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_json(source)
    assert caught.value.code is code


ACCEPTED: dict[str, tuple[str | bytes, JsonValue]] = {
    "white-space-around": (b"\r\n\t {} \n", {}),
    "largest-integer": (str(MAX_INTEGER), MAX_INTEGER),
    "smallest-integer": (str(-MAX_INTEGER), -MAX_INTEGER),
    "negative-zero": ("-0", 0),
    "float": ("1.5e3", 1500.0),
    "surrogate-pair": ('"\\ud83d\\ude02"', "😂"),
    "utf-8": ('"Müller"'.encode(), "Müller"),
    "same-name-at-two-levels": ('{"a":{"a":1}}', {"a": {"a": 1}}),
    "names-that-differ-in-case": ('{"a":1,"A":2}', {"a": 1, "A": 2}),
    "brackets-inside-text": ('["' + "[{" * 20 + '"]', ["[{" * 20]),
    "wide-but-flat": ("[" + ",".join(["[]"] * 100) + "]", [[] for _ in range(100)]),
}


@pytest.mark.parametrize(("source", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_proper_json_is_read(source: str | bytes, value: JsonValue) -> None:
    assert parse_json(source) == value


def test_sixteen_levels_are_read() -> None:
    for inside in ("", "1"):
        text = "[" * MAX_DEPTH + inside + "]" * MAX_DEPTH
        assert parse_json(text) == json.loads(text)
    beside_others = "[[]," + "[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1) + "]"
    assert parse_json(beside_others) == json.loads(beside_others)
    assert parse_json('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)


def test_limits_can_be_set_by_the_caller() -> None:
    assert parse_json("[[1]]", max_bytes=5, max_depth=2) == [[1]]
    with pytest.raises(MalformedError) as caught:
        parse_json("[[1]]", max_bytes=4)
    assert caught.value.code is Code.SIZE_EXCEEDED
    with pytest.raises(MalformedError) as caught:
        parse_json("[[1]]", max_depth=1)
    assert caught.value.code is Code.JSON_DEPTH


@pytest.mark.parametrize("source", ["[]", '"a"', "1", "null", "true"])
def test_other_value_than_an_object_is_refused_where_one_is_expected(source: str) -> None:
    assert parse_json_object('{"a":1}') == {"a": 1}
    with pytest.raises(MalformedError) as caught:
        parse_json_object(source)
    assert caught.value.code is Code.FORMAT_INVALID


def test_error_texts_do_not_repeat_the_document() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_json('{"secret":"hunter2","secret":1}')
    assert "secret" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_compact_json_keeps_the_order_and_refuses_what_is_no_json() -> None:
    assert encode_json({"b": 1, "a": ["ü", None]}) == '{"b":1,"a":["ü",null]}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_json([float("nan")])


def test_text_is_read_as_strict_utf_8() -> None:
    assert decode_utf8("a\nü".encode()) == "a\nü"
    assert decode_utf8("a\ufeff".encode()) == "a\ufeff"


json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_what_is_written_is_read_again(value: dict[str, JsonValue]) -> None:
    assert parse_json(encode_json(value), max_depth=32) == value
    assert parse_json(json.dumps(value), max_depth=32) == value


garbage = st.text() | st.binary() | st.text(alphabet='{}[]",:0123456789eE+-.\\untrfalse ')


@given(garbage)
def test_garbage_is_malformed_or_read_like_other_readers_do(source: str | bytes) -> None:
    try:
        value = parse_json(source)
    except MalformedError:
        return
    assert value == json.loads(source)


def outcome(source: bytes) -> str:
    """The value as Python writes it, which tells 1 from 1.0 and from True, or the code of the refusal."""
    try:
        return repr(parse_json(source))
    except MalformedError as error:
        return error.code


# White space in front takes a text the long way.
@given(json_values.map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))) | garbage)
@example("1e22")
@example("-0")
@example("-0.0")
@example("5e-324")
@example("123456789012345.123456789012345")
@example('{"\x7f":"\u2028\\u001f\\b"}')
def test_compact_text_is_read_as_the_long_way_reads_it(source: str | bytes) -> None:
    data = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    assume(not data.startswith(b"\xef\xbb\xbf"))  # behind the white space it is no byte order mark
    assert outcome(data) == outcome(b" " + data)
