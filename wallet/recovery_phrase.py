"""From 24 words to every key of a wallet (BIP-39, SLIP-0010). See docs/formats/holder-keys.md.

    m / 9901' / 0' / n'    the holder key of the n-th credential copy
    m / 9901' / 1'         the key that opens the wallet's sealed file in place of the passphrase
    m / 9901' / 2'         the key that signs exports of the history

9901 is the number of SD-JWT's RFC. Every step is hardened: no key says anything about another one.
"""

import hmac
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from storage.sealed_header import RecoveryKey

if TYPE_CHECKING:
    from mnemonic import Mnemonic

ENTROPY_BYTES = 32
WORDS = 24

_PURPOSE = 9901
_HOLDER_KEYS = 0
_RECOVERY_KEY = 1
_EXPORT_KEY = 2
_HARDENED = 1 << 31
_ED25519 = b"ed25519 seed"
_P256 = b"Nist256p1 seed"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_FIRST_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_INDICES_PER_MINUTE = 64


class HolderKeyType(StrEnum):
    """The kind of a holder key; P-256 only for issuers that cannot do Ed25519."""

    ED25519 = "Ed25519"
    P256 = "P-256"


@dataclass(frozen=True, slots=True)
class HolderKey:
    """Which key of the recovery phrase a credential copy is bound to."""

    type: HolderKeyType
    index: int


def encode_recovery_phrase(entropy: bytes) -> str:
    """The 24 English words of 32 bytes of entropy, with a space between each (BIP-39).

    Raises:
        ValueError: not 32 bytes.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError("a recovery phrase stands for 32 bytes")
    return str(_english().to_mnemonic(entropy))


def parse_recovery_phrase(text: str) -> bytes:
    """The 32 bytes of entropy behind 24 words, in any case and with any white space between them.

    Raises:
        MalformedError: not 24 words, a word that is not in the list (the detail says which, by its number),
            or words that do not belong together.
    """
    words = unicodedata.normalize("NFKD", text).lower().split()
    if len(words) != WORDS:
        raise MalformedError(Code.RECOVERY_PHRASE_INVALID, f"{len(words)} words instead of {WORDS}")
    language = _english()
    for number, word in enumerate(words, start=1):
        if word not in language.wordlist:
            raise MalformedError(Code.RECOVERY_PHRASE_INVALID, f"word {number} is not in the list")
    if not language.check(" ".join(words)):
        raise MalformedError(Code.RECOVERY_PHRASE_INVALID, "the words do not belong together in this order")
    return bytes(language.to_entropy(words))


def word_list() -> Sequence[str]:
    """The 2,048 words, in their order."""
    words: Sequence[str] = _english().wordlist
    return words


def derive_seed(entropy: bytes) -> bytes:
    """The 64-byte seed of BIP-39, without an extra passphrase. Takes about a millisecond."""
    return bytes(_english().to_seed(encode_recovery_phrase(entropy)))


def derive_ed25519_key(seed: bytes, path: Sequence[int]) -> Ed25519PrivateKey:
    """The key at `path` below `seed` (SLIP-0010), every step of it hardened."""
    return Ed25519PrivateKey(_derive(_ED25519, seed, path))


def derive_p256_key(seed: bytes, path: Sequence[int]) -> P256PrivateKey:
    """The key at `path` below `seed` (SLIP-0010), every step of it hardened."""
    return P256PrivateKey(_derive(_P256, seed, path))


def holder_key_path(index: int) -> tuple[int, ...]:
    """Where the holder key number `index` is."""
    return (_PURPOSE, _HOLDER_KEYS, index)


def derive_holder_key(entropy: bytes, key: HolderKey) -> Ed25519PrivateKey | P256PrivateKey:
    """The private key that `key` names, of the wallet on these 32 bytes."""
    return derive_holder_key_from_seed(derive_seed(entropy), key)


def derive_holder_key_from_seed(seed: bytes, key: HolderKey) -> Ed25519PrivateKey | P256PrivateKey:
    """The same, for who derives many: the seed costs more than the key."""
    derive = derive_ed25519_key if key.type is HolderKeyType.ED25519 else derive_p256_key
    return derive(seed, holder_key_path(key.index))


def derive_recovery_key(seed: bytes) -> RecoveryKey:
    """The key that opens the wallet's sealed file."""
    return RecoveryKey(_derive(_ED25519, seed, (_PURPOSE, _RECOVERY_KEY)))


def derive_export_key(seed: bytes) -> Ed25519PrivateKey:
    """The key that signs exports of the history, and nothing else."""
    return derive_ed25519_key(seed, (_PURPOSE, _EXPORT_KEY))


def first_key_index(now: datetime) -> int:
    """Where a wallet that is made or restored from its words `now` starts to count its holder keys.

    The words do not know how far an earlier wallet had counted, and a key used twice makes two credentials
    linkable. 64 numbers for every minute since 2026 lie ahead of any wallet that got fewer copies than that.
    """
    minutes = int((now - _FIRST_MOMENT).total_seconds()) // 60
    return max(0, minutes) * _INDICES_PER_MINUTE


@cache
def _english() -> "Mnemonic":
    # Only making and restoring a wallet, and deriving its keys, read the list of 2,048 words.
    from mnemonic import Mnemonic

    return Mnemonic("english")


def _derive(curve: bytes, seed: bytes, path: Sequence[int]) -> bytes:
    key, chain_code = _master_key(curve, seed)
    for index in path:
        key, chain_code = _child_key(curve, key, chain_code, index)
    return key


def _master_key(curve: bytes, seed: bytes) -> tuple[bytes, bytes]:
    while True:
        digest = hmac.digest(curve, seed, "sha512")
        if curve == _ED25519 or 0 < int.from_bytes(digest[:32]) < _P256_ORDER:
            return digest[:32], digest[32:]
        seed = digest


def _child_key(curve: bytes, parent: bytes, chain_code: bytes, index: int) -> tuple[bytes, bytes]:
    if not 0 <= index < _HARDENED:
        raise ValueError("an index has 31 bits")
    number = (index + _HARDENED).to_bytes(4)
    data = b"\x00" + parent + number
    while True:
        digest = hmac.digest(chain_code, data, "sha512")
        if curve == _ED25519:
            return digest[:32], digest[32:]
        offset = int.from_bytes(digest[:32])
        key = (offset + int.from_bytes(parent)) % _P256_ORDER
        if offset < _P256_ORDER and key:
            return key.to_bytes(32), digest[32:]
        data = b"\x01" + digest[32:] + number
