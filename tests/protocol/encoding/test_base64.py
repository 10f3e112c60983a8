import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base64 import decode_base64, encode_base64
from protocol.errors import MalformedError


@given(st.binary(max_size=200))
def test_bytes_survive_and_are_spelled_as_the_standard_library_does(data: bytes) -> None:
    text = encode_base64(data)
    assert text == base64.b64encode(data).decode()
    assert decode_base64(text) == data


REFUSED = {
    "padding-missing": "QQ",
    "padding-short": "QQ=",
    "padding-long": "QUI==",
    "padding-alone": "====",
    "padding-inside": "QQ==QQ==",
    "url-alphabet": "-_8A",
    "unused-bits-of-two": "QR==",
    "unused-bits-of-three": "QUJ=",
    "line-feed-behind": "QUJD\n",
    "line-feed-inside": "QU\nJD",
    "space": "QUJD ",
    "junk": "QU!D",
    "umlaut": "QUJü",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_base64(text)
    assert caught.value.code is Code.ENCODING_INVALID


@given(st.text(max_size=40))
def test_any_text_is_canonical_or_malformed(text: str) -> None:
    try:
        data = decode_base64(text)
    except MalformedError:
        return
    assert encode_base64(data) == text
