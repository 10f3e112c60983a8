"""A seal on single records of a register: unreadable to whoever has the register, or a copy of it, alone."""

import hashlib

import nacl.bindings
import nacl.exceptions

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import UnavailableError
from storage.register import Entropy

_MARK_LABEL = b"tallystick: whose register this is"
_NONCE_BYTES = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


def seal_mark(key: bytes) -> bytes:
    """What stands in a register for the institution whose records `key` seals: 32 bytes, its SHA-256."""
    return hashlib.sha256(_MARK_LABEL + key).digest()


class Seal:
    """Seals documents with XChaCha20-Poly1305, each bound to the id of the record it belongs to.

    Args:
        key: 32 bytes from the key ring.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, document: JsonObject, *, record_id: str, entropy: Entropy) -> bytes:
        """`document` as a nonce of 24 bytes and the ciphertext."""
        nonce = entropy(_NONCE_BYTES)
        return nonce + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            encode_json(document), record_id.encode("ascii"), nonce, self._key
        )

    def open(self, sealed: bytes, *, record_id: str) -> JsonObject:
        """The document that was sealed for this record.

        Raises:
            UnavailableError: altered, of another record, or sealed with another key.
        """
        try:
            document = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[_NONCE_BYTES:], record_id.encode("ascii"), sealed[:_NONCE_BYTES], self._key
            )
        except nacl.exceptions.CryptoError as error:
            raise UnavailableError(Code.DATABASE_DAMAGED, "a sealed record does not open") from error
        return parse_json_object(document)
