"""The records a ledger logs, and their canonical bytes, which are the leaves of its tree.

A record is one JSON object. A did:webvh log entry is taken as it is, with its proofs, so that the ledger
serves the very history any did:webvh resolver reads; it is the one record without a `type`. Every other kind
of record names itself in that member.
"""

from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from protocol.codes import Code
from protocol.did.webvh.entry import LogEntry, encode_entry, parse_entry
from protocol.did.webvh.identifier import WebvhId, parse_webvh
from protocol.encoding.jcs import check_readable
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import MalformedError
from protocol.index.subject import Subject, did_subject

MAX_RECORD_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class DidRecord:
    """An entry of a DID's history: which DID it is about, what it says, and its canonical bytes."""

    did: WebvhId
    entry: LogEntry
    leaf: bytes

    @property
    def subject(self) -> Subject:
        """What the index knows it by."""
        return did_subject(self.did.did)


class _State(msgspec.Struct):
    id: str


class _Entry(msgspec.Struct):
    state: _State


_LEAF = msgspec.json.Decoder(_Entry)

Record: TypeAlias = DidRecord
"""What a ledger can hold. A new kind of record joins this union, and `parse_record` by its `type`."""


def parse_record(source: bytes) -> Record:
    """Read a record in any JSON spelling. Not checked: that its author may write it (`ledger.admission`).

    Raises:
        MalformedError: ENTRY_TOO_LARGE beyond 16 KiB, as received or in canonical form; ENTRY_NOT_ADMITTED
            for a `type` this reader does not know; or not a proper entry of a did:webvh history, or one
            whose canonical form strict readers refuse.
    """
    if len(source) > MAX_RECORD_BYTES:
        raise MalformedError(Code.ENTRY_TOO_LARGE)
    if "type" in parse_json_object(source):
        raise MalformedError(Code.ENTRY_NOT_ADMITTED, "a record of an unknown type")
    entry = parse_entry(source)
    leaf = encode_entry(entry).encode()
    # The canonical form of a number can be longer than the one received: 1e20 has 21 digits.
    if len(leaf) > MAX_RECORD_BYTES:
        raise MalformedError(Code.ENTRY_TOO_LARGE, "in canonical form")
    check_readable(leaf)
    return DidRecord(parse_webvh(text_member(entry.state, "id")), entry, leaf)


def subject_of(leaf: bytes) -> Subject:
    """What the index knows the record `leaf` by, without reading more of it. It was admitted before.

    Raises:
        MalformedError: it is none.
    """
    try:
        return did_subject(_LEAF.decode(leaf).state.id)
    except msgspec.MsgspecError as error:
        raise MalformedError(Code.FORMAT_INVALID, "not a record") from error


def parse_leaf(leaf: bytes) -> Record:
    """Read a record as it stands in a log, where it must have its canonical bytes.

    Raises:
        MalformedError: not a record, or not in canonical form.
    """
    record = parse_record(leaf)
    if record.leaf != leaf:
        raise MalformedError(Code.FORMAT_INVALID, "a leaf is canonical JSON")
    return record
