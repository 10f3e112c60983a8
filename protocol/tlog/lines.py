"""What every text format of the log writes on a line: a decimal, or a hash in base64."""

import re

from protocol.codes import Code
from protocol.encoding.base64 import decode_base64, encode_base64
from protocol.errors import MalformedError
from protocol.tlog.merkle import HASH_BYTES

MAX_DECIMAL = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def parse_decimal(text: str, code: Code) -> int:
    """Read a whole number in its one spelling: ASCII digits, no sign, no leading zero, at most 2^63-1.

    Raises:
        MalformedError: anything else, with the caller's `code`.
    """
    if not _DECIMAL.fullmatch(text) or (number := int(text)) > MAX_DECIMAL:
        raise MalformedError(code, "not a decimal number")
    return number


def parse_hash(text: str, code: Code) -> bytes:
    """Read a hash of 32 bytes in standard base64.

    Raises:
        MalformedError: anything else, with the caller's `code`.
    """
    try:
        hash_ = decode_base64(text)
    except MalformedError as error:
        raise MalformedError(code, "a hash is not in base64") from error
    if len(hash_) != HASH_BYTES:
        raise MalformedError(code, "a hash has 32 bytes")
    return hash_


def encode_hashes(hashes: tuple[bytes, ...]) -> str:
    """One line of base64 for every hash."""
    return "".join(f"{encode_base64(hash_)}\n" for hash_ in hashes)
