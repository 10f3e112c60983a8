"""Standard base64 with padding, in its one canonical spelling, as the C2SP log formats use it."""

import binascii

from protocol.codes import Code
from protocol.errors import MalformedError


def encode_base64(data: bytes) -> str:
    """Spell `data` in standard base64, with padding."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read standard base64, refusing every spelling but the one `encode_base64` writes.

    Raises:
        MalformedError: another alphabet, missing padding, white space, or unused bits set.
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise MalformedError(Code.ENCODING_INVALID, "base64") from error
    if encode_base64(data) != text:
        raise MalformedError(Code.ENCODING_INVALID, "base64")
    return data
