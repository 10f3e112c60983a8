"""Making a did:webvh DID and writing the next entries of its history: create, update, deactivate.

Keys, times and documents are arguments. Every entry made here has passed the checks its readers make, so a
key that is not authorized, or a time that does not rise, is refused before anything is published.

With pre-rotation an entry names the hashes of the keys that alone may write the next one. Writing it reveals
them: each entry is signed by a key committed to before, and commits to the one after it. A thief of the
keys in use can then change nothing, and `update_did` with fresh `next_keys` is what rotates keys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from protocol.did.data_integrity import sign_digest
from protocol.did.document import Relationship
from protocol.did.key import encode_did_key_method
from protocol.did.webvh.entry import (
    LogEntry,
    create_entry,
    encode_entry,
    parse_entry,
    parse_entry_json,
)
from protocol.did.webvh.identifier import SCID_PLACEHOLDER, encode_webvh
from protocol.did.webvh.parameters import METHOD, key_hash
from protocol.did.webvh.version import VerifiedVersion, verify_first_entry, verify_next_entry
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject
from protocol.keys import PublicKey, SigningKey
from protocol.keys.multikey import encode_multikey

_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A new entry: its line for did.jsonl in canonical JSON, without the line end, and what it leads to."""

    line: str
    version: VerifiedVersion


def create_did(
    host: str,
    port: int | None = None,
    path: tuple[str, ...] = (),
    *,
    document: Callable[[str], JsonObject],
    key: SigningKey,
    next_keys: Sequence[PublicKey],
    time: datetime,
    parameters: JsonObject | None = None,
) -> NewEntry:
    """Make a DID at a place on the web: the first entry of its history.

    `document` makes the DID document for a given DID. It is called with a DID that has a placeholder for the
    SCID, because the SCID is the hash of the document and of all else in the entry. `key` signs, and becomes
    the update key; `next_keys` are those that may write the next entry, none for no pre-rotation. `time` is
    written to the second. `parameters` holds what else the entry sets (portable, witness, watchers, ttl).

    Raises:
        MalformedError: the place is not one a did:webvh may have, or a parameter breaks its rules.
        ValueError: `key` is not an Ed25519 key.
    """
    set_parameters: JsonObject = {"method": METHOD, "scid": SCID_PLACEHOLDER, "portable": False}
    set_parameters |= _keys((key.public_key,), next_keys) | (parameters or {})
    state = document(encode_webvh(SCID_PLACEHOLDER, host, port, path))
    preliminary = create_entry(1, SCID_PLACEHOLDER, time=time, parameters=set_parameters, state=state)
    scid = preliminary.entry_hash
    entry = create_entry(
        1, scid, time=time, parameters=_fill_in(set_parameters, scid), state=_fill_in(state, scid)
    )
    line = encode_entry(_sign(entry, key))
    return NewEntry(line, verify_first_entry(parse_entry(line), now=time))


def update_did(
    previous: VerifiedVersion,
    *,
    key: SigningKey,
    time: datetime,
    document: JsonObject | None = None,
    update_keys: Sequence[PublicKey] | None = None,
    next_keys: Sequence[PublicKey] | None = None,
    parameters: JsonObject | None = None,
) -> NewEntry:
    """Write the entry after `previous`, with a new document, new keys, or both.

    Without pre-rotation `key` is one of the update keys of `previous`, and `update_keys` and `next_keys` stay
    as they are where they are not given. With pre-rotation `key` is one that `previous` committed to; it
    becomes the update key unless `update_keys` says otherwise, and `next_keys` must be given: fresh ones to
    rotate, none to end pre-rotation. `parameters` holds what else the entry changes (witness, watchers, ttl,
    portable).

    Raises:
        MalformedError: a parameter breaks its rules.
        VerificationError: `key` may not write this entry, a key was not committed to, `time` is not later
            than that of `previous`, or the DID was deactivated.
        ValueError: pre-rotation is active and `next_keys` is missing, or `key` is not an Ed25519 key.
    """
    if previous.parameters.next_key_hashes:
        if next_keys is None:
            raise ValueError("pre-rotation is active: name the next keys, or none to end it")
        update_keys = (key.public_key,) if update_keys is None else update_keys
    changes = _keys(update_keys, next_keys) | (parameters or {})
    return _append(previous, changes, previous.state if document is None else document, key, time)


def deactivate_did(previous: VerifiedVersion, *, key: SigningKey, time: datetime) -> tuple[NewEntry, ...]:
    """Write the last entry of a DID; under pre-rotation two, one second apart: the first ends pre-rotation.

    Raises:
        VerificationError: as `update_did`.
        ValueError: `key` is not an Ed25519 key.
    """
    if previous.parameters.next_key_hashes:
        released = update_did(previous, key=key, time=time, next_keys=())
        return (released, *deactivate_did(released.version, key=key, time=time + _ONE_SECOND))
    return (_append(previous, {"deactivated": True, "updateKeys": []}, previous.state, key, time),)


def _append(
    previous: VerifiedVersion, parameters: JsonObject, state: JsonObject, key: SigningKey, time: datetime
) -> NewEntry:
    entry = create_entry(
        previous.number + 1, previous.version_id, time=time, parameters=parameters, state=state
    )
    line = encode_entry(_sign(entry, key))
    return NewEntry(line, verify_next_entry(previous, parse_entry(line), now=time))


def _sign(entry: LogEntry, key: SigningKey) -> LogEntry:
    proof = sign_digest(
        entry.digest(),
        key=key,
        verification_method=encode_did_key_method(key.public_key),
        purpose=Relationship.ASSERTION,
        created=entry.time,
    )
    return replace(entry, proofs=(proof,))


def _keys(update_keys: Sequence[PublicKey] | None, next_keys: Sequence[PublicKey] | None) -> JsonObject:
    changes: JsonObject = {}
    if update_keys is not None:
        changes["updateKeys"] = [encode_multikey(key) for key in update_keys]
    if next_keys is not None:
        changes["nextKeyHashes"] = [key_hash(encode_multikey(key)) for key in next_keys]
    return changes


def _fill_in(value: JsonObject, scid: str) -> JsonObject:
    return parse_entry_json(canonicalize(value).decode("utf-8").replace(SCID_PLACEHOLDER, scid))
