"""Ed25519 with one acceptance set everywhere: libsodium's (RFC 8032, narrowed).

OpenSSL and libsodium disagree on small-order and non-canonical keys. A log entry that one party accepts
and another refuses splits the ledger, so every signature in this system is checked by libsodium, and such
keys are refused when they are read: a small-order key "verifies" signatures nobody made.
"""

from dataclasses import dataclass, field

import nacl.bindings
import nacl.exceptions

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError

KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64

_FIELD_PRIME = 2**255 - 19
_SIGN_BIT = 1 << 255
_Y_OF_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# The y coordinates of the eight points of small order; the sign of x does not matter.
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD_PRIME - 1, _Y_OF_ORDER_8, _FIELD_PRIME - _Y_OF_ORDER_8})


@dataclass(frozen=True, slots=True)
class Ed25519PublicKey:
    """A public key: 32 bytes, canonical and not of small order. Not checked: that it is on the curve; a key
    that is not verifies nothing.

    Raises:
        MalformedError: wrong length, y beyond the field, or a point of small order.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise MalformedError(Code.KEY_INVALID, "an Ed25519 public key has 32 bytes")
        y = int.from_bytes(self.raw, "little") & (_SIGN_BIT - 1)
        if y >= _FIELD_PRIME:
            raise MalformedError(Code.KEY_INVALID, "non-canonical Ed25519 public key")
        if y in _SMALL_ORDER_Y:
            raise MalformedError(Code.KEY_INVALID, "Ed25519 public key of small order")

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check the 64-byte `signature` of `message`.

        Raises:
            VerificationError: wrong length, S not below the group order, or not this key's signature.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise VerificationError(Code.SIGNATURE_INVALID, "an Ed25519 signature has 64 bytes")
        try:
            nacl.bindings.crypto_sign_open(signature + message, self.raw)
        except nacl.exceptions.BadSignatureError as error:
            raise VerificationError(Code.SIGNATURE_INVALID) from error


@dataclass(frozen=True, slots=True)
class Ed25519PrivateKey:
    """A private key, made from its 32-byte seed. The seed stays out of `repr`.

    Raises:
        ValueError: the seed does not have 32 bytes.
    """

    seed: bytes = field(repr=False)
    public_key: Ed25519PublicKey = field(init=False)
    _expanded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise ValueError("an Ed25519 seed has 32 bytes")
        public, expanded = nacl.bindings.crypto_sign_seed_keypair(self.seed)
        object.__setattr__(self, "public_key", Ed25519PublicKey(public))
        object.__setattr__(self, "_expanded", expanded)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`."""
        return nacl.bindings.crypto_sign(message, self._expanded)[:SIGNATURE_BYTES]
