"""The private keys of an institution under their purposes, in one sealed file.

{"format": "tallystick-key-ring", "version": 1, "keys": {
  "assertion": {"type": "Ed25519", "created": "2026-11-22T10:00:00Z", "private": "<base64url, 32 bytes>"}, …}}
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.members import integer_member, object_member, text_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.encoding.time import encode_utc, parse_utc
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from storage.passphrase import WEAKEST_ACCEPTED, KdfParameters, Passphrase
from storage.sealed_file import SealedFile

_FORMAT = "tallystick-key-ring"
_VERSION = 1
_PRIVATE_BYTES = 32
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class KeyType(StrEnum):
    """What the 32 private bytes are: a seed, a scalar, or a key for encrypting."""

    ED25519 = "Ed25519"
    P256 = "P-256"
    SYMMETRIC = "symmetric"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One private key; `created` is in whole seconds."""

    type: KeyType
    private: bytes = field(repr=False)
    created: datetime

    def signing_key(self) -> Ed25519PrivateKey | P256PrivateKey:
        """The key that signs.

        Raises:
            ValueError: it is one for encrypting.
        """
        match self.type:
            case KeyType.ED25519:
                return Ed25519PrivateKey(self.private)
            case KeyType.P256:
                return P256PrivateKey(self.private)
            case KeyType.SYMMETRIC:
                raise ValueError("a symmetric key does not sign")


def create_key(key_type: KeyType, *, now: datetime) -> StoredKey:
    """A fresh key, created `now`."""
    private = secrets.token_bytes(_PRIVATE_BYTES)
    if key_type is KeyType.P256:
        private = (1 + secrets.randbelow(_P256_ORDER - 1)).to_bytes(_PRIVATE_BYTES)
    return StoredKey(key_type, private, now.replace(microsecond=0))


class KeyRing:
    """An open ring of keys. Give it back with `close` or a `with` statement.

    Attributes:
        file: The sealed file beneath, for its passphrase, its lock and what is known of its age.
    """

    def __init__(self, file: SealedFile) -> None:
        """Use `create` or `open`."""
        self.file = file

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        passphrase: Passphrase,
        keys: Mapping[str, StoredKey],
        kdf: KdfParameters,
        mark_folder: Path,
    ) -> "KeyRing":
        """Make the ring with `keys`, by the rules of `SealedFile.create`."""
        body = _encode_keys(keys)
        return cls(
            SealedFile.create(path, passphrase=passphrase, body=body, kdf=kdf, mark_folder=mark_folder)
        )

    @classmethod
    def open(
        cls,
        path: Path,
        passphrase: Passphrase,
        *,
        mark_folder: Path,
        weakest_kdf: KdfParameters = WEAKEST_ACCEPTED,
        accept_rollback: bool = False,
    ) -> "KeyRing":
        """Open the ring, by the rules of `SealedFile.open`."""
        ring = cls(
            SealedFile.open(
                path,
                passphrase,
                mark_folder=mark_folder,
                weakest_kdf=weakest_kdf,
                accept_rollback=accept_rollback,
            )
        )
        try:
            _parse_keys(ring.file.body)
        except MalformedError:
            ring.close()
            raise
        return ring

    def __enter__(self) -> "KeyRing":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the keys."""
        self.file.close()

    @property
    def keys(self) -> Mapping[str, StoredKey]:
        """The keys under their purposes."""
        return MappingProxyType(_parse_keys(self.file.body))

    def save(self, keys: Mapping[str, StoredKey]) -> None:
        """Replace all keys at once, by the rules of `SealedFile.save`.

        A rotation that takes a prepared key into use and prepares the next is one call:
        `ring.save({**ring.keys, "update": ring.keys["next"], "next": create_key(…)})`.
        """
        self.file.save(_encode_keys(keys))


def _encode_keys(keys: Mapping[str, StoredKey]) -> bytes:
    members: JsonObject = {
        purpose: {
            "type": key.type.value,
            "created": encode_utc(key.created),
            "private": encode_base64url(key.private),
        }
        for purpose, key in keys.items()
    }
    return encode_json({"format": _FORMAT, "version": _VERSION, "keys": members})


def _parse_keys(body: bytes) -> dict[str, StoredKey]:
    source = parse_json_object(body)
    if text_member(source, "format") != _FORMAT:
        raise MalformedError(Code.VAULT_DAMAGED, "it holds something other than keys")
    if integer_member(source, "version") != _VERSION:
        raise MalformedError(Code.VAULT_VERSION)
    keys = object_member(source, "keys")
    return {purpose: _parse_key(object_member(keys, purpose)) for purpose in keys}


def _parse_key(source: JsonObject) -> StoredKey:
    private = decode_base64url(text_member(source, "private"))
    key_type = text_member(source, "type")
    if key_type not in tuple(KeyType) or len(private) != _PRIVATE_BYTES:
        raise MalformedError(Code.VAULT_DAMAGED, "a key is none")
    return StoredKey(KeyType(key_type), private, parse_utc(text_member(source, "created")))
