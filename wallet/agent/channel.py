"""The Unix socket between the agent and the commands: who may be at the other end, and for how long.

agent.sock    where the agent listens, mode 0600 in a folder of mode 0700
agent.lock    locked as long as an agent lives; a socket without this lock is a leftover

Nobody else gets through the folder. Each end asks the kernel all the same which user is at the other one.
"""

import contextlib
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from storage.atomic_file import FILE_MODE, Folder, close_unwritten
from wallet.agent.keeper import Keeper
from wallet.agent.messages import MAX_BYTES, Ask, encode_ask, parse_ask

_SOCKET, _LOCK = "agent.sock", "agent.lock"
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
_BACKLOG = 16
_SERVER_SECONDS = 1.0
# A machine that slept wakes a process that waits for longer only when that time has passed again.
_LONGEST_WAIT = timedelta(seconds=15)
_LAST_BREATH = timedelta(seconds=5)


def listen(path: Path) -> tuple[socket.socket, int]:
    """A socket in the private folder `path` that the agent will answer on, and the descriptor of its lock.

    Raises:
        RefusedError: an agent is there already (`vault_locked`), or the folder is open to others.
        UnavailableError: this system cannot say who is at the other end, or has no sockets there.
    """
    if sys.platform != "linux":
        raise UnavailableError(
            Code.AGENT_UNAVAILABLE, "this system does not say which user is at the other end of a socket"
        )
    with Folder(path, private=True) as folder, contextlib.ExitStack() as stack:
        lock = folder.take_lock(_LOCK)
        stack.callback(close_unwritten, lock)
        folder.remove(_SOCKET)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        with _typed_errors(), _address(path) as address:
            # Nobody is let in before `listen`, and by then it is closed to others.
            listener.bind(address)
            Path(address).chmod(FILE_MODE)
            listener.listen(_BACKLOG)
        stack.pop_all()
        return listener, lock


def adopt(descriptor: int) -> socket.socket:
    """The listening socket that this process was given as a descriptor."""
    return socket.socket(fileno=descriptor)


def remove(path: Path) -> None:
    """Take the socket out of the folder `path`. Only for who has the lock."""
    with Folder(path, private=True) as folder:
        folder.remove(_SOCKET)


def await_end(path: Path) -> None:
    """Wait until the agent's process has ended: its lock goes with it.

    Raises:
        RefusedError: it is still there after five seconds.
    """
    with Folder(path, private=True) as folder:
        close_unwritten(folder.take_lock(_LOCK, patience=_LAST_BREATH))


def serve(listener: socket.socket, keeper: Keeper) -> None:
    """Answer until the keeper is locked. One at a time, and nobody gets more than a second."""
    while not keeper.is_locked:
        listener.settimeout(min(keeper.locks_in, _LONGEST_WAIT).total_seconds())
        try:
            connection, _ = listener.accept()
        except (TimeoutError, BlockingIOError):
            continue
        # To a stranger, to nonsense and to who has gone nothing is said.
        with connection, contextlib.suppress(TallyError, OSError):
            _require_same_user(connection)
            answer = keeper.answer(parse_ask(_receive(connection, _SERVER_SECONDS)))
            connection.sendall(answer or b"")


def ask_agent(path: Path, ask: Ask, *, patience: timedelta) -> bytes | None:
    """The line with which the agent in the folder `path` answers; None when there is no agent.

    It may take its time for as long as `patience` says.

    Raises:
        RefusedError: the folder is open to others, or the agent is another user's.
        UnavailableError: it does not answer, or not to an end, or says too much.
    """
    if not _has_socket(path):
        return None
    with (
        _typed_errors(),
        _address(path) as address,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection,
    ):
        _require_private_socket(os.lstat(address))
        connection.settimeout(patience.total_seconds())
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            return None  # the leftover of one that was killed
        _require_same_user(connection)
        connection.sendall(encode_ask(ask))
        return _receive(connection, patience.total_seconds())


def _has_socket(path: Path) -> bool:
    try:
        with Folder(path, private=True) as folder:
            return folder.exists(_SOCKET)
    except RefusedError as error:
        if error.code is not Code.VAULT_MISSING:
            raise
        return False


def _receive(connection: socket.socket, seconds: float) -> bytes:
    """What comes until a line or the connection ends. Not checked here: that it is a line."""
    deadline = time.monotonic() + seconds
    received = b""
    while not received.endswith(b"\n"):
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = connection.recv(MAX_BYTES)
        if not chunk:
            break
        received += chunk
        if len(received) > MAX_BYTES:
            raise UnavailableError(Code.AGENT_UNAVAILABLE, f"a message has at most {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise UnavailableError(Code.AGENT_UNAVAILABLE, "it takes too long")
    return received


def _require_same_user(connection: socket.socket) -> None:
    if _peer_user(connection) != os.geteuid():
        raise RefusedError(Code.AGENT_UNAVAILABLE, "another user is at the other end")


def _peer_user(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, user, _group = _CREDENTIALS.unpack(credentials)
    return int(user)


def _require_private_socket(status: os.stat_result) -> None:
    is_ours = stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid()
    if not is_ours or stat.S_IMODE(status.st_mode) & 0o077:
        raise RefusedError(Code.VAULT_PERMISSIONS, _SOCKET)


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """The socket's address through the open folder: the path itself may be too long for an address."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{_SOCKET}"
    finally:
        close_unwritten(descriptor)


@contextlib.contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "it takes too long" if isinstance(error, TimeoutError) else error.strerror
        raise UnavailableError(Code.AGENT_UNAVAILABLE, reason or "its socket cannot be used") from error
