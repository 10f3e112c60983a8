"""The records a ledger logs, and their canonical bytes, which are the leaves of its tree.

A record is one JSON object. A did:webvh log entry is the one without a `type`; every other kind names itself
in that member (docs/formats/ledger-records.md).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec

from protocol.codes import Code
from protocol.encoding.jcs import canonicalize, check_readable
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError
from protocol.index.subject import Subject, did_subject
from protocol.records import accreditation, key_compromise, timestamp, type_metadata
from protocol.records.accreditation import AccreditationRecord, WithdrawalRecord
from protocol.records.did import DidRecord, parse_did_record
from protocol.records.key_compromise import KeyCompromisedRecord
from protocol.records.timestamp import TimestampRecord
from protocol.records.type_metadata import TypeMetadataRecord

__all__ = [
    "MAX_RECORD_BYTES",
    "DidRecord",
    "Record",
    "SignedRecord",
    "parse_leaf",
    "parse_record",
    "split_history",
    "subject_of",
]

MAX_RECORD_BYTES = 16 * 1024

SignedRecord: TypeAlias = AccreditationRecord | WithdrawalRecord | KeyCompromisedRecord | TypeMetadataRecord
"""What somebody says who lives on the ledger."""

Record: TypeAlias = DidRecord | SignedRecord | TimestampRecord
"""What a ledger can hold. A new kind of record joins it, `_PARSERS` by its `type`, and `subject_of`."""

_PARSERS: Mapping[str, Callable[[JsonObject, bytes], Record]] = {
    accreditation.ACCREDITATION: accreditation.parse_accreditation,
    accreditation.WITHDRAWAL: accreditation.parse_withdrawal,
    key_compromise.KEY_COMPROMISED: key_compromise.parse_key_compromised,
    type_metadata.TYPE_METADATA: type_metadata.parse_type_metadata_record,
    timestamp.TIMESTAMP: timestamp.parse_timestamp,
}


class _State(msgspec.Struct):
    id: str


class _Leaf(msgspec.Struct):
    """The members that say what a record is about. Their order costs nothing: the reader skips the rest."""

    type: str | None = None
    state: _State | None = None
    by: str = ""
    subject: str = ""
    vct: str = ""
    hash: str = ""


_LEAF = msgspec.json.Decoder(_Leaf)


def parse_record(source: bytes) -> Record:
    """Read a record in any JSON spelling. Not checked: that its author may write it (`ledger.admission`).

    Raises:
        MalformedError: ENTRY_TOO_LARGE beyond 16 KiB, as received or in canonical form; ENTRY_NOT_ADMITTED
            for a `type` this reader does not know; or not a proper record of its kind, or one whose
            canonical form strict readers refuse.
    """
    if len(source) > MAX_RECORD_BYTES:
        raise MalformedError(Code.ENTRY_TOO_LARGE)
    members = parse_json_object(source)
    record = _parse(members, canonicalize(members)) if "type" in members else parse_did_record(source)
    # The canonical form of a number can be longer than the one received: 1e20 has 21 digits.
    if len(record.leaf) > MAX_RECORD_BYTES:
        raise MalformedError(Code.ENTRY_TOO_LARGE, "in canonical form")
    check_readable(record.leaf)
    return record


def subject_of(leaf: bytes) -> Subject:
    """What the index knows the record `leaf` by, without reading more of it. It was admitted before.

    Raises:
        MalformedError: it is none.
    """
    try:
        members = _LEAF.decode(leaf)
    except msgspec.MsgspecError as error:
        raise MalformedError(Code.FORMAT_INVALID, "not a record") from error
    match members.type:
        case None if members.state is not None:
            return did_subject(members.state.id)
        case accreditation.ACCREDITATION | accreditation.WITHDRAWAL:
            return accreditation.accreditation_subject(members.subject)
        case key_compromise.KEY_COMPROMISED:
            return did_subject(members.by)
        case type_metadata.TYPE_METADATA:
            return accreditation.type_subject(members.vct)
        case timestamp.TIMESTAMP:
            return Subject("document", members.hash)
    raise MalformedError(Code.FORMAT_INVALID, "not a record")


def parse_leaf(leaf: bytes) -> Record:
    """Read a record as it stands in a log, where it must have its canonical bytes.

    Raises:
        MalformedError: not a record, or not in canonical form.
    """
    record = parse_record(leaf)
    if record.leaf != leaf:
        raise MalformedError(Code.FORMAT_INVALID, "a leaf is canonical JSON")
    return record


def split_history(leaves: Iterable[bytes]) -> tuple[tuple[bytes, ...], tuple[KeyCompromisedRecord, ...]]:
    """All that a ledger holds about a DID, taken apart: the entries of its history, and what marks its keys.

    Not checked: that the entries are a history (`verify_history`).

    Raises:
        MalformedError: a leaf is a record, and neither of the two; or none at all.
    """
    entries: list[bytes] = []
    marks: list[KeyCompromisedRecord] = []
    for leaf in leaves:
        if b'"type":"tallystick/' not in leaf:
            entries.append(leaf)
            continue
        record = parse_leaf(leaf)
        match record:
            case DidRecord():
                entries.append(leaf)
            case KeyCompromisedRecord():
                marks.append(record)
            case _:
                raise MalformedError(Code.FORMAT_INVALID, "neither an entry of a DID nor a mark on its key")
    return tuple(entries), tuple(marks)


def _parse(members: JsonObject, leaf: bytes) -> Record:
    kind = members["type"]
    parse = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parse is None:
        raise MalformedError(Code.ENTRY_NOT_ADMITTED, "a record of an unknown type")
    return parse(members, leaf)
