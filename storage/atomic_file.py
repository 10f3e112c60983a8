"""Files that are either the old or the new, whole, whatever dies in between.

The order of the steps is the point. New bytes go into a file of their own and are flushed and read back
before the name moves to them; the folder is flushed before success is reported. A flush that failed is never
tried again: the kernel may have dropped the pages and would call the second try a success.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_RETRY_SECONDS = 0.05
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a file system says that knows no second name for a file."""


class Folder:
    """An open folder; its files are reached through it, so that nobody can swap the folder in between.

    Give it back with `close`, or use it in a `with` statement.
    """

    def __init__(self, path: Path, *, private: bool) -> None:
        """Open the existing folder `path`; if `private`, only when it is this user's and closed to others.

        Raises:
            RefusedError: missing; or `private` and not mode 0700 of this user.
            UnavailableError: the disk's fault.
        """
        self._private = private
        with typed_disk_errors(path.name):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                if private:
                    _require_private(os.fstat(self._descriptor), path.name)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder; its files stay as they are. Twice does no harm."""
        close_unwritten(self._descriptor)
        # The number may soon stand for another file.
        self._descriptor = -1

    def is_at(self, path: Path) -> bool:
        """Whether `path` leads to this very folder."""
        with typed_disk_errors(path.name):
            try:
                return os.path.samestat(os.fstat(self._descriptor), path.stat())
            except (FileNotFoundError, NotADirectoryError):
                return False

    def exists(self, name: str) -> bool:
        """Whether anything has this name, be it a file or not."""
        with typed_disk_errors(name):
            try:
                os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return False
        return True

    def open_file(self, name: str, flags: int) -> int:
        """A descriptor of the file `name`, never through a symbolic link.

        Raises:
            MalformedError: not a regular file.
            RefusedError: missing or a symbolic link; in a private folder also when it belongs to another
                user or is open to others.
            UnavailableError: the disk's fault.
        """
        # O_NONBLOCK: opening a pipe that was put in the file's place must not wait for its other end.
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with typed_disk_errors(name):
            descriptor = os.open(name, flags, FILE_MODE, dir_fd=self._descriptor)
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise MalformedError(Code.VAULT_DAMAGED, f"{name} is not a regular file")
                if self._private:
                    _require_private(status, name)
            except BaseException:
                close_unwritten(descriptor)
                raise
        return descriptor

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """The content of the file `name`.

        Raises:
            MalformedError, RefusedError, UnavailableError: as `open_file`; also larger than `max_bytes`.
        """
        descriptor = self.open_file(name, os.O_RDONLY)
        try:
            with typed_disk_errors(name):
                data = _read_all(descriptor, max_bytes + 1)
        finally:
            close_unwritten(descriptor)
        if len(data) > max_bytes:
            raise MalformedError(Code.SIZE_EXCEEDED, f"{name} has more than {max_bytes} bytes")
        return data

    def replace(self, name: str, data: bytes, *, previous: str | None = None) -> None:
        """Let `name` hold `data`, mode 0600.

        When this returns, it is on the disk. When it raises, `name` is whole all the same: the old file,
        or, when only the last flush failed, perhaps the new one.

        `previous` is the name under which the old file, if there is one, stays.

        Raises:
            UnavailableError: `disk_full` or `disk_error`.
        """
        temporary = self._write_temporary(name, data)
        with self._removed_on_failure(temporary), typed_disk_errors(name):
            if previous is not None and self.exists(name):
                self._unlink(previous)
                self._link(name, previous)
            os.rename(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            os.fsync(self._descriptor)

    def create(self, name: str, data: bytes) -> None:
        """Make the file `name` with `data`, mode 0600, only if nothing has that name.

        Raises:
            RefusedError: `vault_exists`.
            UnavailableError: `disk_full` or `disk_error`.
        """
        temporary = self._write_temporary(name, data)
        with self._removed_on_failure(temporary), typed_disk_errors(name):
            try:
                # A link, unlike a rename, never takes the place of something.
                self._link(temporary, name)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                # As on most sticks; what is left is to look first.
                if self.exists(name):
                    raise RefusedError(Code.VAULT_EXISTS, name) from None
                os.rename(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            else:
                self._unlink(temporary)
            os.fsync(self._descriptor)

    def remove(self, name: str) -> None:
        """Remove the file `name`, if it is there; on return its absence is on the disk."""
        with typed_disk_errors(name):
            self._unlink(name)
            os.fsync(self._descriptor)

    def remove_leftovers(self, name: str) -> None:
        """Remove what writers of `name` left when they were killed. Only for who holds the lock on `name`."""
        with typed_disk_errors(name):
            with os.scandir(self._descriptor) as entries:
                leftovers = [entry.name for entry in entries if _is_temporary(entry.name, name)]
            for leftover in leftovers:
                self._unlink(leftover)

    def take_lock(self, name: str, *, patience: timedelta = timedelta(0)) -> int:
        """Lock the file `name`, which is made when it is missing, until the descriptor returned is closed.

        The lock goes with the process, so there are no stale ones. It must not be a file that is replaced.

        Raises:
            RefusedError: another one holds it (`vault_locked`), and did not let go within `patience`.
            UnavailableError: the disk's fault, or the file system has no locks.
        """
        descriptor = self.open_file(name, os.O_RDWR | os.O_CREAT)
        try:
            deadline = time.monotonic() + patience.total_seconds()
            while True:
                try:
                    with typed_disk_errors(name):
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except RefusedError:
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(_RETRY_SECONDS)
        except BaseException:
            close_unwritten(descriptor)
            raise
        return descriptor

    def _write_temporary(self, name: str, data: bytes) -> str:
        temporary = f".{name}.{secrets.token_hex(8)}.new"
        with self._removed_on_failure(temporary):
            descriptor = self.open_file(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            try:
                with typed_disk_errors(name):
                    _reserve(descriptor, len(data))
                    _write_all(descriptor, data)
                    os.fsync(descriptor)
            finally:
                with typed_disk_errors(name):
                    os.close(descriptor)
            if self.read(temporary, max_bytes=len(data)) != data:
                raise UnavailableError(Code.DISK_ERROR, f"{name} does not read back as it was written")
        return temporary

    def _link(self, source: str, name: str) -> None:
        here = self._descriptor
        os.link(source, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)

    def _unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    @contextlib.contextmanager
    def _removed_on_failure(self, temporary: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                self._unlink(temporary)
            raise


def replace_file(path: Path, data: bytes) -> None:
    """Let the file `path` hold `data`, mode 0600, by the rules of `Folder.replace`, in any folder."""
    with Folder(path.parent, private=False) as folder:
        folder.replace(path.name, data)


def make_private_folder(path: Path) -> None:
    """Make the folder `path`, and those above it that are missing, for this user only.

    A folder that is there already is left as it is; `Folder` checks it when it is opened.

    Raises:
        UnavailableError: the disk's fault.
    """
    with typed_disk_errors(path.name):
        if path.is_dir():
            return
        make_private_folder(path.parent)
        with contextlib.suppress(FileExistsError):
            path.mkdir(FOLDER_MODE)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            close_unwritten(descriptor)


@contextlib.contextmanager
def typed_disk_errors(name: str) -> Iterator[None]:
    """Give every `OSError` inside its code; `name` says which file it was about."""
    try:
        yield
    except OSError as error:
        raise _typed(error, name) from error


def close_unwritten(descriptor: int) -> None:
    """Close a descriptor that nothing was written through, so that an error says nothing about the data."""
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _typed(error: OSError, name: str) -> TallyError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return UnavailableError(Code.DISK_FULL, name)
        case errno.ENOENT:
            return RefusedError(Code.VAULT_MISSING, name)
        case errno.EEXIST:
            return RefusedError(Code.VAULT_EXISTS, name)
        case errno.EWOULDBLOCK:
            return RefusedError(Code.VAULT_LOCKED, name)
        case errno.ELOOP:
            return RefusedError(Code.VAULT_PERMISSIONS, f"{name} is a symbolic link")
        case _:
            return UnavailableError(Code.DISK_ERROR, f"{name}: {error.strerror}")


def _require_private(status: os.stat_result, name: str) -> None:
    if status.st_uid != os.geteuid():
        raise RefusedError(Code.VAULT_PERMISSIONS, f"{name} belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise RefusedError(Code.VAULT_PERMISSIONS, f"{name} has mode {stat.S_IMODE(status.st_mode):04o}")


def _is_temporary(entry: str, name: str) -> bool:
    return entry.startswith(f".{name}.") and entry.endswith(".new")


def _reserve(descriptor: int, size: int) -> None:
    # Asking for the room first turns most full disks into a clean refusal before a byte is written.
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_all(descriptor: int, limit: int) -> bytes:
    # All at once, unless it grows meanwhile: putting pieces together takes as long as reading them.
    chunks, step = [], os.fstat(descriptor).st_size + 1
    while limit > 0 and (chunk := os.read(descriptor, min(limit, step))):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)
