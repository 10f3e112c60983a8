"""JSON that every reader understands alike (RFC 8259 narrowed to I-JSON, RFC 7493).

Python's own reader keeps the last of two equal members, takes NaN and 1e999, integers of any length, lone
surrogates and unbounded nesting. Each of these lets a signed text mean one thing to the signer and
another to the verifier, so each is refused here, before any signature is looked at.

Most of what machines send is compact, and a fast reader in C takes it if writing the value again gives the
very same bytes: then there was one way to read them. Everything else goes the long way, which also finds the
words for what is wrong.
"""

import json
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

import msgspec

from protocol.codes import Code
from protocol.errors import MalformedError

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16
MAX_BYTES = 1 << 20

_WHITE_SPACE = " \t\n\r"


def parse_json(source: str | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Read one JSON value.

    `max_bytes` bounds the length (of a string: in characters) and `max_depth` the nesting of arrays and
    objects.

    Raises:
        MalformedError: not UTF-8, not JSON, too long, too deep, a member named twice, an integer beyond
            2^53-1, NaN or infinity, or a lone surrogate.
    """
    if len(source) > max_bytes:
        raise MalformedError(Code.SIZE_EXCEEDED, f"more than {max_bytes} bytes of JSON")
    data = source if isinstance(source, bytes) else _encode_utf8(source)
    # With every digit a 0 and every bracket a [, two looks bound the numbers and the depth from above.
    # `replace` finds brackets a block of memory at a time, where `count` looks at every byte.
    outline = data.translate(_OUTLINE)
    bounded = _LONG_NUMBER not in outline and len(outline) - len(outline.replace(b"[", b"")) <= max_depth
    if bounded and (value := _read_compact(data)) is not None:
        return value
    return _read_any(data, max_depth)


def parse_json_object(
    source: str | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> JsonObject:
    """Read one JSON object; anything else is refused, by the rules of `parse_json`."""
    value = parse_json(source, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(value, dict):
        raise MalformedError(Code.FORMAT_INVALID, "a JSON object is expected")
    return value


def encode_json(value: Mapping[str, JsonValue] | list[JsonValue]) -> bytes:
    """Write compact JSON in UTF-8, members in the order given. The canonical form is in `jcs`."""
    return _ENCODER.encode(value).encode("utf-8")


def decode_utf8(data: bytes) -> str:
    """Read UTF-8, refusing invalid bytes and a byte order mark.

    Raises:
        MalformedError: not clean UTF-8.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(Code.TEXT_INVALID) from error
    if text.startswith("\ufeff"):
        raise MalformedError(Code.TEXT_INVALID, "byte order mark")
    return text


def _encode_utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedError(Code.TEXT_INVALID, "lone surrogate") from error


def _read_compact(data: bytes) -> JsonValue:
    """The value `data` is the compact spelling of; None if it is no such spelling, or that of null.

    A member named twice, another spelling of a number or a character, white space: none comes out as it was.
    """
    try:
        value: JsonValue = _READER.decode(data)
        return value if _WRITER.encode(value) == data else None
    except ValueError:
        return None


def _read_any(data: bytes, max_depth: int) -> JsonValue:
    text = decode_utf8(data).strip(_WHITE_SPACE)
    value: JsonValue
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise MalformedError(Code.JSON_INVALID, f"at character {error.pos}") from error
    except RecursionError as error:
        raise MalformedError(Code.JSON_DEPTH) from error
    if end != len(text):
        raise MalformedError(Code.JSON_INVALID, f"at character {end}")
    _check_depth(value, max_depth)
    # In clean UTF-8 there are no lone surrogates but escaped ones.
    if b"\\" in data:
        _check_surrogates(value)
    return value


def _object(members: list[tuple[str, JsonValue]]) -> JsonObject:
    result = dict(members)
    if len(result) != len(members):
        raise MalformedError(Code.JSON_DUPLICATE_MEMBER)
    return result


def _integer(digits: str) -> int:
    # Length first: Python's int() of 5,000 digits raises a bare ValueError, and of 4,000 takes its time.
    if len(digits) > 17 or not -MAX_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
        raise MalformedError(Code.JSON_NUMBER, "integer beyond 2^53-1")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise MalformedError(Code.JSON_NUMBER, "number too large")
    return number


def _constant(name: str) -> NoReturn:
    raise MalformedError(Code.JSON_NUMBER, name)


def _check_depth(value: JsonValue, max_depth: int) -> None:
    level: list[JsonValue] = [value]
    for _ in range(max_depth):
        inner: list[JsonValue] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    if any(isinstance(item, dict | list) for item in level):
        raise MalformedError(Code.JSON_DEPTH, f"more than {max_depth} levels")


def _check_surrogates(value: JsonValue) -> None:
    _encode_utf8(json.dumps(value, ensure_ascii=False))


_OUTLINE = bytes.maketrans(b"123456789{", b"000000000[")
_LONG_NUMBER = b"0" * 16  # every number of fewer digits is in range
_READER = msgspec.json.Decoder()
_WRITER = msgspec.json.Encoder()
# These too are made once: `json.loads` and `json.dumps` make one for every call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
