"""ECDSA on P-256 with SHA-256 (ES256, RFC 7518 §3.4), for peers that do not speak Ed25519.

`cryptography` is imported inside the functions: most runs of the wallet never meet a P-256 key, and the
import costs more than everything else `tally list` does.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

COORDINATE_BYTES = 32
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class P256PublicKey:
    """A public key: the 33-byte compressed point, checked to be on the curve.

    Raises:
        MalformedError: not a compressed point of P-256.
    """

    compressed: bytes

    def __post_init__(self) -> None:
        self._load()

    @classmethod
    def from_coordinates(cls, x: bytes, y: bytes) -> "P256PublicKey":
        """The key with the 32-byte coordinates `x` and `y`.

        Raises:
            MalformedError: wrong length, or the point is not on the curve.
        """
        if len(x) != COORDINATE_BYTES or len(y) != COORDINATE_BYTES:
            raise MalformedError(Code.KEY_INVALID, "a P-256 coordinate has 32 bytes")
        key = cls(bytes([2 + (y[-1] & 1)]) + x)
        if key.coordinates() != (x, y):
            raise MalformedError(Code.KEY_INVALID, "the point is not on P-256")
        return key

    def coordinates(self) -> tuple[bytes, bytes]:
        """The 32-byte coordinates x and y."""
        numbers = self._load().public_numbers()
        return numbers.x.to_bytes(COORDINATE_BYTES), numbers.y.to_bytes(COORDINATE_BYTES)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check the 64-byte `signature` (r and s, 32 bytes each) of `message`.

        Raises:
            VerificationError: wrong length, or not this key's signature.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        if len(signature) != SIGNATURE_BYTES:
            raise VerificationError(Code.SIGNATURE_INVALID, "an ES256 signature has 64 bytes")
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        try:
            self._load().verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise VerificationError(Code.SIGNATURE_INVALID) from error

    def _load(self) -> "ec.EllipticCurvePublicKey":
        from cryptography.hazmat.primitives.asymmetric import ec

        if len(self.compressed) != COORDINATE_BYTES + 1:
            raise MalformedError(Code.KEY_INVALID, "a compressed P-256 point has 33 bytes")
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.compressed)
        except ValueError as error:
            raise MalformedError(Code.KEY_INVALID, "not a point of P-256") from error


@dataclass(frozen=True, slots=True)
class P256PrivateKey:
    """A private key: the 32-byte scalar, which stays out of `repr`.

    Raises:
        ValueError: not 32 bytes, or not between 1 and the group order.
    """

    scalar: bytes = field(repr=False)
    public_key: P256PublicKey = field(init=False)

    def __post_init__(self) -> None:
        if len(self.scalar) != COORDINATE_BYTES:
            raise ValueError("a P-256 private key has 32 bytes")
        object.__setattr__(self, "public_key", self._public_key())

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`: r and s, with the deterministic nonce of RFC 6979."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self._load().sign(message, algorithm))
        return r.to_bytes(32) + s.to_bytes(32)

    def _public_key(self) -> P256PublicKey:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._load().public_key()
        return P256PublicKey(public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))

    def _load(self) -> "ec.EllipticCurvePrivateKey":
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.derive_private_key(int.from_bytes(self.scalar), ec.SECP256R1())
