"""The array of statuses and its compressed spelling (draft-ietf-oauth-status-list-20 §4).

8 / bits statuses share a byte, the first in the lowest bits:

    value    1 0 1 1 1 0 0 1            bits = 1; the byte is 0xB9
    index    7 6 5 4 3 2 1 0

    value    3    0    2    1           bits = 2; the byte is 0xC9
    index    3    2    1    0
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, VerificationError

MAX_LIST_CHARACTERS = -(-(16 << 20) * 4 // 3)  # 16 MiB, compressed, in base64url
MAX_INFLATED_BYTES = 64 << 20

_BITS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class StatusList:
    """A status for each index; `bits` (1, 2, 4 or 8) bounds the values, `data` packs them low bits first.

    Raises:
        ValueError: another number of bits.
    """

    bits: int
    data: bytes

    def __post_init__(self) -> None:
        if self.bits not in _BITS:
            raise ValueError("a status has 1, 2, 4 or 8 bits")

    @classmethod
    def all_valid(cls, bits: int, size: int) -> "StatusList":
        """A list of at least `size` credentials, rounded up to whole bytes, all of them valid."""
        return cls(bits, bytes((size * bits + 7) // 8))

    @property
    def size(self) -> int:
        """How many statuses the list holds."""
        return len(self.data) * 8 // self.bits

    def get(self, index: int) -> int:
        """The value at `index`, not interpreted.

        Raises:
            VerificationError: the list has no such index.
        """
        if not 0 <= index < self.size:
            raise VerificationError(Code.STATUS_INDEX_OUT_OF_RANGE)
        byte, shift = divmod(index * self.bits, 8)
        return self.data[byte] >> shift & ((1 << self.bits) - 1)

    def with_statuses(self, statuses: Mapping[int, int]) -> "StatusList":
        """A copy in which each index of `statuses` has the value given.

        Raises:
            ValueError: an index outside the list, or a value that does not fit its bits.
        """
        mask = (1 << self.bits) - 1
        data = bytearray(self.data)
        for index, value in statuses.items():
            if not 0 <= index < self.size or not 0 <= value <= mask:
                raise ValueError("status index or value out of range")
            byte, shift = divmod(index * self.bits, 8)
            data[byte] = data[byte] & ~(mask << shift) | value << shift
        return StatusList(self.bits, bytes(data))


def encode_status_list(status_list: StatusList) -> JsonObject:
    """The `status_list` member of the token (§4.2)."""
    compressed = zlib.compress(status_list.data, level=9)
    return {"bits": status_list.bits, "lst": encode_base64url(compressed)}


def parse_status_list(source: Mapping[str, JsonValue]) -> StatusList:
    """Read the `status_list` member of a token, inflating at most 64 MiB.

    Raises:
        MalformedError: a member is missing or of another type, or the array is not exactly one whole
            ZLIB stream within the bounds.
    """
    bits = source.get("bits")
    if type(bits) is not int or bits not in _BITS:
        raise MalformedError(Code.STATUS_LIST_MALFORMED, "bits")
    compressed = decode_base64url(text_member(source, "lst", max_characters=MAX_LIST_CHARACTERS))
    return StatusList(bits, _inflate(compressed))


def _inflate(compressed: bytes) -> bytes:
    # A bomb of 256 KiB inflates to 256 MiB; and Python's inflater takes a stream that ends too early, or has
    # something behind it, without a word.
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(compressed, MAX_INFLATED_BYTES + 1)
    except zlib.error as error:
        raise MalformedError(Code.STATUS_LIST_MALFORMED, "not a ZLIB stream") from error
    if len(data) > MAX_INFLATED_BYTES:
        raise MalformedError(Code.STATUS_LIST_MALFORMED, "inflates to more than 64 MiB")
    if not inflater.eof or inflater.unused_data or inflater.unconsumed_tail:
        raise MalformedError(Code.STATUS_LIST_MALFORMED, "not exactly one whole ZLIB stream")
    return data
