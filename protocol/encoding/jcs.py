"""The JSON Canonicalization Scheme (RFC 8785): one byte string per JSON value, fit for hashing.

The library is right for every value, and spends more time on a log entry than the check of its signature.
Python's own encoder, in C, writes the same bytes wherever the two cannot differ: no floating point number, no
integer beyond 2^53-1, and no character from U+D800 on, below which code points sort like UTF-16 code units.
The shortcut is taken there and nowhere else.
"""

import json
import re
from collections.abc import Mapping
from typing import cast

import rfc8785

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue, parse_json
from protocol.errors import MalformedError

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
# A number stands after one of `":`, `[` and `,`. These find one that has a fraction, an exponent or 16
# digits; text inside a string can look like one, and then only costs the long way. Three patterns that begin
# with a literal are twice as fast as one that begins with a choice.
_UNSAFE_NUMBERS = tuple(
    re.compile(prefix + r"-?[0-9]+(?:[.e]|(?<=[0-9]{16}))").search for prefix in ('":', r"\[", ",")
)
_LONG_INTEGERS = tuple(re.compile(prefix + rb"-?[0-9]{16}").search for prefix in (rb'":', rb"\[", rb","))
_MAX_DEPTH = 128
_unsafe_character = re.compile("[\ud800-\U0010ffff]").search


def canonicalize(value: Mapping[str, JsonValue] | list[JsonValue]) -> bytes:
    """Write `value` in its canonical form.

    Raises:
        MalformedError: a number or a string that has no canonical form (beyond 2^53-1, NaN, surrogate).
    """
    try:
        text = _ENCODER.encode(value)
    except ValueError:  # NaN or infinity: the long way names the error
        return _canonicalize_any(value)
    if _UNSAFE_NUMBERS[0](text) or _UNSAFE_NUMBERS[1](text) or _UNSAFE_NUMBERS[2](text):
        return _canonicalize_any(value)
    if not text.isascii() and _unsafe_character(text):
        return _canonicalize_any(value)
    return text.encode("utf-8")


def check_readable(canonical: bytes) -> None:
    """Refuse a canonical form that strict readers refuse: 1e20 is written as an integer beyond 2^53-1.

    A log keeps and hands on the canonical form. One that cannot be read would stop whoever copies the log.

    Raises:
        MalformedError: there is such a number.
    """
    if any(search(canonical) for search in _LONG_INTEGERS):
        parse_json(canonical, max_bytes=len(canonical), max_depth=_MAX_DEPTH)


def _canonicalize_any(value: Mapping[str, JsonValue] | list[JsonValue]) -> bytes:
    try:
        return rfc8785.dumps(cast("dict[str, object]", value))  # type: ignore[arg-type]
    except (rfc8785.IntegerDomainError, rfc8785.FloatDomainError) as error:
        raise MalformedError(Code.JSON_NUMBER, "no canonical form") from error
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise MalformedError(Code.TEXT_INVALID, "no canonical form") from error
