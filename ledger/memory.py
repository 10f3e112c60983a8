"""The last checkpoint seen of each log, so that a ledger cannot take back what it once showed.

One small file per origin, replaced atomically. The memory only ever moves forward: of two processes that
race, the one with the larger tree stays (a lock on a file of its own). Beside it lies what was refused: a
fork evidence file for everybody where a fork can be proven, else the two signed notes.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.codes import Code
from protocol.errors import MalformedError, TallyError, UnavailableError
from protocol.tlog import fork
from protocol.tlog.checkpoint import Checkpoint, parse_checkpoint
from protocol.tlog.merkle import HashReader
from protocol.tlog.note import NoteKey, parse_note
from protocol.tlog.witness import hash_origin
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
        note = self._recall_note(origin)
        return None if note is None else _checkpoint_of(note)

    def remember(self, note: str) -> None:
        """Keep `note`, a verified and consistent checkpoint, unless a larger one was kept meanwhile."""
        checkpoint = _checkpoint_of(note)
        with self._alone():
            known = self.recall(checkpoint.origin)
            if known is None or known.tree_size < checkpoint.tree_size:
                replace_file(self._path(checkpoint.origin), note.encode())

    def keep_evidence(
        self, note: str, *, log_key: NoteKey, hash_reader: Callable[[int], HashReader]
    ) -> tuple[Path, ...]:
        """Keep `note`, a checkpoint that contradicts the remembered one, with what it shows; say where.

        `hash_reader` gives a reader for the log's tree of so many leaves. It need not be trusted: where
        what it reads proves no fork, both notes are kept as they are.
        """
        origin = _checkpoint_of(note).origin
        remembered = self._recall_note(origin)
        notes = sorted([note] if remembered is None else [note, remembered], key=_size_of)
        smaller, larger = notes[0], notes[-1]
        stem = self._path(origin).stem
        try:
            evidence = fork.create_fork_evidence(
                smaller, larger, log_key=log_key, read_hashes=hash_reader(_size_of(larger))
            )
        except TallyError:
            # The log need not help to convict itself, and an old state shown again is no fork.
            kept = {f"{stem}.conflict-{_digest(each)}": each for each in notes}
        else:
            name = f"{stem}-{_digest(smaller, larger)}{fork.SUFFIX}"
            kept = {name: fork.encode_fork_evidence(evidence)}
        for name, text in kept.items():
            replace_file(self._folder / name, text.encode())
        return tuple(self._folder / name for name in kept)

    def evidence(self, origin: str) -> list[Path]:
        """What was kept of contradictions in `origin`, proven forks first."""
        stem = self._path(origin).stem
        return [
            path
            for pattern in (f"{stem}-*{fork.SUFFIX}", f"{stem}.conflict-*")
            for path in sorted(self._folder.glob(pattern))
        ]

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

    def _recall_note(self, origin: str) -> str | None:
        path = self._path(origin)
        if not path.exists():
            return None
        try:
            note = path.read_bytes()
            _checkpoint_of(note)
        except (MalformedError, OSError) as error:
            raise UnavailableError(Code.DISK_ERROR, f"the remembered checkpoint {path.name}") from error
        return note.decode()

    def _path(self, origin: str) -> Path:
        # Origins hold slashes and colons; their hash is the name the C2SP witness protocol uses too.
        return self._folder / f"{hash_origin(origin)}.checkpoint"


def _checkpoint_of(note: str | bytes) -> Checkpoint:
    return parse_checkpoint(parse_note(note).text)


def _size_of(note: str) -> int:
    return _checkpoint_of(note).tree_size


def _digest(*notes: str) -> str:
    """A short name for the states in `notes`: one that is cosigned again and again is kept once."""
    states = "".join(parse_note(note).text for note in notes)
    return hashlib.sha256(states.encode()).hexdigest()[:16]
