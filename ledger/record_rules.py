"""The rules for the records that somebody signs, the same for whoever logs, copies or audits them.

A rule looks at nothing but the record, what was logged before it, and a clock that only moves on: what was
admitted where a record stands in the log is admitted there by everybody and for ever.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from protocol.accreditation import verify_rests_on
from protocol.codes import Code
from protocol.did.document import DidDocument, parse_did_document
from protocol.did.webvh.entry import parse_entry
from protocol.did.webvh.version import CLOCK_TOLERANCE, VerifiedVersion
from protocol.errors import RefusedError, VerificationError
from protocol.index.subject import Subject, did_subject
from protocol.keys.multikey import encode_multikey
from protocol.records import SignedRecord, parse_leaf, split_history
from protocol.records.accreditation import AccreditationRecord, WithdrawalRecord
from protocol.records.key_compromise import KeyCompromisedRecord
from protocol.records.signed import Authorship, verify_authorship
from protocol.records.type_metadata import TypeMetadataRecord

# A list that is longer than a proof may be helps nobody, and anybody who may write can make it longer. A
# record has up to 16 KiB, a proof 8 MiB, and each accreditation may be withdrawn once.
MAX_ACCREDITATIONS = 128
MAX_ABOUT_A_TYPE = 256
# For each key: a thief who signs with one that is listed must not use up what its owner needs to mark it.
MAX_MARKS = 4


class LoggedBefore(Protocol):
    """What a log holds where the next record is to stand."""

    def version(self, did: str, *, now: datetime) -> VerifiedVersion | None:
        """The newest version of `did`, if it lives on this ledger."""

    def about(self, subject: Subject) -> Sequence[bytes]:
        """Every entry about `subject`, in the order of the log."""

    def find(self, leaf_hash: bytes) -> bytes | None:
        """The entry with this leaf hash."""


def admit_signed(record: SignedRecord, logged: LoggedBefore, *, now: datetime) -> None:
    """Check that `record`, which is not logged yet, may be logged after what is.

    Raises:
        MalformedError, VerificationError: its signature or what it rests on does not hold.
        RefusedError: ENTRY_NOT_ADMITTED, its author may not say this, or not any more.
        UnavailableError: the database cannot be read.
    """
    document = _verify_author(record.authorship, logged, now)
    match record:
        case AccreditationRecord():
            _admit_accreditation(record, logged)
        case WithdrawalRecord():
            _admit_withdrawal(record, logged)
        case KeyCompromisedRecord():
            _admit_mark(record, document, logged)
        case TypeMetadataRecord():
            if len(logged.about(record.subject)) >= MAX_ABOUT_A_TYPE:
                raise _refusal("there are too many records about this type")


def _verify_author(authorship: Authorship, logged: LoggedBefore, now: datetime) -> DidDocument:
    """Check who says it; gives the newest document of the author."""
    if authorship.time > now + CLOCK_TOLERANCE:
        raise _refusal("its time is in the future")
    version = logged.version(authorship.by, now=now)
    if version is None:
        raise _refusal("its author does not live on this ledger")
    if version.parameters.deactivated:
        raise VerificationError(Code.DID_DEACTIVATED, "the author")
    document = version.document()
    key = verify_authorship(authorship, document)
    if any(mark.multikey == encode_multikey(key) for mark in _marks(authorship.by, logged)):
        raise _refusal("its key is marked as compromised")
    return document


def _admit_accreditation(record: AccreditationRecord, logged: LoggedBefore) -> None:
    known = [parse_leaf(leaf) for leaf in logged.about(record.subject)]
    if sum(isinstance(each, AccreditationRecord) for each in known) >= MAX_ACCREDITATIONS:
        raise _refusal("there are too many accreditations of this DID")
    if record.under is None:
        return
    chain = _chain(record.under, logged)
    verify_rests_on(record, chain)
    if any(_is_withdrawn(each, logged) for each in chain):
        raise VerificationError(Code.ACCREDITATION_WITHDRAWN, "what it rests on")


def _admit_withdrawal(record: WithdrawalRecord, logged: LoggedBefore) -> None:
    chain = _chain(record.accreditation, logged)
    if record.accredited != chain[0].accredited:
        raise _refusal("the accreditation is of another DID")
    if record.authorship.by not in {each.authorship.by for each in chain}:
        raise _refusal("neither the author of the accreditation nor one above")
    if _is_withdrawn(chain[0], logged):
        raise _refusal("it is withdrawn already")


def _admit_mark(record: KeyCompromisedRecord, newest: DidDocument, logged: LoggedBefore) -> None:
    did = record.authorship.by
    entries, marks = split_history(logged.about(did_subject(did)))
    if record.multikey in _keys(newest).values():
        raise _refusal("the key is still listed: rotate it first")
    documents = (parse_did_document(parse_entry(leaf).state, expected_did=did) for leaf in entries)
    if not any(_keys(document).get(record.key_id) == record.multikey for document in documents):
        raise _refusal("the DID never listed this key")
    known = [mark.since for mark in marks if mark.multikey == record.multikey]
    if known and record.since >= min(known):
        raise _refusal("the key is marked since then, or since an earlier time")
    if len(known) >= MAX_MARKS:
        raise _refusal("there are too many marks on this key")


def _marks(did: str, logged: LoggedBefore) -> tuple[KeyCompromisedRecord, ...]:
    _, marks = split_history(logged.about(did_subject(did)))
    return marks


def _keys(document: DidDocument) -> dict[str, str]:
    return {method.id: encode_multikey(method.public_key) for method in document.verification_methods}


def _chain(leaf_hash: bytes | None, logged: LoggedBefore) -> list[AccreditationRecord]:
    """The accreditation with this leaf hash and those it rests on, the root's last."""
    chain: list[AccreditationRecord] = []
    while leaf_hash is not None:
        leaf = logged.find(leaf_hash)
        record = None if leaf is None else parse_leaf(leaf)
        if not isinstance(record, AccreditationRecord):
            raise _refusal("no accreditation is logged with this leaf hash")
        chain.append(record)
        leaf_hash = record.under
    return chain


def _is_withdrawn(record: AccreditationRecord, logged: LoggedBefore) -> bool:
    known = [parse_leaf(leaf) for leaf in logged.about(record.subject)]
    return any(
        isinstance(each, WithdrawalRecord) and each.accreditation == record.leaf_hash for each in known
    )


def _refusal(detail: str) -> RefusedError:
    return RefusedError(Code.ENTRY_NOT_ADMITTED, detail)
