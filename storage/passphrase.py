"""From a passphrase to a key: Argon2id (RFC 9106), with bounds that are checked before memory is taken.

The passphrase itself is the way to the key; there is no separate check of it that someone could edit away,
and no counter of attempts that someone could reset. What slows a guess down is the cost of one derivation.
"""

import os
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

import nacl.bindings
import nacl.exceptions

from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError

SALT_BYTES = 16
KEY_BYTES = 32
MAX_PASSPHRASE_BYTES = 1024

_KIB_PER_MIB = 1024
_MAX_MEMORY_KIB = 2 * 1024 * _KIB_PER_MIB
_MAX_PASSES = 16
# Memory times passes, the measure of the time it takes: about 15 seconds of one core.
_MAX_COST_KIB = 8 * 1024 * _KIB_PER_MIB
_TARGET_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Passphrase:
    """What a person typed, kept out of `repr` and so out of every traceback."""

    text: str = field(repr=False)

    def encode(self) -> bytes:
        """The passphrase in UTF-8 after NFKC, so that it is the same from every keyboard.

        Raises:
            RefusedError: empty, longer than `MAX_PASSPHRASE_BYTES`, or with a lone surrogate, as a
                command line in another encoding gives.
        """
        # Length first, or a megabyte would be normalized. From None: the error quotes the passphrase.
        if len(self.text) <= MAX_PASSPHRASE_BYTES:
            try:
                if 0 < len(unicodedata.normalize("NFKC", self.text).encode()) <= MAX_PASSPHRASE_BYTES:
                    return unicodedata.normalize("NFKC", self.text).encode()
            except UnicodeEncodeError:
                raise RefusedError(Code.PASSPHRASE_WRONG, "it is not UTF-8") from None
        raise RefusedError(Code.PASSPHRASE_WRONG, f"it has 1 to {MAX_PASSPHRASE_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class KdfParameters:
    """What one derivation costs: Argon2id version 1.3 with one lane."""

    memory_kib: int
    passes: int


INTERACTIVE = KdfParameters(64 * _KIB_PER_MIB, 3)
"""The least a new file gets (RFC 9106 §4, second choice): about a third of a second."""
MODERATE = KdfParameters(256 * _KIB_PER_MIB, 3)
"""The most a new file gets: about a second on a current machine."""
WEAKEST_ACCEPTED = KdfParameters(19 * _KIB_PER_MIB, 2)
"""The floor for opening a file. Anything weaker was not written by this program."""
TEST_ONLY = KdfParameters(8, 1)
"""No protection at all. A file made with it opens only where it is named as `weakest_kdf`."""


def require_acceptable_kdf(kdf: KdfParameters, *, weakest_kdf: KdfParameters) -> None:
    """Check `kdf` against the floor `weakest_kdf` and the ceiling, without deriving anything.

    Raises:
        RefusedError: `vault_parameters`.
    """
    if kdf.memory_kib < weakest_kdf.memory_kib or kdf.passes < weakest_kdf.passes:
        raise RefusedError(Code.VAULT_PARAMETERS, f"weaker than {weakest_kdf.memory_kib} KiB")
    if (
        kdf.memory_kib > _MAX_MEMORY_KIB
        or kdf.passes > _MAX_PASSES
        or kdf.memory_kib * kdf.passes > _MAX_COST_KIB
    ):
        raise RefusedError(Code.VAULT_PARAMETERS, f"{kdf.memory_kib} KiB in {kdf.passes} passes")


def derive_key(passphrase: Passphrase, *, salt: bytes, kdf: KdfParameters) -> bytes:
    """The 32-byte key of `passphrase` and a 16-byte `salt`. `kdf` must have been checked.

    Raises:
        RefusedError: the passphrase is none.
        UnavailableError: this machine does not have the memory.
    """
    try:
        return nacl.bindings.crypto_pwhash_alg(
            KEY_BYTES,
            passphrase.encode(),
            salt,
            kdf.passes,
            kdf.memory_kib * 1024,
            nacl.bindings.crypto_pwhash_ALG_ARGON2ID13,
        )
    except (nacl.exceptions.RuntimeError, MemoryError):
        # From None: the frames of the failed call hold the passphrase.
        raise UnavailableError(Code.VAULT_PARAMETERS, f"no {kdf.memory_kib} KiB of memory left") from None


def calibrate_kdf(stopwatch: Callable[[], float] = time.perf_counter) -> KdfParameters:
    """The costliest parameters that one derivation here still finishes with in about a second.

    Between `INTERACTIVE` and `MODERATE`, and never more than a quarter of the memory that is free.
    """
    began = stopwatch()
    derive_key(Passphrase("calibration"), salt=bytes(SALT_BYTES), kdf=INTERACTIVE)
    seconds = stopwatch() - began
    free_kib = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024
    chosen = INTERACTIVE
    for memory_kib in (2 * INTERACTIVE.memory_kib, MODERATE.memory_kib):
        estimate = seconds * memory_kib / INTERACTIVE.memory_kib
        if estimate <= _TARGET_SECONDS and memory_kib <= free_kib // 4:
            chosen = KdfParameters(memory_kib, INTERACTIVE.passes)
    return chosen
