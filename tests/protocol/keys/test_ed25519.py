import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD_PRIME = 2**255 - 19
KEY = Ed25519PrivateKey(bytes(32))

# RFC 8032 §7.1, tests 1 to 3: seed, public key, message, signature
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032, ids=["1", "2", "3"])
def test_rfc_8032_signatures_are_made_and_verified(
    seed: str, public: str, message: str, signature: str
) -> None:
    key = Ed25519PrivateKey(bytes.fromhex(seed))
    assert key.public_key.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    key.public_key.verify(bytes.fromhex(signature), bytes.fromhex(message))


@pytest.mark.parametrize("sign", [0, 1 << 255])
@pytest.mark.parametrize("y", [FIELD_PRIME, FIELD_PRIME + 2, FIELD_PRIME + 18])
def test_key_that_is_not_canonical_is_refused(y: int, sign: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Ed25519PublicKey((y | sign).to_bytes(32, "little"))
    assert caught.value.code is Code.KEY_INVALID


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Ed25519PublicKey(b"\x05" * length)
    assert caught.value.code is Code.KEY_INVALID


def test_key_that_is_no_point_verifies_nothing() -> None:
    not_on_the_curve = Ed25519PublicKey((2).to_bytes(32, "little"))
    with pytest.raises(VerificationError):
        not_on_the_curve.verify(KEY.sign(b"message"), b"message")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_seed_of_another_length_is_a_callers_mistake(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Ed25519PrivateKey(bytes(length))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_signature_of_another_length_is_refused(length: int) -> None:
    signature = (KEY.sign(b"message") + b"\x00")[:length]
    with pytest.raises(VerificationError) as caught:
        KEY.public_key.verify(signature, b"message")
    assert caught.value.code is Code.SIGNATURE_INVALID


def test_signature_with_the_group_order_added_is_refused() -> None:
    signature = KEY.sign(b"message")
    s = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    with pytest.raises(VerificationError) as caught:
        KEY.public_key.verify(signature[:32] + s.to_bytes(32, "little"), b"message")
    assert caught.value.code is Code.SIGNATURE_INVALID


def test_signature_with_any_bit_flipped_is_refused() -> None:
    signature = KEY.sign(b"message")
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            KEY.public_key.verify(bytes(changed), b"message")


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.binary(max_size=100))
def test_signature_is_good_for_its_message_alone(seed: bytes, message: bytes, other: bytes) -> None:
    key = Ed25519PrivateKey(seed)
    signature = key.sign(message)
    key.public_key.verify(signature, message)
    if other != message:
        with pytest.raises(VerificationError):
            key.public_key.verify(signature, other)


def test_secret_stays_out_of_the_representation() -> None:
    key = Ed25519PrivateKey(b"\x07" * 32)
    assert repr(key) == f"Ed25519PrivateKey(public_key={key.public_key!r})"
    assert key == Ed25519PrivateKey(b"\x07" * 32)
