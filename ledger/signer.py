"""The ledger's keys, and the one memory a log must never lose: what it signed last.

A log that signs two different trees of one size, or a smaller tree after a larger one, has destroyed itself,
and a restored backup is the usual way to do it. So the last signed state is kept in a file outside the
database, written before the signature exists, and nothing is signed that does not follow from it. A front end
that shares a database with others remembers what they have published too, so each has all that anybody was
shown.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ledger.tree import Tree
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

_SEEDS = ("log", "index", "cosigner")

OPERATOR = "operator"
"""The name of the operator's cosigner in the policy."""


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """The keys of the log `origin`, of its index log, and of its operator's cosigner, the clock."""

    origin: str
    log: Ed25519PrivateKey = field(repr=False)
    index: Ed25519PrivateKey = field(repr=False)
    cosigner: Ed25519PrivateKey = field(repr=False)

    @property
    def cosigner_name(self) -> str:
        """The name the operator's cosigner signs under."""
        return f"{self.origin}/{OPERATOR}"

    def key(self, tree: Tree) -> Ed25519PrivateKey:
        """The key of the log or of its index log."""
        return self.log if tree is Tree.LOG else self.index

    def public_key(self, tree: Tree) -> NoteKey:
        """That key as others know it; its name is the origin."""
        return NoteKey(tree.origin(self.origin), SignatureType.ED25519, self.key(tree).public_key)

    def policy(self, url: str) -> LogPolicy:
        """The policy that trusts this log at `url`, on its operator's word alone."""
        logs = tuple(PolicyLog(self.public_key(tree), tree.url(url)) for tree in Tree)
        cosigner = NoteKey(self.cosigner_name, SignatureType.ED25519_COSIGNATURE, self.cosigner.public_key)
        return LogPolicy(logs, (Witness(OPERATOR, cosigner),), (), OPERATOR)


def encode_ledger_keys(keys: LedgerKeys) -> bytes:
    """Write `keys` for the sealed file that holds them."""
    return encode_json(
        {
            "origin": keys.origin,
            "log_seed": encode_base64url(keys.log.seed),
            "index_seed": encode_base64url(keys.index.seed),
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
        seeds = [decode_base64url(text_member(members, f"{name}_seed")) for name in _SEEDS]
        log, index, cosigner = (Ed25519PrivateKey(seed) for seed in seeds)
    except ValueError:
        # From None: the frames of the failed call hold a seed.
        raise MalformedError(Code.KEY_INVALID, "a seed of the ledger's keys") from None
    return LedgerKeys(text_member(members, "origin"), log, index, cosigner)


class CheckpointSigner:
    """Signs the checkpoints of one log, each at least as far as the one before. Not for two threads at once.

    Attributes:
        public_key: The key of the log, as others know it.
        last_signed: The state that was signed last, here or elsewhere, or was about to be when the program
            died.
    """

    def __init__(self, keys: LedgerKeys, memory: Path, tree: Tree = Tree.LOG) -> None:
        """Go on where `memory` says the last signature of that `tree` was.

        Raises:
            RefusedError: `memory` is missing or of another log. Starting anew would allow a second history.
        """
        self._keys = keys
        self._key = keys.key(tree)
        self._memory = memory
        self.public_key = keys.public_key(tree)
        self.last_signed = load_memory(memory, self.origin)

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self.public_key.name

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
            self._remember(checkpoint)
        keys = self._keys
        return encode_note(
            text,
            [
                sign_note(text, name=self.origin, key=self._key),
                sign_cosignature(text, name=keys.cosigner_name, key=keys.cosigner, now=now),
            ],
        )

    def remember(self, checkpoint: Checkpoint) -> None:
        """Sign nothing that does not continue `checkpoint` either, which another front end has signed.

        Not checked: that it continues the one signed last (`ledger.self_check`).

        Raises:
            RefusedError: LOG_FORK, it is another tree of the same size.
            UnavailableError: the memory cannot be written.
        """
        if checkpoint.tree_size == self.last_signed.tree_size and checkpoint != self.last_signed:
            raise RefusedError(Code.LOG_FORK, "another tree of this size was signed before")
        if checkpoint.tree_size > self.last_signed.tree_size:
            self._remember(checkpoint)

    def _remember(self, checkpoint: Checkpoint) -> None:
        replace_file(self._memory, encode_checkpoint(checkpoint).encode())
        self.last_signed = checkpoint


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


@dataclass(frozen=True, slots=True)
class LedgerSigners:
    """What signs the checkpoints of a log and of its index log."""

    log: CheckpointSigner
    index: CheckpointSigner


def load_signers(keys: LedgerKeys, folder: Path) -> LedgerSigners:
    """Go on where the memories in `folder` say the last signatures were.

    Raises:
        RefusedError: one is missing or of another log. Starting anew would allow a second history.
    """
    return LedgerSigners(*(CheckpointSigner(keys, memory_file(folder, tree), tree) for tree in Tree))


def create_memories(keys: LedgerKeys, folder: Path) -> None:
    """Begin the memories of a new log in `folder`; those that are there already stay as they are."""
    for tree in Tree:
        # What was signed last is never forgotten, even if somebody removed the settings of a ledger.
        if not (memory := memory_file(folder, tree)).exists():
            create_memory(memory, keys.public_key(tree).name)


def memory_file(folder: Path, tree: Tree) -> Path:
    """The file in which a ledger in `folder` remembers what it signed last."""
    return folder / ("last-signed" if tree is Tree.LOG else f"last-signed-{tree}")
