"""A log that asks to be cosigned, with any tree it likes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.merkle import HashReader, Node, RightEdge, create_consistency_proof, hash_leaf
from protocol.tlog.note import NoteKey, SignatureType, encode_note, sign_note
from protocol.tlog.witness import AddCheckpointRequest

ORIGIN = "ledger.localhost:8101"
LOG = Ed25519PrivateKey(bytes([201]) * 32)
STRANGER = Ed25519PrivateKey(bytes([99]) * 32)
LOG_KEY = NoteKey(ORIGIN, SignatureType.ED25519, LOG.public_key)


def _root(hashes: Sequence[bytes]) -> bytes:
    return RightEdge().append(hashes).root_hash()


def _reader(hashes: Sequence[bytes]) -> HashReader:
    def read(nodes: Sequence[Node]) -> list[bytes]:
        return [_root(hashes[node.index << node.level : (node.index + 1) << node.level]) for node in nodes]

    return read


@dataclass
class CosignedLog:
    """Numbers as entries; `branch` makes another tree of every size above 0."""

    branch: str = ""
    key: Ed25519PrivateKey = field(default=LOG)
    origin: str = ORIGIN

    def hashes(self, size: int) -> list[bytes]:
        return [hash_leaf(f"{self.branch}{number}".encode()) for number in range(size)]

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, _root(self.hashes(size)))

    def note(self, size: int) -> str:
        text = encode_checkpoint(self.checkpoint(size))
        return encode_note(text, [sign_note(text, name=self.origin, key=self.key)])

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        return create_consistency_proof(old, new, _reader(self.hashes(new))) if 0 < old < new else ()

    def request(self, old: int, new: int) -> AddCheckpointRequest:
        return AddCheckpointRequest(old, self.proof(old, new), self.note(new))
