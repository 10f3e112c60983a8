"""That a key of a DID is no longer in its owner's hands alone, since when.

{"type": "tallystick/key-compromised@v1", "by", "time", "proof",
 "key": <DID URL under by>, "multikey": "z…", "since": <UTC>}
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from protocol.codes import Code
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError
from protocol.index.subject import Subject, did_subject
from protocol.keys import PublicKey
from protocol.keys.multikey import encode_multikey, parse_multikey
from protocol.records.signed import Authorship, Signer, parse_authorship, sign_record, time_member

KEY_COMPROMISED = "tallystick/key-compromised@v1"


@dataclass(frozen=True, slots=True)
class KeyCompromisedRecord:
    """What `multikey` signed from `since` on is not to be believed; the DID once listed it as `key_id`."""

    authorship: Authorship
    key_id: str
    multikey: str
    since: datetime
    leaf: bytes

    @property
    def subject(self) -> Subject:
        """What the index knows it by: it stands in one list with the history of the DID."""
        return did_subject(self.authorship.by)


def parse_key_compromised(source: JsonObject, leaf: bytes) -> KeyCompromisedRecord:
    """Read such a record, whose canonical bytes are `leaf`.

    Raises:
        MalformedError: a member is missing, unknown, or has another form; the key is not under the author's
            DID; or `since` is after `time`.
    """
    authorship = parse_authorship(source, members=frozenset({"key", "multikey", "since"}))
    key_id, multikey = text_member(source, "key"), text_member(source, "multikey")
    if not key_id.startswith(f"{authorship.by}#"):
        raise MalformedError(Code.MEMBER_INVALID, "key")
    parse_multikey(multikey)
    since = time_member(source, "since")
    if since > authorship.time:
        raise MalformedError(Code.MEMBER_INVALID, "since")
    return KeyCompromisedRecord(authorship, key_id, multikey, since, leaf)


def compromised_keys(marks: Iterable[KeyCompromisedRecord]) -> dict[PublicKey, datetime]:
    """The keys that `marks` are about, each with the earliest time since when it is in other hands."""
    keys: dict[PublicKey, datetime] = {}
    for mark in marks:
        key = parse_multikey(mark.multikey)
        keys[key] = min(mark.since, keys.get(key, mark.since))
    return keys


def create_key_compromised(
    key_id: str, key: PublicKey, *, signer: Signer, since: datetime, time: datetime
) -> KeyCompromisedRecord:
    """Sign that `key`, once listed as `key_id`, is in other hands `since` then.

    Raises:
        MalformedError: it breaks the rules of its form.
        ValueError: the key that signs is not an Ed25519 key.
    """
    members: JsonObject = {
        "type": KEY_COMPROMISED,
        "key": key_id,
        "multikey": encode_multikey(key),
        "since": encode_utc(since),
    }
    leaf = sign_record(members, signer=signer, time=time)
    return parse_key_compromised(parse_json_object(leaf), leaf)
