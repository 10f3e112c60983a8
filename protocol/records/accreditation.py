"""Who may issue what, said by somebody who may say so; and that it is no longer so.

    {"type": "tallystick/accreditation@v1", "by", "time", "proof",
     "subject": <did:webvh>, "actions": ["accredit", "issue"], "types": [<vct>, …], "depth": <0 to 4>,
     "valid_from": <UTC>, "valid_until": <UTC>, "under": <hex leaf hash>}

    {"type": "tallystick/withdrawal@v1", "by", "time", "proof",
     "accreditation": <hex leaf hash>, "subject": <did:webvh>, "reason": <text>}

The form is docs/formats/ledger-records.md. What rests on what is `protocol.accreditation`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from protocol.codes import Code
from protocol.encoding.members import integer_member, optional_text_member, texts_member
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError
from protocol.index.subject import Subject
from protocol.records.signed import (
    Authorship,
    Signer,
    did_member,
    hash_member,
    parse_authorship,
    sign_record,
    time_member,
)
from protocol.tlog.merkle import hash_leaf

ACCREDITATION = "tallystick/accreditation@v1"
WITHDRAWAL = "tallystick/withdrawal@v1"
MAX_TYPES = 64
MAX_DEPTH = 4
KIND = "accreditation"

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")
_MEMBERS = frozenset({"subject", "actions", "types", "valid_from", "valid_until"})
_OPTIONAL = frozenset({"depth", "under"})


class Action(StrEnum):
    """What somebody is accredited for."""

    ACCREDIT = "accredit"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class AccreditationRecord:
    """`accredited` may do `actions` with credentials of `types`, its author says.

    Attributes:
        authorship: Who says it.
        accredited: Whom it is said of.
        actions: What for.
        types: The vct of the credentials, in the order of their code points.
        depth: How many further accreditors may stand between `accredited` and an issuer; None unless it may
            accredit.
        valid_from, valid_until: Its own interval, the end excluded.
        under: The leaf hash of the accreditation it rests on; None where its author speaks as a root.
        leaf: Its canonical bytes.
    """

    authorship: Authorship
    accredited: str
    actions: tuple[Action, ...]
    types: tuple[str, ...]
    depth: int | None
    valid_from: datetime
    valid_until: datetime
    under: bytes | None
    leaf: bytes

    @property
    def subject(self) -> Subject:
        """What the index knows it by."""
        return accreditation_subject(self.accredited)

    @property
    def leaf_hash(self) -> bytes:
        """What others name it by."""
        return hash_leaf(self.leaf)


@dataclass(frozen=True, slots=True)
class WithdrawalRecord:
    """The accreditation with this leaf hash, of `accredited`, counts no more."""

    authorship: Authorship
    accreditation: bytes
    accredited: str
    reason: str | None
    leaf: bytes

    @property
    def subject(self) -> Subject:
        """What the index knows it by."""
        return accreditation_subject(self.accredited)


def accreditation_subject(did: str) -> Subject:
    """The subject whose list is every accreditation of `did`, and every withdrawal of one.

    Raises:
        MalformedError: longer than any DID, or no text that a subject can be called by.
    """
    return Subject(KIND, did)


def parse_accreditation(source: JsonObject, leaf: bytes) -> AccreditationRecord:
    """Read an accreditation, whose canonical bytes are `leaf`.

    Raises:
        MalformedError: a member is missing, unknown, or has another form; it is of its own author; it ends
            before it begins; or a depth stands without `accredit`, or the other way round.
    """
    authorship = parse_authorship(source, members=_MEMBERS, optional=_OPTIONAL)
    accredited = did_member(source, "subject")
    if accredited == authorship.by:
        raise MalformedError(Code.MEMBER_INVALID, "subject is the author")
    actions = _sorted_texts(source, "actions", maximum=len(Action))
    if any(action not in list(Action) for action in actions):
        raise MalformedError(Code.MEMBER_INVALID, "actions")
    types = _sorted_texts(source, "types", maximum=MAX_TYPES)
    for vct in types:
        type_subject(vct)
    valid_from, valid_until = time_member(source, "valid_from"), time_member(source, "valid_until")
    if valid_until <= valid_from:
        raise MalformedError(Code.MEMBER_INVALID, "valid_until")
    depth = None
    if (Action.ACCREDIT in actions) != ("depth" in source):
        raise MalformedError(Code.MEMBER_INVALID, "depth goes with accredit")
    if "depth" in source and (depth := integer_member(source, "depth")) > MAX_DEPTH:
        raise MalformedError(Code.MEMBER_INVALID, "depth")
    return AccreditationRecord(
        authorship,
        accredited,
        tuple(Action(action) for action in actions),
        types,
        depth,
        valid_from,
        valid_until,
        hash_member(source, "under") if "under" in source else None,
        leaf,
    )


def parse_withdrawal(source: JsonObject, leaf: bytes) -> WithdrawalRecord:
    """Read a withdrawal, whose canonical bytes are `leaf`.

    Raises:
        MalformedError: a member is missing, unknown, or has another form.
    """
    authorship = parse_authorship(
        source, members=frozenset({"accreditation", "subject"}), optional=frozenset({"reason"})
    )
    reason = optional_text_member(source, "reason", max_characters=200)
    if reason is not None and not _PRINTABLE.fullmatch(reason):
        raise MalformedError(Code.MEMBER_INVALID, "reason")
    accreditation = hash_member(source, "accreditation")
    return WithdrawalRecord(authorship, accreditation, did_member(source, "subject"), reason, leaf)


def create_accreditation(
    accredited: str,
    *,
    signer: Signer,
    actions: Collection[Action],
    types: Collection[str],
    depth: int | None,
    valid_from: datetime,
    valid_until: datetime,
    under: bytes | None,
    time: datetime,
) -> AccreditationRecord:
    """Sign that `accredited` may do `actions` with credentials of `types`.

    Not checked: that the ledger admits it.

    Raises:
        MalformedError: it breaks the rules of its form.
        ValueError: the key is not an Ed25519 key.
    """
    members: JsonObject = {
        "type": ACCREDITATION,
        "subject": accredited,
        "actions": list[JsonValue](sorted({action.value for action in actions})),
        "types": list[JsonValue](sorted(set(types))),
        "valid_from": encode_utc(valid_from),
        "valid_until": encode_utc(valid_until),
    }
    if depth is not None:
        members["depth"] = depth
    if under is not None:
        members["under"] = under.hex()
    leaf = sign_record(members, signer=signer, time=time)
    return parse_accreditation(parse_json_object(leaf), leaf)


def create_withdrawal(
    accreditation: AccreditationRecord, *, signer: Signer, reason: str | None, time: datetime
) -> WithdrawalRecord:
    """Sign that `accreditation` counts no more.

    Raises:
        MalformedError: the reason is too long, or not printable.
        ValueError: the key is not an Ed25519 key.
    """
    members: JsonObject = {
        "type": WITHDRAWAL,
        "accreditation": accreditation.leaf_hash.hex(),
        "subject": accreditation.accredited,
    }
    if reason is not None:
        members["reason"] = reason
    leaf = sign_record(members, signer=signer, time=time)
    return parse_withdrawal(parse_json_object(leaf), leaf)


def type_subject(vct: str) -> Subject:
    """The subject whose list is what was said of the type `vct`.

    Raises:
        MalformedError: it cannot be the name of a subject.
    """
    return Subject("type", vct)


def _sorted_texts(source: JsonObject, name: str, *, maximum: int) -> tuple[str, ...]:
    texts = texts_member(source, name, minimum=1)
    if len(texts) > maximum or texts != sorted(set(texts)):
        raise MalformedError(Code.MEMBER_INVALID, f"{name} are sorted, and each once")
    return tuple(texts)
