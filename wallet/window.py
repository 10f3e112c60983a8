"""One full-screen wallet at a time: the first one takes the lock, and the next ones learn who has it.

The lock is the kernel's, on a file of its own, so it goes with the process that had it. What is written into
that file only tells people whom to look for; nothing is decided by it. Commands do not take this lock: they
work beside an open window, each holding the sealed file for as long as it writes.
"""

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime

from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import integer_member, optional_text_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.encoding.time import encode_utc, parse_utc
from protocol.errors import RefusedError, TallyError
from storage.atomic_file import Folder, close_unwritten
from wallet.folder import WINDOW_FILE, WalletFolder

_MAX_BYTES = 1024


@dataclass(frozen=True, slots=True)
class WindowHolder:
    """Who says to have the window.

    Attributes:
        pid: The process.
        terminal: The terminal it was opened in, as `/dev/pts/3`, where it has one. Somebody else's word.
        since: When it was opened.
    """

    pid: int
    terminal: str | None
    since: datetime


class WindowLock:
    """The right to be the one window that writes. Give it back with `close` or a `with` statement."""

    def __init__(self, descriptor: int) -> None:
        """Use `take_window`."""
        self._descriptor = descriptor

    def __enter__(self) -> "WindowLock":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the next window have it. Twice does no harm."""
        with contextlib.suppress(OSError):
            os.truncate(self._descriptor, 0)
        close_unwritten(self._descriptor)
        self._descriptor = -1


@dataclass(frozen=True, slots=True)
class WindowTaken:
    """Another window has the lock: this one can look, and must not change anything.

    Attributes:
        holder: Who says to have it, or None where that cannot be read.
    """

    holder: WindowHolder | None


def take_window(wallet: WalletFolder, holder: WindowHolder) -> WindowLock | WindowTaken:
    """Take the window of `wallet` for `holder`, unless another process has it.

    Raises:
        MalformedError, RefusedError: the lock file is no file, or open to others.
        UnavailableError: the disk's fault, or the file system has no locks.
    """
    with Folder(wallet.path, private=True) as folder:
        try:
            descriptor = folder.take_lock(WINDOW_FILE)
        except RefusedError as error:
            if error.code is not Code.VAULT_LOCKED:
                raise
            return WindowTaken(_read_holder(folder))
    # On a full disk it says nothing; a wallet can be looked at all the same, and nothing is decided by it.
    with contextlib.suppress(OSError):
        os.truncate(descriptor, 0)
        os.write(descriptor, _encode_holder(holder))
    return WindowLock(descriptor)


def _encode_holder(holder: WindowHolder) -> bytes:
    members: JsonObject = {"pid": holder.pid, "since": encode_utc(holder.since)}
    if holder.terminal is not None:
        members["terminal"] = holder.terminal
    return canonicalize(members)


def _read_holder(folder: Folder) -> WindowHolder | None:
    try:
        source = parse_json_object(folder.read(WINDOW_FILE, max_bytes=_MAX_BYTES))
        return WindowHolder(
            integer_member(source, "pid"),
            optional_text_member(source, "terminal"),
            parse_utc(text_member(source, "since")),
        )
    except TallyError:
        # Whoever has the lock has not written yet, or is of another version.
        return None
