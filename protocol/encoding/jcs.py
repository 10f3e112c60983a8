"""The JSON Canonicalization Scheme (RFC 8785): one byte string per JSON value, fit for hashing."""

from collections.abc import Mapping
from typing import cast

import rfc8785

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import MalformedError


def canonicalize(value: Mapping[str, JsonValue] | list[JsonValue]) -> bytes:
    """Write `value` in its canonical form.

    Raises:
        MalformedError: a number or a string that has no canonical form (beyond 2^53-1, NaN, surrogate).
    """
    try:
        return rfc8785.dumps(cast("dict[str, object]", value))  # type: ignore[arg-type]
    except (rfc8785.IntegerDomainError, rfc8785.FloatDomainError) as error:
        raise MalformedError(Code.JSON_NUMBER, "no canonical form") from error
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise MalformedError(Code.TEXT_INVALID, "no canonical form") from error
