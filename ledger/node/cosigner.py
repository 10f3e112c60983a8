"""The key a node cosigns with, and the line by which others take it into their policy.

The name of the key says what its cosignature promises: `<host>/copy` holds the whole log and has checked each
of its entries; `<host>/witness` has seen no other history. Who counts the key decides which promise counts.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from protocol.keys import Ed25519PrivateKey
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.note import NoteKey, NoteSignature, SignatureType, encode_vkey


class Promise(StrEnum):
    """What a node's cosignature says, as the last part of its name."""

    COPY = "copy"
    WITNESS = "witness"


@dataclass(frozen=True, slots=True)
class Cosigner:
    """The cosigner of the node at `authority` (`host` or `host:port`)."""

    authority: str
    promise: Promise
    key: Ed25519PrivateKey = field(repr=False)

    @property
    def name(self) -> str:
        """The name it signs under."""
        return f"{self.authority}/{self.promise}"

    def sign(self, text: str, *, now: datetime) -> NoteSignature:
        """Cosign the checkpoint whose note has the text `text`. Check and record it first."""
        return sign_cosignature(text, name=self.name, key=self.key, now=now)

    def policy_line(self, url: str) -> str:
        """The line of a tlog-policy that names this node, which is asked at `url`."""
        key = NoteKey(self.name, SignatureType.ED25519_COSIGNATURE, self.key.public_key)
        return f"witness {self.authority} {encode_vkey(key)} {url}"
