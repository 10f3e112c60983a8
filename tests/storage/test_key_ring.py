from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonValue, encode_json
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from storage.key_ring import KeyRing, KeyType, StoredKey, create_key
from storage.passphrase import TEST_ONLY
from storage.sealed_file import SealedFile
from tests.storage.place import PASSPHRASE, refusal_of

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, UTC)


def open_ring(folder: Path) -> KeyRing:
    return KeyRing.open(
        folder / "home" / "keys.sealed", PASSPHRASE, mark_folder=folder / "state", weakest_kdf=TEST_ONLY
    )


def create_ring(folder: Path, keys: dict[str, StoredKey]) -> KeyRing:
    return KeyRing.create(
        folder / "home" / "keys.sealed",
        passphrase=PASSPHRASE,
        keys=keys,
        kdf=TEST_ONLY,
        mark_folder=folder / "state",
    )


def test_keys_of_every_type_come_back_after_a_restart(tmp_path: Path) -> None:
    keys = {key_type.value: create_key(key_type, now=NOW) for key_type in KeyType}
    with create_ring(tmp_path, keys) as ring:
        assert ring.keys == keys
    with open_ring(tmp_path) as ring:
        assert ring.keys == keys
        assert isinstance(ring.keys["Ed25519"].signing_key(), Ed25519PrivateKey)
        assert isinstance(ring.keys["P-256"].signing_key(), P256PrivateKey)
        with pytest.raises(ValueError, match="symmetric"):
            ring.keys["symmetric"].signing_key()


def test_a_rotation_is_one_save(tmp_path: Path) -> None:
    first, second, third = (create_key(KeyType.ED25519, now=NOW) for _ in range(3))
    with create_ring(tmp_path, {"update": first, "next": second}) as ring:
        ring.save({**ring.keys, "update": ring.keys["next"], "next": third})
        assert ring.file.generation == 2
    with open_ring(tmp_path) as ring:
        assert ring.keys == {"update": second, "next": third}


def test_fresh_keys_differ_and_none_shows_in_repr() -> None:
    for key_type in KeyType:
        one, other = (create_key(key_type, now=NOW) for _ in range(2))
        assert one.private != other.private
        assert repr(one.private) not in repr(one)
        assert one.created == NOW.replace(microsecond=0)


KEY: dict[str, JsonValue] = {
    "type": "Ed25519",
    "created": "2026-11-22T10:00:00Z",
    "private": encode_base64url(bytes(32)),
}
RING: dict[str, JsonValue] = {"format": "tallystick-key-ring", "version": 1, "keys": {"assertion": {**KEY}}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", Code.JSON_INVALID, id="empty"),
        pytest.param(encode_json({**RING, "format": "tallystick-wallet"}), Code.VAULT_DAMAGED, id="format"),
        pytest.param(encode_json({**RING, "version": 2}), Code.VAULT_VERSION, id="version"),
        pytest.param(encode_json({**RING, "keys": []}), Code.MEMBER_INVALID, id="keys"),
        pytest.param(
            encode_json({**RING, "keys": {"a": {**KEY, "type": "RSA"}}}), Code.VAULT_DAMAGED, id="type"
        ),
        pytest.param(
            encode_json({**RING, "keys": {"a": {**KEY, "private": "AAAA"}}}), Code.VAULT_DAMAGED, id="length"
        ),
        pytest.param(
            encode_json({**RING, "keys": {"a": {**KEY, "created": "today"}}}), Code.FORMAT_INVALID, id="time"
        ),
    ],
)
def test_a_sealed_file_that_is_no_key_ring_is_refused(tmp_path: Path, body: bytes, code: Code) -> None:
    SealedFile.create(
        tmp_path / "home" / "keys.sealed",
        passphrase=PASSPHRASE,
        body=body,
        kdf=TEST_ONLY,
        mark_folder=tmp_path / "state",
    ).close()
    assert refusal_of(lambda: open_ring(tmp_path)).code is code
