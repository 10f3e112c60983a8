"""Sealed files taken apart and put together again, the way somebody without the key can."""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from storage.sealed_format import MAGIC


@dataclass(frozen=True)
class Pieces:
    """The parts of a sealed file in their order, without the hash, which follows from the header."""

    header: bytes
    header_mac: bytes
    stream: bytes

    def join(self) -> bytes:
        covered = MAGIC + struct.pack(">I", len(self.header)) + self.header
        return covered + hashlib.sha256(covered).digest() + self.header_mac + self.stream


def take_apart(data: bytes) -> Pieces:
    start = len(MAGIC) + 4
    (length,) = struct.unpack_from(">I", data, len(MAGIC))
    rest = data[start + length + 32 :]
    return Pieces(data[start : start + length], rest[:32], rest[32:])


def with_header(data: bytes, change: Callable[[JsonObject], None]) -> bytes:
    """The file with its header changed and the hash made to fit."""
    pieces = take_apart(data)
    header = parse_json_object(pieces.header)
    change(header)
    return Pieces(canonicalize(header), pieces.header_mac, pieces.stream).join()


def setting(member: str, value: JsonValue) -> Callable[[JsonObject], None]:
    """Set a member of the header; `a.b` is the member b of a."""

    def change(header: JsonObject) -> None:
        target, name = header, member
        if "." in member:
            outer, name = member.split(".")
            inner = header[outer]
            assert isinstance(inner, dict)
            target = inner
        target[name] = value

    return change


def without(member: str) -> Callable[[JsonObject], None]:
    """Remove a member of the header."""

    def change(header: JsonObject) -> None:
        setting(member, None)(header)
        outer, _, name = member.rpartition(".")
        inner = header[outer] if outer else header
        assert isinstance(inner, dict)
        del inner[name]

    return change
