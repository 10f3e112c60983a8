"""An entry of the log as people are shown it.

A further kind of record gets a `case` here, and the pages and the terminal show it: what it is about, what
happened, and its details by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ledger.browse.json_text import readable_json
from protocol.did.webvh.identifier import WebvhId, parse_webvh
from protocol.encoding.time import encode_utc
from protocol.errors import TallyError
from protocol.index.subject import Subject
from protocol.records import DidRecord, Record, parse_record
from protocol.records.accreditation import AccreditationRecord, WithdrawalRecord
from protocol.records.key_compromise import KeyCompromisedRecord
from protocol.records.timestamp import TimestampRecord
from protocol.records.type_metadata import TypeMetadataRecord
from protocol.tlog.merkle import hash_leaf


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry, read but not verified.

    Attributes:
        leaf_index: Its place in the log.
        leaf_hash: The hash it has there.
        subject: What it is about; None where this program cannot say.
        label: The same, short enough for a list.
        event: What happened, in a few words.
        stated: When its author says that was; empty where nobody says.
        logged: When the quorum saw it in the log; None where that was not looked up.
        details: What else to know, by name.
        leaf: Its bytes.
    """

    leaf_index: int
    leaf_hash: bytes
    subject: Subject | None
    label: str
    event: str
    stated: str
    logged: datetime | None
    details: tuple[tuple[str, str], ...]
    leaf: bytes

    @property
    def text(self) -> str:
        """All of it, as JSON in lines."""
        return readable_json(self.leaf)


def show_entry(leaf_index: int, leaf: bytes, *, logged: datetime | None) -> ShownEntry:
    """The entry `leaf` at `leaf_index`. Whatever it is, it can be shown."""
    leaf_hash = hash_leaf(leaf)
    try:
        record = parse_record(leaf)
    except TallyError as error:
        # A log of another time, or of somebody who does not keep the rules, may hold what is not known here.
        event = f"cannot be read here: {error.code.value}"
        return ShownEntry(leaf_index, leaf_hash, None, "", event, "", logged, (), leaf)
    label, event, stated, details = _told(record)
    return ShownEntry(leaf_index, leaf_hash, record.subject, label, event, stated, logged, details, leaf)


def _told(record: Record) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
    """What it is about, what happened, when, and what else to know."""
    details: tuple[tuple[str, str], ...]
    match record:
        case DidRecord(did=did, entry=entry):
            event = "created" if entry.number == 1 else "changed"
            if entry.parameters.get("deactivated") is True:
                event = "deactivated"
            details = (("Version", entry.version_id),)
            return did_label(did), f"version {entry.number}: {event}", entry.time_text, details
        case AccreditationRecord():
            details = (("By", record.authorship.by), *_given(record))
            stated = encode_utc(record.authorship.time)
            return party_label(record.accredited, record.authorship.by), "accredited", stated, details
        case WithdrawalRecord():
            details = (("By", record.authorship.by), ("Record", record.accreditation.hex()))
            if record.reason is not None:
                details += (("Reason", record.reason),)
            stated = encode_utc(record.authorship.time)
            label = party_label(record.accredited, record.authorship.by)
            return label, "accreditation withdrawn", stated, details
        case KeyCompromisedRecord():
            details = (("Key", record.key_id), ("Since", encode_utc(record.since)))
            stated = encode_utc(record.authorship.time)
            return did_label(parse_webvh(record.authorship.by)), "key compromised", stated, details
        case TypeMetadataRecord():
            details = (("By", record.authorship.by), ("Integrity", record.integrity))
            return record.vct, "type described", encode_utc(record.authorship.time), details
        case TimestampRecord():
            return record.digest.hex(), "document existed", "", ()


def _given(record: AccreditationRecord) -> Iterator[tuple[str, str]]:
    """What an accreditation gives, by name."""
    yield "May", may(record)
    for vct in record.types:
        yield "Type", vct
    yield "From", encode_utc(record.valid_from)
    yield "Until", encode_utc(record.valid_until)
    if record.under is not None:
        yield "Rests on", record.under.hex()


def may(record: AccreditationRecord) -> str:
    """What an accreditation is for, in words."""
    depth = "" if record.depth is None else f" (depth {record.depth})"
    return " and ".join(action.value for action in record.actions) + depth


def party_label(did: str, author: str) -> str:
    """The name of `did` on the ledger of `author`; one that lives elsewhere is called with its ledger."""
    parsed, home = parse_webvh(did), parse_webvh(author).authority
    return did_label(parsed) if parsed.authority == home else f"{did_label(parsed)} on {parsed.authority}"


def did_label(did: WebvhId) -> str:
    """The name of `did` on its ledger: no two have the same."""
    return "/".join(did.path) or did.host
