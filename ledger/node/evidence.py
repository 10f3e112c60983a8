"""What a node keeps of a log that shows two histories: proof for everybody, where there can be one."""

from pathlib import Path

from ledger.log_files import LogFiles
from ledger.memory import CheckpointMemory
from ledger.node.copy import LogCopy
from ledger.node.last_cosigned import LastCosigned
from ledger.node.witness import SignedCheckpoint
from protocol.tlog.fork import SUFFIX
from protocol.tlog.merkle import HashReader
from protocol.tlog.note import NoteKey
from protocol.tlog.tiles import read_hashes_from_tiles


class Evidence:
    """Remembers the largest state of the node's own branch, and keeps what contradicts it, in `folder`."""

    def __init__(
        self, folder: Path, log_key: NoteKey, *, last: LastCosigned, files: LogFiles, copy: LogCopy | None
    ) -> None:
        self._memory = CheckpointMemory(folder)
        self._log_key = log_key
        self._last = last
        self._files = files
        self._copy = copy

    def remember(self, signed: SignedCheckpoint) -> None:
        """Note that the branch of `signed` is the node's own.

        Raises:
            UnavailableError: the disk's fault.
        """
        self._memory.remember(signed.note)

    def keep(self, signed: SignedCheckpoint) -> None:
        """Keep `signed`, which is of another branch; seeing it again changes nothing.

        Raises:
            UnavailableError: the disk's fault.
        """
        if (cosigned := self._last.note()) is not None:
            self._memory.remember(cosigned.note)
        own = self._memory.recall(self._log_key.name)
        own_size = 0 if own is None else own.tree_size

        def hash_reader(tree_size: int) -> HashReader:
            is_ours = self._copy is not None and signed.tree_size <= own_size <= self._copy.tree_size
            if self._copy is not None and is_ours:
                return self._copy.hash_reader(tree_size)
            return read_hashes_from_tiles(tree_size, self._files.read_tiles)

        self._memory.keep_evidence(signed.note, log_key=self._log_key, hash_reader=hash_reader)


def kept_evidence(folder: Path) -> list[Path]:
    """The files that `Evidence` kept, in the order of their names."""
    return sorted(path for path in folder.glob("*") if ".conflict-" in path.name or path.suffix == SUFFIX)
