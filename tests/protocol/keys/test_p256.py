import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.keys import P256PrivateKey, P256PublicKey

FIELD_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
GROUP_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# RFC 6979 §A.2.5
SCALAR = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
X = bytes.fromhex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6")
Y = bytes.fromhex("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")
SIGNATURES = {
    b"sample": "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    b"test": "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
    "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
}
KEY = P256PrivateKey(SCALAR)


def test_rfc_6979_signatures_are_made_and_verified() -> None:
    assert KEY.public_key.coordinates() == (X, Y)
    for message, signature in SIGNATURES.items():
        assert KEY.sign(message).hex() == signature
        KEY.public_key.verify(bytes.fromhex(signature), message)


def test_key_is_the_same_from_coordinates_and_compressed() -> None:
    assert P256PublicKey.from_coordinates(X, Y) == KEY.public_key
    assert KEY.public_key.compressed == b"\x03" + X
    other_side = P256PublicKey(b"\x02" + X)
    assert other_side.coordinates() == (X, (FIELD_PRIME - int.from_bytes(Y)).to_bytes(32))


@pytest.mark.parametrize(
    "compressed",
    [
        b"",
        X,
        b"\x03" + X[:31],
        b"\x03" + X + b"\x00",
        b"\x04" + X,
        b"\x00" + bytes(32),
        b"\x02" + FIELD_PRIME.to_bytes(32),
        b"\x02" + b"\xff" * 32,
        b"\x02" + (1).to_bytes(32),
    ],
    ids=["empty", "bare", "short", "long", "uncompressed", "infinity", "beyond-field", "ones", "off-curve"],
)
def test_text_that_is_no_compressed_point_is_refused(compressed: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        P256PublicKey(compressed)
    assert caught.value.code is Code.KEY_INVALID


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y[:31]),
        (X[:31], Y),
        (b"\x00" + X, Y),
        (X, b""),
        (X, (int.from_bytes(Y) ^ 2).to_bytes(32)),
        (X, (FIELD_PRIME - int.from_bytes(Y) ^ 2).to_bytes(32)),
        ((1).to_bytes(32), Y),
        (bytes(32), bytes(32)),
    ],
    ids=["short-y", "short-x", "long-x", "empty-y", "other-y", "other-even-y", "no-such-x", "zero"],
)
def test_coordinates_that_are_no_point_are_refused(x: bytes, y: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        P256PublicKey.from_coordinates(x, y)
    assert caught.value.code is Code.KEY_INVALID


@pytest.mark.parametrize("length", [0, 31, 33])
def test_private_key_of_another_length_is_a_callers_mistake(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        P256PrivateKey(b"\x01" * length)


@pytest.mark.parametrize("scalar", [0, GROUP_ORDER, 2**256 - 1], ids=["zero", "order", "ones"])
def test_private_key_outside_the_group_is_a_callers_mistake(scalar: int) -> None:
    with pytest.raises(ValueError, match=r"key|private"):
        P256PrivateKey(scalar.to_bytes(32))


@pytest.mark.parametrize("length", [0, 63, 65, 70])
def test_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(VerificationError) as caught:
        KEY.public_key.verify((KEY.sign(b"message") + bytes(10))[:length], b"message")
    assert caught.value.code is Code.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "signature",
    [bytes(64), GROUP_ORDER.to_bytes(32) * 2, b"\xff" * 64, (1).to_bytes(32) + bytes(32)],
    ids=["zeros", "group-order", "ones", "s-zero"],
)
def test_signature_outside_the_group_is_refused(signature: bytes) -> None:
    with pytest.raises(VerificationError) as caught:
        KEY.public_key.verify(signature, b"message")
    assert caught.value.code is Code.SIGNATURE_INVALID


@settings(max_examples=25)
@given(st.integers(1, GROUP_ORDER - 1), st.binary(max_size=100))
def test_signature_is_good_for_its_message_and_key_alone(scalar: int, message: bytes) -> None:
    key = P256PrivateKey(scalar.to_bytes(32))
    signature = key.sign(message)
    key.public_key.verify(signature, message)
    for wrong, text in ((signature, message + b"x"), (signature[:-1] + bytes([signature[-1] ^ 1]), message)):
        with pytest.raises(VerificationError):
            key.public_key.verify(wrong, text)


def test_secret_stays_out_of_the_representation() -> None:
    assert repr(KEY) == f"P256PrivateKey(public_key={KEY.public_key!r})"
