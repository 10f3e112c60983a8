from collections.abc import Callable

import pytest

from protocol.codes import Code
from protocol.encoding.members import (
    array_member,
    boolean_member,
    integer_member,
    object_member,
    objects_member,
    optional_integer_member,
    optional_object_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError

SOURCE: JsonObject = {
    "text": "a",
    "integer": 1,
    "zero": 0,
    "negative": -1,
    "float": 1.0,
    "true": True,
    "null": None,
    "object": {"a": 1},
    "array": ["a", {"b": 1}],
    "texts": ["a", ""],
    "objects": [{}, {"a": 1}],
    "empty": "",
    "nothing": [],
}


def test_members_of_the_right_type_are_returned() -> None:
    assert text_member(SOURCE, "text") == "a"
    assert integer_member(SOURCE, "integer") == 1
    assert integer_member(SOURCE, "negative", minimum=-1) == -1
    assert object_member(SOURCE, "object") == {"a": 1}
    assert array_member(SOURCE, "array") == ["a", {"b": 1}]
    assert texts_member(SOURCE, "texts", minimum=2) == ["a", ""]
    assert objects_member(SOURCE, "objects", minimum=2) == [{}, {"a": 1}]
    assert boolean_member(SOURCE, "true", default=False) is True
    assert boolean_member(SOURCE, "absent", default=True) is True


def test_absent_optional_members_are_none_and_present_ones_are_read() -> None:
    assert optional_text_member(SOURCE, "absent") is None
    assert optional_integer_member(SOURCE, "absent") is None
    assert optional_object_member(SOURCE, "absent") is None
    assert optional_text_member(SOURCE, "text") == "a"
    assert optional_integer_member(SOURCE, "zero") == 0
    assert optional_object_member(SOURCE, "object") == {"a": 1}


@pytest.mark.parametrize(
    "read",
    [text_member, integer_member, object_member, array_member, texts_member, objects_member],
    ids=lambda read: read.__name__,
)
def test_absent_member_is_missing(read: Callable[[JsonObject, str], JsonValue]) -> None:
    with pytest.raises(MalformedError) as caught:
        read(SOURCE, "absent")
    assert (caught.value.code, caught.value.detail) == (Code.MEMBER_MISSING, "absent")


WRONG: list[tuple[Callable[[JsonObject, str], object], list[str]]] = [
    (text_member, ["integer", "true", "null", "object", "array", "empty"]),
    (optional_text_member, ["integer", "null", "empty"]),
    (integer_member, ["text", "true", "null", "float", "negative", "object"]),
    (optional_integer_member, ["true", "null", "float", "negative"]),
    (object_member, ["text", "null", "array", "true"]),
    (optional_object_member, ["null", "array"]),
    (array_member, ["text", "null", "object"]),
    (texts_member, ["text", "array", "objects", "null"]),
    (objects_member, ["object", "array", "texts", "null"]),
]


@pytest.mark.parametrize(
    ("read", "name"),
    [(read, name) for read, names in WRONG for name in names],
    ids=[f"{read.__name__}-{name}" for read, names in WRONG for name in names],
)
def test_member_of_another_type_is_invalid(read: Callable[[JsonObject, str], object], name: str) -> None:
    with pytest.raises(MalformedError) as caught:
        read(SOURCE, name)
    assert (caught.value.code, caught.value.detail) == (Code.MEMBER_INVALID, name)


@pytest.mark.parametrize("name", ["integer", "null", "text", "zero"])
def test_other_value_is_no_boolean(name: str) -> None:
    with pytest.raises(MalformedError) as caught:
        boolean_member(SOURCE, name, default=False)
    assert caught.value.code is Code.MEMBER_INVALID


def test_member_outside_its_bounds_is_invalid() -> None:
    source: JsonObject = {"text": "a" * 2049, "count": 4, "list": ["a"]}
    assert text_member(source, "text", max_characters=2049)
    reads: list[Callable[[], object]] = [
        lambda: text_member(source, "text"),
        lambda: optional_text_member(source, "text", max_characters=10),
        lambda: integer_member(source, "count", minimum=5),
        lambda: optional_integer_member(source, "count", minimum=5),
        lambda: array_member(source, "list", minimum=2),
        lambda: texts_member(source, "list", minimum=2),
        lambda: objects_member({"list": [{}]}, "list", minimum=2),
    ]
    for read in reads:
        with pytest.raises(MalformedError) as caught:
            read()
        assert caught.value.code is Code.MEMBER_INVALID
