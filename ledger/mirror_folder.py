"""The folder of a mirror: files for any web server, each replaced whole.

Unlike everything else that is kept they are for others to read, so their mode is what the umask leaves.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError
from storage.atomic_file import Folder, close_unwritten, typed_disk_errors

_MARK = ".mirror"
"""The file that says that the folder is a mirror's, and that is locked by whoever writes."""


class MirrorFolder:
    """The folder `path`, made when it is missing, for one process at a time. Use it in a `with` statement."""

    def __init__(self, path: Path) -> None:
        """Lock it.

        Raises:
            RefusedError: somebody else's files are in it (VAULT_EXISTS), or another process has it.
            UnavailableError: the disk's fault.
        """
        self.path = path
        with typed_disk_errors(path.name):
            _make_folder(path)
            if any(path.iterdir()) and not (path / _MARK).exists():
                raise RefusedError(Code.VAULT_EXISTS, f"{path} is neither empty nor a mirror")
        with Folder(path, private=False) as folder:
            self._lock = folder.take_lock(_MARK)

    def __enter__(self) -> "MirrorFolder":
        return self

    def __exit__(self, *_exception: object) -> None:
        close_unwritten(self._lock)

    def within(self, path: str) -> "MirrorPart":
        """The part of it below `path`."""
        return MirrorPart(self, path)

    def read(self, path: str) -> bytes | None:
        """The file at `path`, None where there is none."""
        with typed_disk_errors(path):
            try:
                return (self.path / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, path: str, data: bytes) -> None:
        """Let the file at `path` hold `data`; on return it is on the disk. Who is killed leaves the old one.

        Raises:
            UnavailableError: the disk's fault.
        """
        file = self.path / path
        with typed_disk_errors(path):
            _make_folder(file.parent)
            # Only one process writes, so what a killed one left has this name too.
            temporary = file.with_name(f".{file.name}.new")
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
            _flush_folder(file.parent)

    def folders_with(self, path: str, name: str) -> list[str]:
        """The names of the folders in that at `path` that hold a file `name`, sorted."""
        with typed_disk_errors(path):
            return sorted(file.parent.name for file in (self.path / path).glob(f"*/{name}"))

    def remove_others(self, path: str, kept: Collection[str]) -> None:
        """Remove the files of the folder at `path`, if it is there, but for those with the names `kept`."""
        folder = self.path / path
        with typed_disk_errors(path), suppress(FileNotFoundError):
            for file in list(folder.iterdir()):
                if file.name not in kept:
                    file.unlink()
            if not kept:
                folder.rmdir()


class MirrorPart:
    """The files of `folder` below `path`, as a folder of its own."""

    def __init__(self, folder: MirrorFolder, path: str) -> None:
        self._folder = folder
        self._path = path

    def read(self, path: str) -> bytes | None:
        """As `MirrorFolder.read`."""
        return self._folder.read(f"{self._path}{path}")

    def write(self, path: str, data: bytes) -> None:
        """As `MirrorFolder.write`."""
        self._folder.write(f"{self._path}{path}", data)

    def folders_with(self, name: str) -> list[str]:
        """As `MirrorFolder.folders_with`, of the part itself."""
        return self._folder.folders_with(self._path, name)

    def remove_others(self, path: str, kept: Collection[str]) -> None:
        """As `MirrorFolder.remove_others`."""
        self._folder.remove_others(f"{self._path}{path}", kept)


def _make_folder(path: Path) -> None:
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir()
    _flush_folder(path.parent)


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        close_unwritten(descriptor)
