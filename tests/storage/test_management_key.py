import hashlib
import hmac

import pytest

from protocol.codes import Code
from protocol.errors import RefusedError
from storage.management_key import ManagementKey, create_management_key, verify_management_key

PREFIX = "tally_issuer"


def verify(text: str, *stored: ManagementKey, prefix: str = PREFIX) -> ManagementKey:
    return verify_management_key(text, prefix=prefix, find={key.id: key for key in stored}.get)


def find_nothing(key_id: str) -> None:
    return None


def test_created_key_is_known_again() -> None:
    text, key = create_management_key(PREFIX)
    other = create_management_key(PREFIX)[1]
    assert verify(text, other, key) == key


def test_created_key_has_the_form_scanners_look_for() -> None:
    text, key = create_management_key(PREFIX)
    secret = text.removeprefix(f"{PREFIX}_{key.id}_")
    assert len(key.id) == 8
    assert len(secret) == 43
    assert secret.isascii()
    assert secret.isalnum()


def test_stored_key_does_not_hold_the_secret() -> None:
    text, key = create_management_key(PREFIX)
    assert text[-43:] not in repr(key)
    assert len(key.digest) == 32


def test_two_keys_differ() -> None:
    assert create_management_key(PREFIX) != create_management_key(PREFIX)


TEXT = f"{PREFIX}_7f3a09c2_{'k0Yb' * 10}abc"
KEY = ManagementKey("7f3a09c2", hashlib.sha256(TEXT.encode()).digest())


def test_stored_digest_is_the_one_of_the_whole_text() -> None:
    assert verify(TEXT, KEY) is KEY


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "_",
        PREFIX,
        TEXT[:-1],
        TEXT + "x",
        TEXT + " ",
        TEXT[:-1] + ("a" if TEXT[-1] != "a" else "b"),
        TEXT.replace(KEY.id, "00000000"),
        TEXT.replace("issuer", "verify"),
        TEXT.upper(),
        "é" + TEXT[1:],
        TEXT[:-1] + "\ud800",
        TEXT[:-44] + "x" + TEXT[-43:],
    ],
)
def test_text_that_is_not_the_key_is_refused(wrong: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        verify(wrong, KEY)
    assert refusal.value.code is Code.MANAGEMENT_KEY_INVALID
    assert TEXT[-43:] not in str(refusal.value)


def test_key_of_another_service_is_refused() -> None:
    with pytest.raises(RefusedError):
        verify(TEXT, KEY, prefix="tally_verifier")


def test_revoked_key_is_refused_like_an_unknown_one() -> None:
    with pytest.raises(RefusedError):
        verify(TEXT)


def test_onboarding_token_is_refused_with_its_own_code() -> None:
    with pytest.raises(RefusedError) as refusal:
        verify_management_key("x", prefix="tally_writer", find=find_nothing, code=Code.WRITER_NOT_AUTHORIZED)
    assert refusal.value.code is Code.WRITER_NOT_AUTHORIZED


@pytest.mark.parametrize("text", ["", "x", TEXT, TEXT.replace(KEY.id, "00000000")])
def test_digest_is_compared_in_constant_time_whatever_is_wrong(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append(len(left))
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", compare)
    with pytest.raises(RefusedError):
        verify(text)
    assert compared == [32]
