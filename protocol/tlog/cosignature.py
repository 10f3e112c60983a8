"""Cosignatures: a cosigner's dated word that it knows no other state of a log (C2SP tlog-cosignature v1.0).

The signature on the note is an 8-byte time, big-endian seconds since 1970, and an Ed25519 signature over

    cosignature/v1
    time <the same seconds>
    <the whole text of the checkpoint's note>

The name of the cosigner is not signed, so a key must not be used under two names.
"""

from datetime import datetime

from protocol.codes import Code
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.note import NoteKey, NoteSignature, SignatureType, verify_signature_bytes

_TIME_BYTES = 8


def sign_cosignature(text: str, *, name: str, key: Ed25519PrivateKey, now: datetime) -> NoteSignature:
    """Cosign the checkpoint whose note has the text `text`, as `name`, at the time `now`.

    Whoever cosigns states that this is the largest consistent tree it has seen of this log: check and record
    that first.
    """
    seconds = to_seconds(now)
    note_key = NoteKey(name, SignatureType.ED25519_COSIGNATURE, key.public_key)
    signature = seconds.to_bytes(_TIME_BYTES) + key.sign(_message(text, seconds))
    return NoteSignature(name, note_key.key_id, signature)


def verify_cosignature(text: str, signature: NoteSignature, key: NoteKey) -> datetime:
    """Check that `key` cosigned the checkpoint whose note has the text `text`, and return when.

    Not checked: that the time is not in the future (`protocol.tlog.policy` does).

    Raises:
        VerificationError: the line names another key, the key is for another type, it did not sign this, or
            no time is stated.
    """
    expected = NoteKey(key.name, SignatureType.ED25519_COSIGNATURE, key.public_key)
    seconds = int.from_bytes(signature.signature[:_TIME_BYTES])
    raw = signature.signature[_TIME_BYTES:]
    verify_signature_bytes(_message(text, seconds), raw, named=signature, key=expected)
    if seconds == 0:
        raise VerificationError(Code.LOG_SIGNATURE_INVALID, "a cosignature without a time")
    try:
        return from_seconds(seconds)
    except MalformedError as error:
        raise VerificationError(Code.LOG_SIGNATURE_INVALID, "time of a cosignature") from error


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
