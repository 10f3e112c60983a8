import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base58btc import encode_multibase
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.keys.jwk import parse_jwk
from protocol.keys.multikey import encode_multikey, parse_multikey

# W3C Controlled Identifiers 1.0, §2.2.2
P256_EXAMPLE = "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"


def test_key_of_the_generated_examples_is_the_same_as_jwk_and_multikey() -> None:
    shelf = Path(__file__).parents[2] / "vectors/generated-ed25519/oid4vc.json"
    keys = json.loads(shelf.read_text())["keys"]
    assert len(keys) == 3
    for vector in keys.values():
        key = parse_multikey(vector["multikey"])
        assert encode_multikey(key) == vector["multikey"]
        assert parse_jwk(vector["jwk"]) == key


def test_p256_example_of_the_specification_survives() -> None:
    assert encode_multikey(parse_multikey(P256_EXAMPLE)) == P256_EXAMPLE


@given(st.integers(1, 2**255), st.binary(min_size=32, max_size=32))
def test_keys_survive(scalar: int, seed: bytes) -> None:
    for key, start in (
        (P256PrivateKey(scalar.to_bytes(32)).public_key, "zDn"),
        (Ed25519PrivateKey(seed).public_key, "z6Mk"),
    ):
        assert encode_multikey(key).startswith(start)
        assert parse_multikey(encode_multikey(key)) == key


RAW = Ed25519PrivateKey(bytes(32)).public_key.raw


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (encode_multibase(b""), Code.KEY_INVALID),
        (encode_multibase(b"\xed"), Code.KEY_INVALID),
        (encode_multibase(RAW), Code.KEY_INVALID),
        (encode_multibase(b"\xec\x01" + RAW), Code.KEY_INVALID),
        (encode_multibase(b"\xed\x00" + RAW), Code.KEY_INVALID),
        (encode_multibase(b"\xed\x01" + RAW[:31]), Code.KEY_INVALID),
        (encode_multibase(b"\xed\x01" + RAW + b"\x00"), Code.KEY_INVALID),
        (encode_multibase(b"\xed\x01" + bytes(32)), Code.KEY_INVALID),
        (encode_multibase(b"\x80\x24\x04" + RAW), Code.KEY_INVALID),
        (encode_multibase(b"\x80\x26" + RAW), Code.KEY_INVALID),
        (encode_multibase(b"\xed\x01" + RAW)[1:], Code.ENCODING_INVALID),
        ("u7QEAAA", Code.ENCODING_INVALID),
    ],
    ids=[
        "empty",
        "one-byte",
        "no-prefix",
        "x25519",
        "prefix-not-a-varint",
        "short",
        "long",
        "small-order",
        "p256-uncompressed",
        "private",
        "no-base",
        "other-base",
    ],
)
def test_other_multikey_is_refused(text: str, code: Code) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_multikey(text)
    assert caught.value.code is code
