"""That a document existed when the record was logged; nobody signs it, and it says nothing else.

{"hash": <64 hex digits, SHA-256>, "type": "tallystick/timestamp@v1"}
"""

from dataclasses import dataclass

from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject
from protocol.index.subject import Subject
from protocol.records.signed import check_members, hash_member

TIMESTAMP = "tallystick/timestamp@v1"


@dataclass(frozen=True, slots=True)
class TimestampRecord:
    """A document with this SHA-256, 32 bytes, existed."""

    digest: bytes
    leaf: bytes

    @property
    def subject(self) -> Subject:
        """What the index knows it by."""
        return document_subject(self.digest)


def document_subject(digest: bytes) -> Subject:
    """The subject whose list is the timestamp of the document with this SHA-256."""
    return Subject("document", digest.hex())


def create_timestamp(digest: bytes) -> TimestampRecord:
    """The one record that there can be of a document with the SHA-256 `digest`, 32 bytes."""
    return TimestampRecord(digest, canonicalize({"type": TIMESTAMP, "hash": digest.hex()}))


def parse_timestamp(source: JsonObject, leaf: bytes) -> TimestampRecord:
    """Read such a record, whose canonical bytes are `leaf`.

    Raises:
        MalformedError: a member is missing, unknown, or has another form.
    """
    check_members(source, frozenset({"type", "hash"}))
    return TimestampRecord(hash_member(source, "hash"), leaf)
