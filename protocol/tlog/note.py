"""Signed notes: text with signature lines under it, and the keys they name (C2SP signed-note v1.0.0).

    <text, ending in a newline>

    — <key name> <base64 of a 4-byte key id and the signature>
    — …

A key is written as `<key name>+<key id in hex>+<base64 of the type byte and the public key>`, a vkey. The
name and the id together say which key signed and how; a line that names a key we do not know means nothing.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from protocol.codes import Code
from protocol.encoding.base64 import decode_base64, encode_base64
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey

MAX_NOTE_BYTES = 256 * 1024
MAX_SIGNATURES = 64
KEY_ID_BYTES = 4

_CONTROL_CHARACTER = re.compile(r"[\x00-\x09\x0b-\x1f]")
_VKEY_ID = re.compile(r"[0-9a-f]{8}")


class SignatureType(IntEnum):
    """What kind of signature a key makes. The byte is part of its id: one kind never passes for another."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key with the name it signs under. The name must not hold spaces, `+` or control characters.

    Raises:
        MalformedError: not a key name.
    """

    name: str
    signature_type: SignatureType
    public_key: Ed25519PublicKey

    def __post_init__(self) -> None:
        if not _is_key_name(self.name):
            raise MalformedError(Code.KEY_INVALID, "key name")

    @property
    def key_id(self) -> bytes:
        """Four bytes of a hash over name, type and key: to find the key by, not to trust it by."""
        preimage = f"{self.name}\n".encode() + bytes([self.signature_type]) + self.public_key.raw
        return hashlib.sha256(preimage).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, unverified."""

    key_name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedNote:
    """A note that could be read. Its text means nothing before a trusted key's signature was verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


def parse_note(source: str | bytes) -> UnverifiedNote:
    """Read a signed note. Not checked: any signature.

    Raises:
        MalformedError: not clean UTF-8, a control character, no or too many signature lines, or one of them
            not in its form.
    """
    # Lone surrogates in a str become bytes that are not UTF-8 and are refused with the rest.
    data = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, "note")
    note = decode_utf8(data)
    if _CONTROL_CHARACTER.search(note):
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "control character")
    # The text may hold blank lines itself; the signatures begin after the last one.
    text, blank_line, signatures = note.rpartition("\n\n")
    if not blank_line or not signatures.endswith("\n"):
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "text, blank line, signature lines")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedError(Code.SIZE_EXCEEDED, "signatures of a note")
    return UnverifiedNote(text + "\n", tuple(parse_signature_line(line) for line in lines))


def parse_signature_line(line: str) -> NoteSignature:
    """Read one signature line, without its newline.

    Raises:
        MalformedError: not `— name base64`, or no signature after the key id.
    """
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—" or not _is_key_name(name):
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "signature line")
    try:
        data = decode_base64(encoded)
    except MalformedError as error:
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "a signature is not in base64") from error
    if len(data) <= KEY_ID_BYTES:
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "a signature is too short")
    return NoteSignature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def encode_note(text: str, signatures: Iterable[NoteSignature]) -> str:
    """Write `text`, which must end in a newline, and its signature lines."""
    return f"{text}\n{''.join(encode_signature_line(signature) for signature in signatures)}"


def encode_signature_line(signature: NoteSignature) -> str:
    """Write one signature line, with its newline."""
    return f"— {signature.key_name} {encode_base64(signature.key_id + signature.signature)}\n"


def parse_vkey(text: str) -> NoteKey:
    """Read a vkey.

    Raises:
        MalformedError: another form, an id that does not fit, another signature type, or an improper key.
    """
    # Base64 may hold a plus, a name may not: split at the first two.
    parts = text.split("+", 2)
    if len(parts) != 3 or not _VKEY_ID.fullmatch(parts[1]):
        raise MalformedError(Code.KEY_INVALID, "a vkey is name+id+key")
    try:
        data = decode_base64(parts[2])
    except MalformedError as error:
        raise MalformedError(Code.KEY_INVALID, "the key of a vkey is not in base64") from error
    if data[:1] not in [bytes([signature_type]) for signature_type in SignatureType]:
        raise MalformedError(Code.KEY_INVALID, "signature type of a vkey")
    key = NoteKey(parts[0], SignatureType(data[0]), Ed25519PublicKey(data[1:]))
    if key.key_id.hex() != parts[1]:
        raise MalformedError(Code.KEY_INVALID, "id of a vkey")
    return key


def encode_vkey(key: NoteKey) -> str:
    """Write `key` as a vkey."""
    return f"{key.name}+{key.key_id.hex()}+{encode_base64(bytes([key.signature_type]) + key.public_key.raw)}"


def sign_note(text: str, *, name: str, key: Ed25519PrivateKey) -> NoteSignature:
    """Sign `text`, which must end in a newline, as `name` with a plain Ed25519 signature (type 0x01)."""
    note_key = NoteKey(name, SignatureType.ED25519, key.public_key)
    return NoteSignature(name, note_key.key_id, key.sign(text.encode()))


def verify_note_signature(text: str, signature: NoteSignature, key: NoteKey) -> None:
    """Check that `key` made `signature`, a plain Ed25519 signature (type 0x01) over `text`.

    Raises:
        VerificationError: the line names another key, the key is for another type, or it did not sign this.
    """
    expected = NoteKey(key.name, SignatureType.ED25519, key.public_key)
    verify_signature_bytes(text.encode(), signature.signature, named=signature, key=expected)


def verify_signed_by_log(note: UnverifiedNote, log: NoteKey) -> None:
    """Check that `log` signed `note`: it has a line of that key, and every line of that key is its signature.

    Raises:
        VerificationError: LOG_SIGNATURE_INVALID.
    """
    by_log = [line for line in note.signatures if (line.key_name, line.key_id) == (log.name, log.key_id)]
    if not by_log:
        raise VerificationError(Code.LOG_SIGNATURE_INVALID, "the log did not sign")
    for signature in by_log:
        verify_note_signature(note.text, signature, log)


def verify_signature_bytes(message: bytes, raw: bytes, *, named: NoteSignature, key: NoteKey) -> None:
    """Check that the line `named` names `key`, and that `raw` is the key's Ed25519 signature of `message`.

    Raises:
        VerificationError: another key, or not its signature.
    """
    if (named.key_name, named.key_id) != (key.name, key.key_id):
        raise VerificationError(Code.LOG_SIGNATURE_INVALID, "the signature names another key")
    try:
        key.public_key.verify(raw, message)
    except VerificationError as error:
        raise VerificationError(Code.LOG_SIGNATURE_INVALID, key.name) from error


def _is_key_name(name: str) -> bool:
    return bool(name) and not any(c == "+" or c < " " or c.isspace() for c in name)
