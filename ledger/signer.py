"""The ledger's two keys, and the one memory a log must never lose: what it signed last.

A log that signs two different trees of one size, or a smaller tree after a larger one, has destroyed itself,
and a restored backup is the usual way to do it. So the last signed state is kept in a file outside the
database, written before the signature exists, and nothing is signed that does not follow from it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import decode_utf8, encode_json, parse_json_object
from protocol.errors import MalformedError, RefusedError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint, parse_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.note import NoteKey, SignatureType, encode_note, sign_note
from protocol.tlog.policy import LogPolicy, PolicyLog, Witness
from storage.atomic_file import replace_file

OPERATOR = "operator"
"""The name of the operator's cosigner in the policy."""


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """The key of the log `origin`, and the key of its operator's cosigner, which states the time."""

    origin: str
    log: Ed25519PrivateKey = field(repr=False)
    cosigner: Ed25519PrivateKey = field(repr=False)

    @property
    def cosigner_name(self) -> str:
        """The name the operator's cosigner signs under."""
        return f"{self.origin}/{OPERATOR}"

    def policy(self, url: str) -> LogPolicy:
        """The policy that trusts this log at `url`, on its operator's word alone."""
        log = NoteKey(self.origin, SignatureType.ED25519, self.log.public_key)
        cosigner = NoteKey(self.cosigner_name, SignatureType.ED25519_COSIGNATURE, self.cosigner.public_key)
        return LogPolicy((PolicyLog(log, url),), (Witness(OPERATOR, cosigner),), (), OPERATOR)


def encode_ledger_keys(keys: LedgerKeys) -> bytes:
    """Write `keys` for the sealed file that holds them."""
    return encode_json(
        {
            "origin": keys.origin,
            "log_seed": encode_base64url(keys.log.seed),
            "cosigner_seed": encode_base64url(keys.cosigner.seed),
        }
    )


def parse_ledger_keys(body: bytes) -> LedgerKeys:
    """Read the content of the sealed file.

    Raises:
        MalformedError: not what `encode_ledger_keys` writes.
    """
    members = parse_json_object(body)
    try:
        seeds = [decode_base64url(text_member(members, name)) for name in ("log_seed", "cosigner_seed")]
        log, cosigner = (Ed25519PrivateKey(seed) for seed in seeds)
    except ValueError:
        # From None: the frames of the failed call hold a seed.
        raise MalformedError(Code.KEY_INVALID, "a seed of the ledger's keys") from None
    return LedgerKeys(text_member(members, "origin"), log, cosigner)


class CheckpointSigner:
    """Signs the checkpoints of one log, each at least as far as the one before. Not for two threads at once.

    Attributes:
        last_signed: The state that was signed last, or was about to be when the program died.
    """

    def __init__(self, keys: LedgerKeys, memory: Path) -> None:
        """Go on where `memory` says the last signature was.

        Raises:
            RefusedError: `memory` is missing or of another log. Starting anew would allow a second history.
        """
        self._keys = keys
        self._memory = memory
        self.last_signed = load_memory(memory, keys.origin)

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._keys.origin

    @property
    def log_key(self) -> NoteKey:
        """The key of the log, as others know it."""
        return NoteKey(self.origin, SignatureType.ED25519, self._keys.log.public_key)

    def sign(self, tree_size: int, root_hash: bytes, *, now: datetime) -> str:
        """The signed and cosigned note of the checkpoint with this size and root, dated `now`.

        Not checked: that the tree contains the one signed last (`ledger.self_check`).

        Raises:
            RefusedError: a smaller tree than was signed, or another root for the same size.
            UnavailableError: the memory cannot be written; nothing was signed.
        """
        checkpoint = Checkpoint(self.origin, tree_size, root_hash)
        if tree_size < self.last_signed.tree_size:
            raise RefusedError(Code.LOG_ROLLBACK, "a larger tree was signed before")
        text = encode_checkpoint(checkpoint)
        if checkpoint != self.last_signed:
            if tree_size == self.last_signed.tree_size:
                raise RefusedError(Code.LOG_FORK, "another tree of this size was signed before")
            replace_file(self._memory, text.encode())
            self.last_signed = checkpoint
        keys = self._keys
        return encode_note(
            text,
            [
                sign_note(text, name=keys.origin, key=keys.log),
                sign_cosignature(text, name=keys.cosigner_name, key=keys.cosigner, now=now),
            ],
        )


def create_memory(memory: Path, origin: str) -> None:
    """Begin the memory of a new log, which has signed nothing."""
    replace_file(memory, encode_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT)).encode())


def load_memory(memory: Path, origin: str) -> Checkpoint:
    """The state of the log `origin` that was signed last.

    Raises:
        RefusedError: LOG_SELF_CHECK_FAILED, `memory` cannot be read or is of another log.
    """
    try:
        checkpoint = parse_checkpoint(decode_utf8(memory.read_bytes()))
    except (OSError, MalformedError) as error:
        raise RefusedError(Code.LOG_SELF_CHECK_FAILED, f"{memory.name} cannot be read") from error
    if checkpoint.origin != origin:
        raise RefusedError(Code.LOG_SELF_CHECK_FAILED, f"{memory.name} is of another log")
    return checkpoint
