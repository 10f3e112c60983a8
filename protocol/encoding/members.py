"""Reading the members of a JSON object with their types, for every parser of the ground floor.

`true` is an `int` to Python; here it never is.
"""

from collections.abc import Mapping
from typing import NoReturn

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError


def text_member(source: Mapping[str, JsonValue], name: str, *, max_characters: int = 2048) -> str:
    """The non-empty string `name`.

    Raises:
        MalformedError: absent, not a string, empty, or longer than `max_characters`.
    """
    value = source[name] if name in source else _missing(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_characters:
        raise MalformedError(Code.MEMBER_INVALID, name)
    return value


def optional_text_member(
    source: Mapping[str, JsonValue], name: str, *, max_characters: int = 2048
) -> str | None:
    """The non-empty string `name`, or None when it is absent."""
    return text_member(source, name, max_characters=max_characters) if name in source else None


def integer_member(source: Mapping[str, JsonValue], name: str, *, minimum: int = 0) -> int:
    """The integer `name`, not below `minimum`; a float or a boolean is not one.

    Raises:
        MalformedError: absent, not an integer, or below `minimum`.
    """
    value = source[name] if name in source else _missing(name)
    if type(value) is not int or value < minimum:
        raise MalformedError(Code.MEMBER_INVALID, name)
    return value


def optional_integer_member(source: Mapping[str, JsonValue], name: str, *, minimum: int = 0) -> int | None:
    """The integer `name`, or None when it is absent."""
    return integer_member(source, name, minimum=minimum) if name in source else None


def boolean_member(source: Mapping[str, JsonValue], name: str, *, default: bool) -> bool:
    """The boolean `name`, or `default` when it is absent."""
    value = source.get(name, default)
    if not isinstance(value, bool):
        raise MalformedError(Code.MEMBER_INVALID, name)
    return value


def object_member(source: Mapping[str, JsonValue], name: str) -> JsonObject:
    """The object `name`.

    Raises:
        MalformedError: absent or not an object.
    """
    value = source[name] if name in source else _missing(name)
    if not isinstance(value, dict):
        raise MalformedError(Code.MEMBER_INVALID, name)
    return value


def optional_object_member(source: Mapping[str, JsonValue], name: str) -> JsonObject | None:
    """The object `name`, or None when it is absent."""
    return object_member(source, name) if name in source else None


def array_member(source: Mapping[str, JsonValue], name: str, *, minimum: int = 0) -> list[JsonValue]:
    """The array `name`, of at least `minimum` items.

    Raises:
        MalformedError: absent, not an array, or too short.
    """
    value = source[name] if name in source else _missing(name)
    if not isinstance(value, list) or len(value) < minimum:
        raise MalformedError(Code.MEMBER_INVALID, name)
    return value


def texts_member(source: Mapping[str, JsonValue], name: str, *, minimum: int = 0) -> list[str]:
    """The array `name` of strings, of at least `minimum` items.

    Raises:
        MalformedError: absent, not an array of strings, or too short.
    """
    texts = [item for item in array_member(source, name, minimum=minimum) if isinstance(item, str)]
    if len(texts) != len(array_member(source, name)):
        raise MalformedError(Code.MEMBER_INVALID, name)
    return texts


def objects_member(source: Mapping[str, JsonValue], name: str, *, minimum: int = 0) -> list[JsonObject]:
    """The array `name` of objects, of at least `minimum` items.

    Raises:
        MalformedError: absent, not an array of objects, or too short.
    """
    objects = [item for item in array_member(source, name, minimum=minimum) if isinstance(item, dict)]
    if len(objects) != len(array_member(source, name)):
        raise MalformedError(Code.MEMBER_INVALID, name)
    return objects


def _missing(name: str) -> NoReturn:
    raise MalformedError(Code.MEMBER_MISSING, name)
