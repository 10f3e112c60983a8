"""What a node has seen of a log, and that it contradicts what is here."""

from dataclasses import dataclass
from pathlib import Path

from ledger.memory import CheckpointMemory
from ledger.stored_tree import StoredTree
from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import NoteKey


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that a node has cosigned, and the note by which it proves that the log signed it."""

    checkpoint: Checkpoint
    note: str


class ContradictionError(VerificationError):
    """A node proves, by the log's own signature, that the log has signed what is not here.

    Attributes:
        log: The key of that log.
        seen: What the node has cosigned of it.
    """

    def __init__(self, code: Code, detail: str, *, log: NoteKey, seen: Seen) -> None:
        super().__init__(code, detail)
        self.log = log
        self.seen = seen


def keep_contradiction(
    contradiction: ContradictionError, folder: Path, *, own: str | None, tree: StoredTree
) -> None:
    """Keep in `folder` what a node has seen, beside `own`, the last note signed here, if there is one.

    It is proof of a fork where it can be (`CheckpointMemory.keep_evidence`); `tree` is the log as it is here.

    Raises:
        UnavailableError: the disk's fault.
    """
    memory = CheckpointMemory(folder)
    if own is not None:
        memory.remember(own)
    memory.keep_evidence(contradiction.seen.note, log_key=contradiction.log, hash_reader=tree.hash_reader)
