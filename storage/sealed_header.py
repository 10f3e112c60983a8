"""The header of a sealed file: what stands in clear, and how the master key is had from it.

One random master key per file; every secret that opens the file wraps that key in a slot of its own. A new
passphrase therefore changes one slot. The other values of the header are part of what each slot
authenticates, so a slot opens nothing once they were altered.
"""

import hmac
import secrets
from dataclasses import dataclass, field, replace

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import integer_member, object_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError, RefusedError
from storage.passphrase import (
    KEY_BYTES,
    SALT_BYTES,
    KdfParameters,
    Passphrase,
    derive_key,
    require_acceptable_kdf,
)

VERSION = 1
SUITE = "argon2id/xchacha20-poly1305/hmac-sha256"
FILE_ID_BYTES = 16
MAX_HEADER_BYTES = 4096

_NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_WRAPPED_BYTES = KEY_BYTES + sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The random 32-byte key from which the other keys of one file are derived."""

    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """A random 32-byte secret that opens the file like the passphrase does."""

    raw: bytes = field(repr=False)


Secret = Passphrase | RecoveryKey | MasterKey
"""What opens a file: two that its header lets in, and the key itself for who has it from an open one."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A master key encrypted with XChaCha20-Poly1305: the 24-byte nonce, and 48 bytes with the tag."""

    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class PassphraseSlot:
    """The master key for whoever knows the passphrase."""

    kdf: KdfParameters
    salt: bytes
    wrapped: WrappedKey


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in clear: which file this is, and how its master key is had, by one slot at least."""

    file_id: bytes
    passphrase_slot: PassphraseSlot | None
    recovery_slot: WrappedKey | None


def create_passphrase_slot(
    master_key: MasterKey, *, file_id: bytes, passphrase: Passphrase, kdf: KdfParameters
) -> PassphraseSlot:
    """Wrap `master_key` under `passphrase`.

    Raises:
        RefusedError: `kdf` is beyond the ceiling, or the passphrase is empty or too long.
        UnavailableError: this machine does not have the memory.
    """
    require_acceptable_kdf(kdf, weakest_kdf=kdf)
    salt = secrets.token_bytes(SALT_BYTES)
    associated = _passphrase_associated(file_id, kdf, salt)
    return PassphraseSlot(
        kdf, salt, _wrap(master_key, associated, derive_key(passphrase, salt=salt, kdf=kdf))
    )


def create_master_key() -> MasterKey:
    """A fresh master key."""
    return MasterKey(secrets.token_bytes(KEY_BYTES))


def create_header(
    master_key: MasterKey,
    *,
    file_id: bytes,
    passphrase: Passphrase,
    kdf: KdfParameters,
    recovery_key: RecoveryKey | None,
) -> Header:
    """A header with fresh slots for the secrets given.

    Raises:
        RefusedError, UnavailableError: as `create_passphrase_slot`.
    """
    passphrase_slot = create_passphrase_slot(master_key, file_id=file_id, passphrase=passphrase, kdf=kdf)
    if recovery_key is None:
        return Header(file_id, passphrase_slot, None)
    return replace(
        create_recovery_header(master_key, file_id=file_id, recovery_key=recovery_key),
        passphrase_slot=passphrase_slot,
    )


def create_recovery_header(master_key: MasterKey, *, file_id: bytes, recovery_key: RecoveryKey) -> Header:
    """A header with a fresh slot for the recovery key, which no passphrase opens."""
    wrapping_key = expand_key(recovery_key.raw, b"recovery", file_id)
    return Header(file_id, None, _wrap(master_key, _recovery_associated(file_id), wrapping_key))


def open_slot(header: Header, secret: Secret, *, weakest_kdf: KdfParameters) -> MasterKey:
    """The master key of the file. Not checked here: the rest of the header, and whether a master key is the
    one of this file; `open_content` does that.

    Raises:
        RefusedError: `secret` does not open it; or a passphrase costs less to try than `weakest_kdf`, or
            more than the ceiling.
        UnavailableError: this machine does not have the memory.
    """
    match secret:
        case MasterKey():
            return secret
        case RecoveryKey():
            return _open_recovery_slot(header, secret)
        case Passphrase():
            return _open_passphrase_slot(header, secret, weakest_kdf)


def encode_header(header: Header) -> bytes:
    """The header in its one spelling: canonical JSON (RFC 8785)."""
    return canonicalize(_header_members(header))


def parse_header(encoded: bytes) -> Header:
    """Read a header.

    Raises:
        MalformedError: another version or suite (`vault_version`), or not what `encode_header` writes.
    """
    try:
        header = _parse_members(encoded)
    except MalformedError as error:
        if error.code is Code.VAULT_VERSION:
            raise
        raise MalformedError(Code.VAULT_DAMAGED, f"its header: {error.code} {error.detail}") from error
    # One spelling only, so nothing that is not understood here can hide in a header.
    if encode_header(header) != encoded:
        raise MalformedError(Code.VAULT_DAMAGED, "its header is not in the one spelling")
    return header


def expand_key(key: bytes, purpose: bytes, file_id: bytes) -> bytes:
    """A 32-byte key for one purpose and one file, by HKDF-Expand (RFC 5869 §2.3) from a random `key`."""
    return hmac.digest(key, b"tallystick sealed v1 " + purpose + b" " + file_id + b"\x01", "sha256")


def _open_passphrase_slot(header: Header, passphrase: Passphrase, weakest_kdf: KdfParameters) -> MasterKey:
    slot = header.passphrase_slot
    if slot is None:
        raise RefusedError(Code.PASSPHRASE_WRONG, "this file opens with the recovery words only")
    require_acceptable_kdf(slot.kdf, weakest_kdf=weakest_kdf)
    associated = _passphrase_associated(header.file_id, slot.kdf, slot.salt)
    try:
        return _unwrap(slot.wrapped, associated, derive_key(passphrase, salt=slot.salt, kdf=slot.kdf))
    except CryptoError:
        # From None here and below: the frames of the failed call hold keys.
        raise RefusedError(Code.PASSPHRASE_WRONG) from None


def _open_recovery_slot(header: Header, recovery_key: RecoveryKey) -> MasterKey:
    if header.recovery_slot is None:
        raise RefusedError(Code.RECOVERY_PHRASE_INVALID, "this file was made without one")
    try:
        return _unwrap(
            header.recovery_slot,
            _recovery_associated(header.file_id),
            expand_key(recovery_key.raw, b"recovery", header.file_id),
        )
    except CryptoError:
        raise RefusedError(Code.RECOVERY_PHRASE_INVALID, "they belong to another file") from None


def _wrap(master_key: MasterKey, associated: bytes, wrapping_key: bytes) -> WrappedKey:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return WrappedKey(
        nonce,
        sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(master_key.raw, associated, nonce, wrapping_key),
    )


def _unwrap(wrapped: WrappedKey, associated: bytes, wrapping_key: bytes) -> MasterKey:
    return MasterKey(
        sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            wrapped.ciphertext, associated, wrapped.nonce, wrapping_key
        )
    )


def _passphrase_associated(file_id: bytes, kdf: KdfParameters, salt: bytes) -> bytes:
    return canonicalize({"passphrase": _encode_kdf(kdf, salt), **_identity(file_id)})


def _recovery_associated(file_id: bytes) -> bytes:
    return canonicalize({"recovery": {}, **_identity(file_id)})


def _identity(file_id: bytes) -> JsonObject:
    return {"file_id": encode_base64url(file_id), "suite": SUITE, "version": VERSION}


def _encode_kdf(kdf: KdfParameters, salt: bytes) -> JsonObject:
    return {"memory_kib": kdf.memory_kib, "passes": kdf.passes, "salt": encode_base64url(salt)}


def _encode_wrapped(wrapped: WrappedKey) -> JsonObject:
    return {"nonce": encode_base64url(wrapped.nonce), "wrapped_key": encode_base64url(wrapped.ciphertext)}


def _header_members(header: Header) -> JsonObject:
    members = _identity(header.file_id)
    if (slot := header.passphrase_slot) is not None:
        members["passphrase"] = {**_encode_kdf(slot.kdf, slot.salt), **_encode_wrapped(slot.wrapped)}
    if header.recovery_slot is not None:
        members["recovery"] = _encode_wrapped(header.recovery_slot)
    return members


def _parse_members(encoded: bytes) -> Header:
    source = parse_json_object(encoded)
    if integer_member(source, "version") != VERSION or text_member(source, "suite") != SUITE:
        raise MalformedError(Code.VAULT_VERSION)
    if "passphrase" not in source and "recovery" not in source:
        raise MalformedError(Code.MEMBER_MISSING, "passphrase or recovery")
    return Header(
        _bytes_member(source, "file_id", FILE_ID_BYTES),
        _parse_passphrase_slot(object_member(source, "passphrase")) if "passphrase" in source else None,
        _parse_wrapped(object_member(source, "recovery")) if "recovery" in source else None,
    )


def _parse_passphrase_slot(source: JsonObject) -> PassphraseSlot:
    return PassphraseSlot(
        KdfParameters(integer_member(source, "memory_kib"), integer_member(source, "passes")),
        _bytes_member(source, "salt", SALT_BYTES),
        _parse_wrapped(source),
    )


def _parse_wrapped(source: JsonObject) -> WrappedKey:
    return WrappedKey(
        _bytes_member(source, "nonce", _NONCE_BYTES), _bytes_member(source, "wrapped_key", _WRAPPED_BYTES)
    )


def _bytes_member(source: JsonObject, name: str, size: int) -> bytes:
    data = decode_base64url(text_member(source, name))
    if len(data) != size:
        raise MalformedError(Code.MEMBER_INVALID, f"{name} has {size} bytes")
    return data
