"""Public keys as Multikey text: multibase over a multicodec prefix and the key (W3C CID 1.0 §2.2.2)."""

from protocol.codes import Code
from protocol.encoding.base58btc import decode_multibase, encode_multibase
from protocol.errors import MalformedError
from protocol.keys import Ed25519PublicKey, P256PublicKey, PublicKey

_ED25519_PREFIX = bytes([0xED, 0x01])
_P256_PREFIX = bytes([0x80, 0x24])


def parse_multikey(text: str) -> PublicKey:
    """Read `z6Mk…` (Ed25519) or `zDn…` (P-256, compressed).

    Raises:
        MalformedError: another base, another key type, or not a proper key.
    """
    data = decode_multibase(text)
    prefix, raw = data[:2], data[2:]
    if prefix == _ED25519_PREFIX:
        return Ed25519PublicKey(raw)
    if prefix == _P256_PREFIX:
        return P256PublicKey(raw)
    raise MalformedError(Code.KEY_INVALID, "multikey of an unknown type")


def encode_multikey(key: PublicKey) -> str:
    """The multikey text of `key`."""
    if isinstance(key, Ed25519PublicKey):
        return encode_multibase(_ED25519_PREFIX + key.raw)
    return encode_multibase(_P256_PREFIX + key.compressed)
