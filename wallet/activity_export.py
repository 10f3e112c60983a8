"""The history in one signed file, to be shown to others. See docs/formats/activity-export.md.

    {"entries":[…],"exported_at":"2026-11-22T12:00:00Z","format":"tallystick-activity-export",
     "key":"z6Mk…","selection":{"party":null,"since":null},"signature":"…","version":1}

It says who, when, which claims by name, and how it ended; like the history itself, it holds no values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from protocol.claim_path import ClaimPath, parse_claim_path
from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import array_member, integer_member, object_member, objects_member, text_member
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.encoding.time import encode_utc, parse_utc
from protocol.errors import MalformedError
from protocol.keys import Ed25519PublicKey
from protocol.keys.multikey import encode_multikey, parse_multikey
from protocol.restate import restate_malformed
from storage.atomic_file import Folder
from wallet.activity import select_activity
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.recovery_phrase import derive_export_key, derive_seed

MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 100_000

_FORMAT = "tallystick-activity-export"
_VERSION = 1
# What is signed begins with it, so that no signature for another purpose can stand here.
_CONTEXT = b"tallystick activity export v1\n"
_MAX_RETENTION_SECONDS = 100 * 366 * 86_400
_MAX_TEXT = 100_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedEntry:
    """One line of the history, in a file. The members are those of `ActivityEntry`.

    Attributes:
        name: What the party called itself last; nobody verified it.
        outcome: The code it ended with, which a later version may have made; None when it went through.
    """

    time: datetime
    kind: ActivityKind
    party: str
    name: str | None
    credential_type: str | None
    claim_names: tuple[ClaimPath, ...]
    purpose: str | None
    retention: timedelta | None
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityExport:
    """What an export says, and which key is to have signed it.

    Attributes:
        party: The lines are only those with this in the party's name or identifier; None for all parties.
        since: The lines are only those from this time on; None for all times.
        entries: In the order in which they were written.
    """

    exported_at: datetime
    party: str | None
    since: datetime | None
    entries: tuple[ExportedEntry, ...]
    key: Ed25519PublicKey


def create_activity_export(
    content: WalletContent, *, party: str | None, since: datetime | None, now: datetime
) -> bytes:
    """The signed file of the lines that `party` and `since` select, as of `now`.

    Raises:
        MalformedError: a line with text that has no canonical form.
    """
    key = derive_export_key(derive_seed(content.entropy))
    export = ActivityExport(
        exported_at=now,
        party=party or None,
        since=since,
        entries=tuple(
            _exported(entry, name) for entry, name in select_activity(content, party=party, since=since)
        ),
        key=key.public_key,
    )
    document = _encode(export)
    signature = key.sign(_CONTEXT + canonicalize(document))
    return canonicalize({**document, "signature": encode_base64url(signature)})


def save_activity_export(file: Path, data: bytes) -> None:
    """Write an export to a new file, mode 0600.

    Raises:
        RefusedError: there is something of that name, or no such folder.
        UnavailableError: full disk, or the disk's fault.
    """
    with Folder(file.absolute().parent, private=False) as folder:
        folder.create(file.name, data)


def verify_activity_export(data: bytes) -> ActivityExport:
    """Check that the key in the file signed all of it. Whose key that is, it does not say; see `export_key`.

    Raises:
        MalformedError: not exactly as a writer would have written it (ACTIVITY_EXPORT_INVALID).
        VerificationError: the key did not sign it.
    """
    export, signature, signed = _parse(data)
    export.key.verify(signature, signed)
    return export


def export_key(content: WalletContent) -> Ed25519PublicKey:
    """The key that this wallet's exports are signed with; the same for its words everywhere."""
    return derive_export_key(derive_seed(content.entropy)).public_key


def _exported(entry: ActivityEntry, name: str | None) -> ExportedEntry:
    return ExportedEntry(
        time=entry.time,
        kind=entry.kind,
        party=entry.party,
        name=name or None,
        credential_type=entry.credential_type,
        claim_names=entry.claim_names,
        purpose=entry.purpose,
        retention=entry.retention,
        outcome=None if entry.outcome is None else entry.outcome.value,
    )


