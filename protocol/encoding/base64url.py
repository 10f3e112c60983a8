"""Base64url without padding, in its one canonical spelling (RFC 4648 §5, RFC 7515 §2)."""

import binascii

from protocol.codes import Code
from protocol.errors import MalformedError

_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/\x00\x00\x00")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", None, b"==", b"=")
# The last character of a partial quantum carries 4 or 2 unused bits. RFC 4648 §3.5 lets a reader ignore
# them; we refuse, or one signature would have several spellings and each digest several pre-images.
_LAST_CHARACTERS = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}


def encode_base64url(data: bytes) -> str:
    """Spell `data` in base64url, without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Read base64url, refusing every spelling but the one `encode_base64url` writes.

    Raises:
        MalformedError: another alphabet, padding, white space, an impossible length, or unused bits set.
    """
    remainder = len(text) % 4
    padding = _PADDING[remainder]
    if padding is None or (remainder and text[-1] not in _LAST_CHARACTERS[remainder]):
        raise MalformedError(Code.ENCODING_INVALID, "base64url")
    try:
        standard = text.encode("ascii").translate(_TO_STANDARD)
        return binascii.a2b_base64(standard + padding, strict_mode=True)
    except ValueError as error:
        raise MalformedError(Code.ENCODING_INVALID, "base64url") from error
