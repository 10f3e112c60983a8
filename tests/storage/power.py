"""A power cut that takes with it whatever was not flushed."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.storage.faults import PowerCut


class LostCaches:
    """A fault for `FaultyDisk`: at the call `position`, data that was not flushed is gone.

    With `names_lost`, so are the changes of names in folders that were not flushed; without, they made it
    to the disk before the data did. A disk that lies about flushing has `honest=False`.
    """

    def __init__(self, position: int, *, names_lost: bool, honest: bool = True) -> None:
        self._position = position
        self._names_lost = names_lost
        self._honest = honest
        self._unflushed: set[int] = set()
        self._undo: list[tuple[Path, Callable[[], None]]] = []
        self._folders: set[Path] = set()

    def __call__(self, number: int, name: str, call: Callable[[], Any]) -> Any:
        if number >= self._position:
            self.cut()
            raise PowerCut
        assert isinstance(call, partial)
        match name:
            case "write":
                self._unflushed.add(os.fstat(call.args[0]).st_ino)
            case "fsync" if self._honest:
                self._flush(call.args[0])
            case "rename":
                self._remember(call.args[0], call.keywords["src_dir_fd"])
                self._remember(call.args[1], call.keywords["dst_dir_fd"])
            case "link":
                self._remember(call.args[1], call.keywords["dst_dir_fd"])
            case "unlink":
                self._remember(call.args[0], call.keywords["dir_fd"])
            case "open" if call.args[1] & os.O_CREAT:
                self._remember(call.args[0], call.keywords["dir_fd"])
        return call()

    def cut(self) -> None:
        """Lose what was not flushed; only once."""
        self._position = 0
        for folder in self._folders:
            for path in folder.iterdir():
                if path.is_file() and path.stat().st_ino in self._unflushed:
                    os.truncate(path, 0)
        self._unflushed.clear()
        if self._names_lost:
            for _, undo in reversed(self._undo):
                undo()
        self._undo.clear()

    def _flush(self, descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        self._unflushed.discard(os.fstat(descriptor).st_ino)
        self._undo = [(folder, undo) for folder, undo in self._undo if folder != target]

    def _remember(self, name: str, folder_descriptor: int) -> None:
        folder = Path(f"/proc/self/fd/{folder_descriptor}").readlink()
        path = folder / name
        self._folders.add(folder)
        before = path.read_bytes() if path.exists() else None

        def undo() -> None:
            path.unlink(missing_ok=True)
            if before is not None:
                path.touch(0o600)
                path.write_bytes(before)

        self._undo.append((folder, undo))
