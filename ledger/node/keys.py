"""The keys of a node, as its sealed file holds them.

The key that cosigns checkpoints signs nothing of did:webvh, and the one that approves entries of DIDs no
checkpoint. A node that was made without the latter, a bare witness for one, approves nothing.
"""

from dataclasses import dataclass, field

from ledger.node.cosigner import Cosigner, Promise
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """The cosigner of a node, and the key it approves entries of DIDs with, if it has one."""

    cosigner: Cosigner
    approver: Ed25519PrivateKey | None = field(repr=False)

    @property
    def approver_did(self) -> str | None:
        """The did:key by which DIDs name this node as their witness."""
        return None if self.approver is None else encode_did_key(self.approver.public_key)


def encode_node_keys(keys: NodeKeys) -> bytes:
    """Write `keys` for the sealed file that holds them."""
    members: JsonObject = {
        "authority": keys.cosigner.authority,
        "promise": keys.cosigner.promise.value,
        "seed": encode_base64url(keys.cosigner.key.seed),
    }
    if keys.approver is not None:
        members["approver"] = encode_base64url(keys.approver.seed)
    return encode_json(members)


def parse_node_keys(body: bytes) -> NodeKeys:
    """Read the content of the sealed file.

    Raises:
        MalformedError: not what `encode_node_keys` writes.
    """
    members = parse_json_object(body)
    try:
        promise = Promise(text_member(members, "promise"))
        key = _read_key(members, "seed")
        approver = _read_key(members, "approver") if "approver" in members else None
    except ValueError:
        # From None: the frames of the failed call hold the seed.
        raise MalformedError(Code.KEY_INVALID, "the key of the node") from None
    return NodeKeys(Cosigner(text_member(members, "authority"), promise, key), approver)


def _read_key(members: JsonObject, name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey(decode_base64url(text_member(members, name)))