def _encode(export: ActivityExport) -> JsonObject:
    """All but the signature."""
    entries: list[JsonValue] = [_encode_entry(entry) for entry in export.entries]
    return {
        "entries": entries,
        "exported_at": encode_utc(export.exported_at),
        "format": _FORMAT,
        "key": encode_multikey(export.key),
        "selection": {
            "party": export.party,
            "since": None if export.since is None else encode_utc(export.since),
        },
        "version": _VERSION,
    }


def _encode_entry(entry: ExportedEntry) -> JsonObject:
    claims: list[JsonValue] = [list(path) for path in entry.claim_names]
    return {
        "claims": claims,
        "kind": entry.kind.value,
        "name": entry.name,
        "outcome": entry.outcome,
        "party": entry.party,
        "purpose": entry.purpose,
        "retention_seconds": None if entry.retention is None else entry.retention // timedelta(seconds=1),
        "time": encode_utc(entry.time),
        "type": entry.credential_type,
    }


def _parse(data: bytes) -> tuple[ActivityExport, bytes, bytes]:
    """The export, unverified, its signature, and the bytes that were signed."""
    with restate_malformed(Code.ACTIVITY_EXPORT_INVALID):
        document = parse_json_object(data, max_bytes=MAX_BYTES)
        if text_member(document, "format") != _FORMAT or integer_member(document, "version") != _VERSION:
            raise MalformedError(Code.MEMBER_INVALID, "of another format or version")
        key = parse_multikey(text_member(document, "key"))
        if not isinstance(key, Ed25519PublicKey):
            raise MalformedError(Code.KEY_INVALID, "an export is signed with an Ed25519 key")
        signature = decode_base64url(text_member(document, "signature"))
        selection = object_member(document, "selection")
        sources = objects_member(document, "entries")
        if len(sources) > MAX_ENTRIES:
            raise MalformedError(Code.SIZE_EXCEEDED, f"more than {MAX_ENTRIES} entries")
        export = ActivityExport(
            exported_at=_time_member(document, "exported_at"),
            party=_or_null(selection, "party", _text_member),
            since=_or_null(selection, "since", _time_member),
            entries=tuple(map(_parse_entry, sources)),
            key=key,
        )
        # What was read, written again: so every unknown member and every other spelling is noticed.
        unsigned = _encode(export)
        if canonicalize({**unsigned, "signature": encode_base64url(signature)}) != data:
            raise MalformedError(Code.FORMAT_INVALID, "not in its one spelling")
        return export, signature, _CONTEXT + canonicalize(unsigned)


def _parse_entry(source: JsonObject) -> ExportedEntry:
    kind = text_member(source, "kind")
    if kind not in set(ActivityKind):
        raise MalformedError(Code.MEMBER_INVALID, "kind")
    retention = _or_null(source, "retention_seconds", integer_member)
    if retention is not None and retention > _MAX_RETENTION_SECONDS:
        raise MalformedError(Code.MEMBER_INVALID, "retention_seconds")
    return ExportedEntry(
        time=_time_member(source, "time"),
        kind=ActivityKind(kind),
        party=_text_member(source, "party"),
        name=_or_null(source, "name", _text_member),
        credential_type=_or_null(source, "type", _text_member),
        claim_names=tuple(map(parse_claim_path, array_member(source, "claims"))),
        purpose=_or_null(source, "purpose", _text_member),
        retention=None if retention is None else timedelta(seconds=retention),
        outcome=_or_null(source, "outcome", _text_member),
    )


def _or_null(source: JsonObject, name: str, read: Callable[[JsonObject, str], T]) -> T | None:
    """The member `name`, which must be there, as `read` reads it; None for null."""
    return None if source.get(name, name) is None else read(source, name)


def _text_member(source: JsonObject, name: str) -> str:
    return text_member(source, name, max_characters=_MAX_TEXT)


def _time_member(source: JsonObject, name: str) -> datetime:
    return parse_utc(text_member(source, name))
