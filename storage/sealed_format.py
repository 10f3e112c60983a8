r"""The sealed file as bytes: what stands where, and how it is checked. See docs/formats/sealed-file.md.

    "tallystick sealed\n" | u32 length | header, JSON | SHA-256 | HMAC-SHA256 | stream header | chunks

The hash tells a flipped bit from a wrong passphrase before any key is known. The HMAC, keyed from the master
key, binds the header and commits to the key. The chunks are a libsodium secretstream in which every chunk
names the file and that HMAC, so that no part can be joined to a part of another file or of another time.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from io import BytesIO

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from storage.sealed_header import (
    MAX_HEADER_BYTES,
    Header,
    MasterKey,
    encode_header,
    expand_key,
    parse_header,
)

MAGIC = b"tallystick sealed\n"
MAX_BODY_BYTES = 64 << 20
MAX_FILE_BYTES = 80 << 20

_DIGEST_BYTES = 32
_STREAM_HEADER_BYTES = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_CHUNK_BYTES = 64 << 10
_SEALED_CHUNK_BYTES = _CHUNK_BYTES + sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_TAG_MESSAGE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_TAG_FINAL = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_LENGTH = struct.Struct(">I")
_FRAME = struct.Struct(">Q32sQ")  # generation, mark key, length of the body
_SMALLEST_FRAME = 4096


@dataclass(frozen=True, slots=True)
class SealedParts:
    """A sealed file taken apart; nothing of it is authenticated before `open_content` returned.

    `stream_header` is random and new with every save, and so identifies it.
    """

    header: Header
    covered: bytes
    header_mac: bytes
    stream_header: bytes
    chunks: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What is inside.

    Attributes:
        generation: 1 for a new file, and one more with every save.
        mark_key: 32 random bytes, the same for the life of the file even when the master key is renewed; the
            mark that is kept outside the file is authenticated with it.
        body: The caller's bytes.
    """

    generation: int
    mark_key: bytes = field(repr=False)
    body: bytes = field(repr=False)


def seal(header: Header, master_key: MasterKey, content: Content) -> bytes:
    """The sealed file; two calls never give the same bytes.

    Raises:
        ValueError: the body is longer than `MAX_BODY_BYTES`.
    """
    if len(content.body) > MAX_BODY_BYTES:
        raise ValueError(f"a sealed body has at most {MAX_BODY_BYTES} bytes")
    encoded = encode_header(header)
    covered = MAGIC + _LENGTH.pack(len(encoded)) + encoded
    header_mac = _header_mac(covered, header, master_key)
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    stream_key = expand_key(master_key.raw, b"body", header.file_id)
    stream_header = sodium.crypto_secretstream_xchacha20poly1305_init_push(state, stream_key)
    fields = _FRAME.pack(content.generation, content.mark_key, len(content.body))
    length = len(fields) + len(content.body)
    frame = b"".join((fields, content.body, bytes(padded_length(length) - length)))
    sealed = BytesIO()
    for part in (covered, hashlib.sha256(covered).digest(), header_mac, stream_header):
        sealed.write(part)
    for start in range(0, len(frame), _CHUNK_BYTES):
        chunk = frame[start : start + _CHUNK_BYTES]
        tag = _TAG_FINAL if start + _CHUNK_BYTES >= len(frame) else _TAG_MESSAGE
        associated = header.file_id + header_mac
        sealed.write(sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, associated, tag))
    return sealed.getvalue()


def parse_sealed(data: bytes) -> SealedParts:
    """Take a sealed file apart.

    Raises:
        MalformedError: not a sealed file, damaged, or of a version unknown here.
    """
    start = len(MAGIC) + _LENGTH.size
    if len(data) < start or not data.startswith(MAGIC):
        raise MalformedError(Code.VAULT_DAMAGED, "not a sealed file")
    (length,) = _LENGTH.unpack_from(data, len(MAGIC))
    if length > MAX_HEADER_BYTES:
        raise MalformedError(Code.VAULT_DAMAGED, "its header is too long")
    reader = BytesIO(data)
    covered = reader.read(start + length)
    digest = reader.read(_DIGEST_BYTES)
    header_mac = reader.read(_DIGEST_BYTES)
    stream_header = reader.read(_STREAM_HEADER_BYTES)
    if not hmac.compare_digest(hashlib.sha256(covered).digest(), digest):
        raise MalformedError(Code.VAULT_DAMAGED, "its header is not what was written")
    if len(stream_header) != _STREAM_HEADER_BYTES:
        raise MalformedError(Code.VAULT_DAMAGED, "it is cut short")
    return SealedParts(parse_header(covered[start:]), covered, header_mac, stream_header, reader.read())


