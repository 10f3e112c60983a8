"""JSON that every reader understands alike (RFC 8259 narrowed to I-JSON, RFC 7493).

Python's own reader keeps the last of two equal members, takes NaN and 1e999, integers of any length, lone
surrogates and unbounded nesting. Each of these lets a signed text mean one thing to the signer and
another to the verifier, so each is refused here, before any signature is looked at.
"""

import json
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

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
    if isinstance(source, bytes):
        data, text = source, decode_utf8(source).strip(_WHITE_SPACE)
    else:
        data, text = _encode_utf8(source), source.strip(_WHITE_SPACE)
    value: JsonValue
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise MalformedError(Code.JSON_INVALID, f"at character {error.pos}") from error
    except RecursionError as error:
        raise MalformedError(Code.JSON_DEPTH) from error
    if end != len(text):
        raise MalformedError(Code.JSON_INVALID, f"at character {end}")
    # The number of brackets bounds the depth from above; only a document with many of them is walked.
    # `replace` finds them a block of memory at a time, where `count` looks at every byte.
    if len(data) - len(data.replace(b"[", b"").replace(b"{", b"")) > max_depth:
        _check_depth(value, max_depth)
    # In clean UTF-8 there are none but escaped ones.
    if b"\\" in data:
        _check_surrogates(value)
    return value


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


# Both are made once: `json.loads` and `json.dumps` make one for every call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
