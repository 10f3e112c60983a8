"""Base58 with the Bitcoin alphabet, and the multibase prefix `z` in front of it."""

import re

import base58

from protocol.codes import Code
from protocol.errors import MalformedError

# Decoding is quadratic in the length; the longest honest value here is a multikey of 48 characters.
_MAX_CHARACTERS = 128
_DIGITS = re.compile(r"[1-9A-HJ-NP-Za-km-z]*")
_ALPHABET = base58.BITCOIN_ALPHABET.decode("ascii")
_ZERO = _ALPHABET[0]
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def encode_base58btc(data: bytes) -> str:
    """Spell `data` in base58btc, without a multibase prefix."""
    # Two digits at a time: three times as fast as the library, and a DID log is full of hashes.
    number = int.from_bytes(data)
    pairs: list[str] = []
    while number:
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    leading_zeros = len(data) - len(data.lstrip(b"\0"))
    return _ZERO * leading_zeros + "".join(reversed(pairs)).lstrip(_ZERO)


def decode_base58btc(text: str) -> bytes:
    """Read base58btc without a multibase prefix.

    Raises:
        MalformedError: a character outside the alphabet, or more than 128 of them.
    """
    if len(text) > _MAX_CHARACTERS:
        raise MalformedError(Code.SIZE_EXCEEDED, "base58btc")
    # The library passes over white space; every text of the alphabet alone is the one spelling of its bytes.
    if not _DIGITS.fullmatch(text):
        raise MalformedError(Code.ENCODING_INVALID, "base58btc")
    number = base58.b58decode_int(text)
    leading_zeros = len(text) - len(text.lstrip(_ZERO))
    return bytes(leading_zeros) + number.to_bytes((number.bit_length() + 7) // 8)


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