def require_whole(parts: SealedParts) -> None:
    """Check, without any key, that there is as much of the file as some body would have made of it.

    Raises:
        MalformedError: cut short, or something was added; not always, there are bodies of many lengths.
    """
    chunks = -(-len(parts.chunks) // _SEALED_CHUNK_BYTES)
    length = len(parts.chunks) - chunks * sodium.crypto_secretstream_xchacha20poly1305_ABYTES
    if length != padded_length(length):
        raise MalformedError(Code.VAULT_DAMAGED, "it is cut short, or something was added")


def open_content(parts: SealedParts, master_key: MasterKey) -> Content:
    """Check every byte of the file and give back what is inside.

    Raises:
        VerificationError: something in it was altered, added, left out or joined from elsewhere.
    """
    if not hmac.compare_digest(_header_mac(parts.covered, parts.header, master_key), parts.header_mac):
        raise VerificationError(Code.VAULT_DAMAGED, "its header was altered")
    associated = parts.header.file_id + parts.header_mac
    state = _reading_state(parts, master_key)
    frame, tag = BytesIO(), _TAG_MESSAGE
    for start in range(0, len(parts.chunks), _SEALED_CHUNK_BYTES):
        if tag == _TAG_FINAL:
            raise VerificationError(Code.VAULT_DAMAGED, "something was added at its end")
        tag = _read_chunk(state, parts.chunks[start : start + _SEALED_CHUNK_BYTES], associated, frame)
    if tag != _TAG_FINAL:
        raise VerificationError(Code.VAULT_DAMAGED, "it is cut short")
    return _parse_frame(frame.getvalue())


def padded_length(length: int) -> int:
    """`length` rounded up so that it tells little: to 4 KiB, above that by at most a sixteenth (Padmé)."""
    if length <= _SMALLEST_FRAME:
        return _SMALLEST_FRAME
    exponent = length.bit_length() - 1
    grain = 1 << (exponent - exponent.bit_length())
    return -(-length // grain) * grain


def _parse_frame(frame: bytes) -> Content:
    # Only a faulty writer that knows the key can get here with a wrong frame; one spelling all the same.
    if len(frame) < _SMALLEST_FRAME:
        raise VerificationError(Code.VAULT_DAMAGED, "its content is too short")
    generation, mark_key, length = _FRAME.unpack_from(frame)
    end = _FRAME.size + length
    if len(frame) != padded_length(end) or frame[end:].strip(b"\0"):
        raise VerificationError(Code.VAULT_DAMAGED, "its padding is wrong")
    return Content(generation, mark_key, frame[_FRAME.size : end])


def _reading_state(
    parts: SealedParts, master_key: MasterKey
) -> sodium.crypto_secretstream_xchacha20poly1305_state:
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    stream_key = expand_key(master_key.raw, b"body", parts.header.file_id)
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, parts.stream_header, stream_key)
    return state


def _read_chunk(
    state: sodium.crypto_secretstream_xchacha20poly1305_state,
    sealed: bytes,
    associated: bytes,
    frame: BytesIO,
) -> int:
    try:
        chunk, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, associated)
    except CryptoError:
        raise VerificationError(Code.VAULT_DAMAGED, "its content was altered") from None
    frame.write(chunk)
    return tag


def _header_mac(covered: bytes, header: Header, master_key: MasterKey) -> bytes:
    return hmac.digest(expand_key(master_key.raw, b"header", header.file_id), covered, "sha256")
