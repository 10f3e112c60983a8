"""The rules a record must satisfy before it is logged.

What is logged stays, so everything a reader would refuse is refused here: the whole history of the DID is
replayed with the new entry at its end. The first valid successor of a version is the successor; the ledger
never holds a second one.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from protocol.codes import Code
from protocol.did.webvh.history import verify_history
from protocol.did.webvh.witness import NO_WITNESS_PROOFS
from protocol.errors import RefusedError
from protocol.records import DidRecord

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Names under which the ledger itself answers.
_RESERVED = frozenset({"proof", "tile"})


def admit(record: DidRecord, history: Sequence[bytes], *, authority: str, now: datetime) -> None:
    """Check that `record` may be logged by the ledger at `authority` (`host` or `host:port`).

    `history` holds the logged entries of the same SCID, in order. Submitting a logged entry again is allowed.
    Not checked: that nobody else takes the name, or writes the same version, in the meantime; the sequencer
    does when it appends.

    Raises:
        MalformedError: the entry or the DID document breaks the rules of its form.
        VerificationError: the entry does not follow from the history (did:webvh 1.0).
        RefusedError: DID_FORK when another entry is logged as this version, ENTRY_NOT_ADMITTED when it does
            not live on this ledger under one plain name.
    """
    number = record.entry.number
    if number <= len(history):
        if history[number - 1] != record.leaf:
            raise RefusedError(Code.DID_FORK, f"another version {number} is logged")
        return
    _check_place(record, authority)
    lines = [*history, record.leaf]
    verified = verify_history(lines, did=record.did.did, now=now, witness_proofs=NO_WITNESS_PROOFS)
    if verified.versions[0].did != record.did.did:
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, "a DID keeps the name it was created under")
    # Readers take the keys from every document there ever was: one that cannot be read would spoil the DID.
    verified.latest.document()


def _check_place(record: DidRecord, authority: str) -> None:
    if record.did.authority != authority:
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, f"the DID does not live on {authority}")
    if len(record.did.path) != 1 or not _SLUG.fullmatch(record.did.path[0]):
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, "the path is one name of a-z, 0-9 and -")
    if record.did.path[0] in _RESERVED:
        raise RefusedError(Code.ENTRY_NOT_ADMITTED, "the name is reserved")
