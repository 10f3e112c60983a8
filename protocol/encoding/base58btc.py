"""Base58 with the Bitcoin alphabet, and the multibase prefix `z` in front of it."""

import re

import base58

from protocol.codes import Code
from protocol.errors import MalformedError

# Decoding is quadratic in the length; the longest honest value here is a multikey of 48 characters.
_MAX_CHARACTERS = 128
_DIGITS = re.compile(r"[1-9A-HJ-NP-Za-km-z]*")


def encode_base58btc(data: bytes) -> str:
    """Spell `data` in base58btc, without a multibase prefix."""
    return base58.b58encode(data).decode("ascii")


def decode_base58btc(text: str) -> bytes:
    """Read base58btc without a multibase prefix.

    Raises:
        MalformedError: a character outside the alphabet, or more than 128 of them.
    """
    if len(text) > _MAX_CHARACTERS:
        raise MalformedError(Code.SIZE_EXCEEDED, "base58btc")
    # The library strips white space; every text of the alphabet alone is the one spelling of its bytes.
    if not _DIGITS.fullmatch(text):
        raise MalformedError(Code.ENCODING_INVALID, "base58btc")
    return base58.b58decode(text)


def encode_multibase(data: bytes) -> str:
    """Spell `data` as multibase base58btc: `z` and the digits."""
    return "z" + encode_base58btc(data)


def decode_multibase(text: str) -> bytes:
    """Read multibase text; base58btc (`z`) is the only base accepted.

    Raises:
        MalformedError: another base, or not base58btc.
    """
    if not text.startswith("z"):
        raise MalformedError(Code.ENCODING_INVALID, "multibase base58btc starts with z")
    return decode_base58btc(text[1:])
