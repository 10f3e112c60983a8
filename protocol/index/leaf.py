"""The entry of the index log: what a log and its map were, over so many entries.

tallystick/index@v1
<origin of the log>
<size of the log, decimal>
<the time, in seconds since 1970, decimal>
<root of the log over so many entries, base64>
<root of the map over so many entries, base64>
"""

import re
from dataclasses import dataclass
from datetime import datetime

from protocol.codes import Code
from protocol.encoding.base64 import encode_base64
from protocol.encoding.strict_json import decode_utf8
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import MalformedError
from protocol.index.map_proof import EMPTY_MAP_ROOT
from protocol.tlog.lines import parse_decimal, parse_hash
from protocol.tlog.merkle import EMPTY_ROOT

MAX_INDEX_ENTRY_BYTES = 2048

_HEADER = "tallystick/index@v1"
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What one entry of the index log states.

    Attributes:
        origin: The name of the log (not of the index log).
        tree_size: How many entries of the log it speaks of.
        time: When they were so many, in whole seconds: the time of each of those entries that no entry of the
            index log before this one speaks of.
        root_hash: The root of the log over them, 32 bytes.
        map_root: The root of the map over them, 32 bytes.
    """

    origin: str
    tree_size: int
    time: datetime
    root_hash: bytes
    map_root: bytes


def index_origin(origin: str) -> str:
    """The name of the index log that belongs to the log `origin`."""
    return f"{origin}/index"


def encode_index_entry(entry: IndexEntry) -> bytes:
    """Write `entry` as the index log holds it."""
    roots = (encode_base64(entry.root_hash), encode_base64(entry.map_root))
    lines = (_HEADER, entry.origin, entry.tree_size, to_seconds(entry.time), *roots)
    return "".join(f"{line}\n" for line in lines).encode()


def parse_index_entry(source: bytes) -> IndexEntry:
    """Read an entry of the index log. Not checked: that the log and the map are like that.

    Raises:
        MalformedError: not in the form above, longer than 2,048 bytes, or a root of nothing that is not the
            one there is.
    """
    if len(source) > MAX_INDEX_ENTRY_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, "entry of the index log")
    lines = decode_utf8(source).split("\n")
    if len(lines) != 7 or lines[0] != _HEADER or lines[6]:
        raise _malformed("name of the format, origin, size, time and two roots, each on its line")
    _, origin, size, seconds, *roots, _ = lines
    if not origin or _CONTROL_CHARACTER.search(origin):
        raise _malformed("origin")
    tree_size = parse_decimal(size, Code.INDEX_ENTRY_INVALID)
    try:
        time = from_seconds(parse_decimal(seconds, Code.INDEX_ENTRY_INVALID))
    except MalformedError as error:
        raise _malformed("time") from error
    root_hash, map_root = (parse_hash(root, Code.INDEX_ENTRY_INVALID) for root in roots)
    if tree_size == 0 and (root_hash, map_root) != (EMPTY_ROOT, EMPTY_MAP_ROOT):
        raise _malformed("roots of an empty log")
    return IndexEntry(origin, tree_size, time, root_hash, map_root)


def _malformed(detail: str) -> MalformedError:
    return MalformedError(Code.INDEX_ENTRY_INVALID, detail)
