import base64
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.errors import MalformedError

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=200))
def test_bytes_survive_and_are_spelled_as_the_standard_library_does(data: bytes) -> None:
    text = encode_base64url(data)
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert decode_base64url(text) == data


@pytest.mark.parametrize("length", [1, 2, pytest.param(3, marks=pytest.mark.stress)])
def test_every_short_text_is_read_only_in_its_canonical_spelling(length: int) -> None:
    for characters in product(ALPHABET, repeat=length):
        text = "".join(characters)
        try:
            data = decode_base64url(text)
        except MalformedError as error:
            assert error.code is Code.ENCODING_INVALID  # noqa: PT017 (both outcomes are right)
        else:
            assert encode_base64url(data) == text


REFUSED = {
    "padding": "QQ==",
    "padding-of-three": "QUI=",
    "padding-inside": "QQ==QQ",
    "impossible-length": "QUJDR",
    "one-character": "Q",
    "junk": "QU!JD",
    "plus": "+_8A",
    "slash": "/_8A",
    "unused-bits-of-two": "QR",
    "unused-bits-of-three": "QUJ",
    "line-feed-behind": "QUJD\n",
    "line-feed-inside": "QU\nJD",
    "carriage-return": "QUJD\r\n",
    "space": "QU JD",
    "null": "QUJ\x00",
    "full-width": "ＱＵＪＤ",
    "umlaut": "QUJü",
    "surrogate": "QUJ\ud800",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_base64url(text)
    assert caught.value.code is Code.ENCODING_INVALID


@given(st.text(max_size=40))
def test_any_text_is_canonical_or_malformed(text: str) -> None:
    try:
        data = decode_base64url(text)
    except MalformedError:
        return
    assert encode_base64url(data) == text
