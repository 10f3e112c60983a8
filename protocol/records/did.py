"""The record that has no `type`: an entry of a did:webvh history, taken as it is, with its proofs.

So the ledger serves the very history any did:webvh resolver reads.
"""

from dataclasses import dataclass

from protocol.did.webvh.entry import LogEntry, encode_entry, parse_entry
from protocol.did.webvh.identifier import WebvhId, parse_webvh
from protocol.encoding.members import text_member
from protocol.index.subject import Subject, did_subject


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


def parse_did_record(source: bytes) -> DidRecord:
    """Read an entry in any JSON spelling.

    Raises:
        MalformedError: not a proper entry of a did:webvh history.
    """
    entry = parse_entry(source)
    return DidRecord(parse_webvh(text_member(entry.state, "id")), entry, encode_entry(entry).encode())
