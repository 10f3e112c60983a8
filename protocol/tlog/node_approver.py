"""A node's word which key it approves DIDs with, as a witness of did:webvh (docs/formats/node-approver.md).

    tallystick/node-approver@v1
    <origin of the log>
    <did:key>

    — <name of the node's cosigner> <cosignature>

The key that approves entries of DIDs is another one than the key that cosigns checkpoints. Who counts the
node by its cosigner's key learns from this statement which witness of did:webvh the same node is. Its text is
no checkpoint of any log: a checkpoint has a size where this has an origin, and a hash where this has a DID.
"""

from datetime import datetime

from protocol.codes import Code
from protocol.did.key import encode_did_key, parse_did_key
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey
from protocol.tlog.cosignature import sign_cosignature, verify_cosignature
from protocol.tlog.note import NoteKey, encode_note, parse_note

MAX_STATEMENT_BYTES = 8 * 1024

_HEADER = "tallystick/node-approver@v1"


def create_approver_statement(
    origin: str, approver: Ed25519PublicKey, *, name: str, key: Ed25519PrivateKey, now: datetime
) -> str:
    """State that the node whose cosigner `name` has `key` approves DIDs on `origin` with `approver`."""
    text = f"{_HEADER}\n{origin}\n{encode_did_key(approver)}\n"
    return encode_note(text, [sign_cosignature(text, name=name, key=key, now=now)])


def verify_approver_statement(source: str | bytes, *, origin: str, cosigner: NoteKey) -> str:
    """The did:key with which the node of `cosigner` approves the entries of DIDs on the log `origin`.

    Not checked: when it was stated. A node has one such key for good.

    Raises:
        MalformedError: not a signed note of this form, or the DID is not a did:key of an Ed25519 key.
        VerificationError: LOG_ORIGIN_MISMATCH, it speaks of another log; LOG_SIGNATURE_INVALID, `cosigner`
            did not sign it.
    """
    note = parse_note(source)
    lines = note.text.split("\n")
    if len(lines) != 4 or lines[0] != _HEADER:
        raise MalformedError(Code.FORMAT_INVALID, f"not a {_HEADER}")
    if not isinstance(parse_did_key(lines[2]), Ed25519PublicKey):
        raise MalformedError(Code.KEY_INVALID, "an approver has an Ed25519 key")
    if lines[1] != origin:
        raise VerificationError(Code.LOG_ORIGIN_MISMATCH, "the statement is for another log")
    for signature in note.signatures:
        if (signature.key_name, signature.key_id) == (cosigner.name, cosigner.key_id):
            verify_cosignature(note.text, signature, cosigner)
            return lines[2]
    raise VerificationError(Code.LOG_SIGNATURE_INVALID, f"{cosigner.name} did not sign")
