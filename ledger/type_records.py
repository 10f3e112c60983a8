"""Which document describes a type of credential, by what institutions have logged of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger.client import LedgerClient
from protocol.codes import Code
from protocol.errors import RefusedError, VerificationError
from protocol.index.proof import SubjectEntry
from protocol.records import parse_leaf
from protocol.records.accreditation import type_subject
from protocol.records.type_metadata import TypeMetadataRecord


@dataclass(frozen=True, slots=True)
class LoggedType:
    """Somebody said at `time`, when the quorum saw it, that `integrity` is that of the type's document."""

    by: str
    integrity: str
    leaf_index: int
    time: datetime


def read_type_records(client: LedgerClient, vct: str, *, now: datetime) -> tuple[LoggedType, ...]:
    """All that anybody said of the type `vct` on the ledger of `client`, the newest last; proven to be all.

    Whether they have a say in the type is for the reader.

    Raises:
        MalformedError: `vct` cannot be the name of a type, or an answer not be read.
        VerificationError: the proof does not hold.
        UnavailableError: the ledger cannot be reached.
    """
    return logged_types(client.read_records(type_subject(vct), now=now).entries)


def logged_types(entries: Iterable[SubjectEntry]) -> tuple[LoggedType, ...]:
    """What `entries`, all those about a type in the order of the log, say of it.

    Raises:
        MalformedError: one is no record.
    """
    read = [(entry, parse_leaf(entry.leaf)) for entry in entries]
    return tuple(
        LoggedType(record.authorship.by, record.integrity, entry.leaf_index, entry.time)
        for entry, record in read
        if isinstance(record, TypeMetadataRecord)
    )


def verify_type_integrity(integrity: str, said: Iterable[LoggedType], *, by: str) -> LoggedType:
    """Check that `integrity` is that of the document that `by` logged last, of all that was `said` of a type.

    Raises:
        RefusedError: NOT_FOUND, `by` said nothing of it.
        VerificationError: TYPE_METADATA_CHANGED, it is that of another document, or of one that was replaced.
    """
    own = [each for each in said if each.by == by]
    if not own:
        raise RefusedError(Code.NOT_FOUND, "nothing of this type is logged by that DID")
    if own[-1].integrity == integrity:
        return own[-1]
    known = [each for each in own if each.integrity == integrity]
    detail = f"it was replaced at {own[-1].time.isoformat()}" if known else "that document was never logged"
    raise VerificationError(Code.TYPE_METADATA_CHANGED, detail)
