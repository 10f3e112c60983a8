"""The last checkpoint seen of each log, so that a ledger cannot take back what it once showed.

One small file per origin, replaced atomically. The memory only ever moves forward: of two processes that
race, the one with the larger tree stays (a lock on a file of its own).
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.codes import Code
from protocol.errors import MalformedError, UnavailableError
from protocol.tlog.checkpoint import Checkpoint, parse_checkpoint
from protocol.tlog.note import parse_note
from storage.atomic_file import Folder, close_unwritten, make_private_folder, replace_file, typed_disk_errors

_LOCK = "lock"


class CheckpointMemory:
    """Keeps the last checkpoint per origin in `folder`, which is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        make_private_folder(folder)
        self._folder = folder

    def recall(self, origin: str) -> Checkpoint | None:
        """The last checkpoint seen of `origin`, or None at the first contact.

        Raises:
            UnavailableError: there is one, and it cannot be read; forgetting it silently would hide a fork.
        """
        path = self._path(origin)
        if not path.exists():
            return None
        try:
            checkpoint = parse_checkpoint(parse_note(path.read_bytes()).text)
        except (MalformedError, OSError) as error:
            raise UnavailableError(Code.DISK_ERROR, f"the remembered checkpoint {path.name}") from error
        return checkpoint

    def remember(self, note: str) -> None:
        """Keep `note`, a verified and consistent checkpoint, unless a larger one was kept meanwhile."""
        checkpoint = parse_checkpoint(parse_note(note).text)
        with self._alone():
            known = self.recall(checkpoint.origin)
            if known is None or known.tree_size < checkpoint.tree_size:
                replace_file(self._path(checkpoint.origin), note.encode())

    def keep_evidence(self, note: str) -> Path:
        """Keep a checkpoint that contradicts the remembered one beside it, and say where."""
        checkpoint = parse_checkpoint(parse_note(note).text)
        digest = hashlib.sha256(note.encode()).hexdigest()[:16]
        path = self._folder / f"{self._path(checkpoint.origin).stem}.conflict-{digest}"
        replace_file(path, note.encode())
        return path

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with Folder(self._folder, private=False) as folder:
            lock = folder.open_file(_LOCK, os.O_RDWR | os.O_CREAT)
        try:
            with typed_disk_errors(_LOCK):
                # Held for moments only, so it is waited for; it goes with the process.
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            close_unwritten(lock)

    def _path(self, origin: str) -> Path:
        # Origins hold slashes and colons; their hash is the name the C2SP witness protocol uses too.
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"
