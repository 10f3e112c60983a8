from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.form import MAX_FORM_BYTES, encode_form, encode_link, parse_form, parse_link
from protocol.errors import MalformedError


def test_parameters_are_written_so_that_a_link_and_a_body_read_the_same() -> None:
    assert encode_form({"a b": "1+1=2 &", "é": ""}) == "a%20b=1%2B1%3D2%20%26&%C3%A9="


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1+2%2b3", {"a": "1 2+3"}),
        ("a=b=c", {"a": "b=c"}),
        ('offer={%22x%22:"https://a.example/"}', {"offer": '{"x":"https://a.example/"}'}),
    ],
)
def test_parameters_are_read(text: str, parameters: dict[str, str]) -> None:
    assert parse_form(text) == parameters
    assert parse_form(text.encode()) == parameters


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "&",
        "a=1&",
        "a=1&&b=2",
        "a=1&a=1",
        "a=1&%61=2",
        "a=%",
        "a=%2",
        "a=%zz",
        "a=#",
        "a= b",
        "a=é",
        "a=\n",
        "a=\x00",
    ],
)
def test_text_that_readers_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_form(text)
    assert caught.value.code is Code.FORMAT_INVALID


@pytest.mark.parametrize("source", ["a=%ff", "a=%c0%af", "a=%ed%a0%80", "a=%ef%bb%bf", b"a=\xff"])
def test_value_that_is_not_clean_utf8_is_refused(source: str | bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_form(source)
    assert caught.value.code is Code.TEXT_INVALID


def test_long_text_is_refused() -> None:
    assert parse_form("a=" + "1" * (MAX_FORM_BYTES - 2))
    with pytest.raises(MalformedError) as caught:
        parse_form("a=" + "1" * (MAX_FORM_BYTES - 1))
    assert caught.value.code is Code.SIZE_EXCEEDED


@pytest.mark.parametrize(
    "link",
    [
        "wallet://?a=1",
        "wallet:?a=1",
        "wallet://authorize?a=1",
        "WALLET://x/?a=1",
        encode_link("wallet", {"a": "1"}),
    ],
)
def test_link_is_read_whatever_stands_before_its_parameters(link: str) -> None:
    assert parse_link(link, scheme="wallet") == {"a": "1"}


@pytest.mark.parametrize(
    "link", ["", "a=1", "other://?a=1", "wallet://", "wallet://?a=1#b", "wallet://u@h?a=1", " wallet://?a=1"]
)
def test_other_link_is_refused(link: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_link(link, scheme="wallet")
    assert caught.value.code is Code.FORMAT_INVALID


@given(st.dictionaries(st.text(), st.text()))
def test_written_parameters_are_read_back(parameters: dict[str, str]) -> None:
    assert parse_form(encode_form(parameters), max_bytes=1 << 20) == parameters


@given(st.text() | st.binary())
def test_any_text_is_a_form_or_malformed(source: str | bytes) -> None:
    with suppress(MalformedError):
        parse_form(source)
