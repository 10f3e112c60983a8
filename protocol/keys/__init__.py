"""The two kinds of keys: Ed25519, the house key, and P-256 where OpenID4VC peers need ES256."""

from typing import Protocol, TypeAlias

from protocol.keys.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from protocol.keys.p256 import P256PrivateKey, P256PublicKey

__all__ = [
    "Ed25519PrivateKey",
    "Ed25519PublicKey",
    "P256PrivateKey",
    "P256PublicKey",
    "PublicKey",
    "SigningKey",
]

PublicKey: TypeAlias = Ed25519PublicKey | P256PublicKey


class SigningKey(Protocol):
    """What signs: a private key in memory here, a token or a remote signer elsewhere."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` makes."""

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`."""
