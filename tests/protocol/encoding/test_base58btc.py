import base58
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base58btc import (
    decode_base58btc,
    decode_multibase,
    encode_base58btc,
    encode_multibase,
)
from protocol.errors import MalformedError

# draft-msporny-base58-03 §5, and the zero bytes in front of the third
KNOWN = [
    (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
    (
        b"The quick brown fox jumps over the lazy dog.",
        "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
    ),
    (b"\x00\x00\x28\x7f\xb4\xcd", "11233QC4"),
]


@pytest.mark.parametrize(("data", "text"), KNOWN, ids=["hello", "fox", "zeros"])
def test_examples_of_the_specification_are_written_and_read(data: bytes, text: str) -> None:
    assert encode_base58btc(data) == text
    assert decode_base58btc(text) == data


@given(st.binary(max_size=80), st.integers(0, 3))
def test_bytes_survive_and_are_spelled_as_the_library_does(data: bytes, zeros: int) -> None:
    data = bytes(zeros) + data
    assert encode_base58btc(data) == base58.b58encode(data).decode()
    assert decode_base58btc(encode_base58btc(data)) == data
    assert decode_multibase(encode_multibase(data)) == data


@pytest.mark.parametrize(
    "text", ["0", "O", "I", "l", "a b", "ab ", "ab\n", " ab", "ü", "１", "a+", "\ud800"], ids=ascii
)
def test_text_outside_the_alphabet_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_base58btc(text)
    assert caught.value.code is Code.ENCODING_INVALID


def test_text_longer_than_any_honest_value_is_refused() -> None:
    assert len(decode_base58btc("1" * 128)) == 128
    with pytest.raises(MalformedError) as caught:
        decode_base58btc("1" * 129)
    assert caught.value.code is Code.SIZE_EXCEEDED


@pytest.mark.parametrize("text", ["", "Z6Mk", "m6Mk", "6Mk", " z6Mk", "uAAAA", "f00"])
def test_other_multibase_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_multibase(text)
    assert caught.value.code is Code.ENCODING_INVALID


@given(st.text(max_size=40))
def test_any_text_is_canonical_or_malformed(text: str) -> None:
    try:
        data = decode_base58btc(text)
    except MalformedError:
        return
    assert encode_base58btc(data) == text
