import contextlib
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.atomic_file import close_unwritten
from tests.storage.place import refusal_of
from tests.wallet.agent.place import IDLE, KEY, Stopwatch, agent
from wallet.agent import channel, client
from wallet.agent.channel import listen
from wallet.agent.client import ask_key, ask_status, end_agent
from wallet.agent.messages import MAX_BYTES, AgentKey, Ask, encode_ask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path / "run"


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_SERVER_SECONDS", 0.05)
    monkeypatch.setattr(client, "PATIENCE", timedelta(seconds=0.05))


@contextmanager
def answering(folder: Path, answer: bytes) -> Iterator[None]:
    """Something that listens where the agent would, and says `answer` to whoever comes first."""
    listener, lock = listen(folder)

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(MAX_BYTES)
            connection.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        listener.close()
        close_unwritten(lock)


@contextmanager
def connected(folder: Path) -> Iterator[socket.socket]:
    """The other end of a connection to the agent, without the manners of a client."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        with channel._address(folder) as address:
            connection.connect(address)
        yield connection


def said(connection: socket.socket) -> bytes:
    """What the agent said before it hung up."""
    try:
        return connection.recv(MAX_BYTES)
    except ConnectionResetError:  # it left something unread
        return b""


def test_agent_gives_its_key_to_its_own_user(folder: Path, stopwatch: Stopwatch) -> None:
    with agent(folder, stopwatch):
        stopwatch.forward(timedelta(seconds=5))
        assert ask_key(folder) == AgentKey(KEY, timedelta(seconds=5))


def test_without_an_agent_there_is_no_answer(folder: Path, tmp_path: Path, stopwatch: Stopwatch) -> None:
    assert ask_key(tmp_path / "nowhere") is None
    assert ask_key(folder) is None
    with agent(folder, stopwatch):
        pass
    assert (ask_key(folder), ask_status(folder), end_agent(folder)) == (None, None, False)


def test_socket_and_lock_are_closed_to_others_and_the_socket_goes_with_the_agent(
    folder: Path, stopwatch: Stopwatch
) -> None:
    with agent(folder, stopwatch):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {"agent.sock": 0o600, "agent.lock": 0o600}
    assert [path.name for path in folder.iterdir()] == ["agent.lock"]


def test_folder_whose_path_is_too_long_for_a_socket_works_as_well(
    tmp_path: Path, stopwatch: Stopwatch
) -> None:
    folder = tmp_path / ("x" * 200)
    folder.mkdir(mode=0o700)
    with agent(folder, stopwatch):
        assert ask_key(folder) is not None


def test_second_agent_is_refused(folder: Path, stopwatch: Stopwatch) -> None:
    with agent(folder, stopwatch):
        assert refusal_of(lambda: listen(folder)).code is Code.VAULT_LOCKED
        assert ask_key(folder) is not None


def test_leftover_of_a_killed_agent_is_no_agent_and_makes_room(folder: Path, stopwatch: Stopwatch) -> None:
    listener, lock = listen(folder)
    listener.close()
    close_unwritten(lock)
    assert (folder / "agent.sock").is_socket()
    assert ask_key(folder) is None
    with agent(folder, stopwatch):
        assert ask_key(folder) is not None


@pytest.mark.parametrize("mode", [0o750, 0o707])
def test_folder_that_others_may_enter_is_refused_on_both_sides(
    mode: int, folder: Path, stopwatch: Stopwatch
) -> None:
    folder.chmod(mode)
    assert refusal_of(lambda: listen(folder)).code is Code.VAULT_PERMISSIONS
    assert refusal_of(lambda: ask_key(folder)).code is Code.VAULT_PERMISSIONS


def test_socket_that_others_may_use_is_not_asked(folder: Path, stopwatch: Stopwatch) -> None:
    with agent(folder, stopwatch):
        (folder / "agent.sock").chmod(0o666)
        assert refusal_of(lambda: ask_key(folder)).code is Code.VAULT_PERMISSIONS
        (folder / "agent.sock").chmod(0o600)


def test_file_in_the_place_of_the_socket_is_not_asked(folder: Path) -> None:
    (folder / "agent.sock").touch(mode=0o600)
    assert refusal_of(lambda: ask_key(folder)).code is Code.VAULT_PERMISSIONS


def test_client_says_nothing_to_another_user(
    folder: Path, stopwatch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent(folder, stopwatch):
        monkeypatch.setattr(channel, "_peer_user", lambda _connection: os.geteuid() + 1)
        assert refusal_of(lambda: ask_key(folder)).code is Code.AGENT_UNAVAILABLE
        monkeypatch.undo()


def test_agent_says_nothing_to_another_user(
    folder: Path, stopwatch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent(folder, stopwatch):
        monkeypatch.setattr(channel, "_peer_user", lambda _connection: os.geteuid() + 1)
        with connected(folder) as connection:
            with contextlib.suppress(BrokenPipeError):  # it may have hung up already
                connection.sendall(encode_ask(Ask.KEY))
            assert said(connection) == b""
        monkeypatch.undo()


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"key\n", b"x" * 5000, encode_ask(Ask.KEY) * 2])
def test_nonsense_gets_no_answer_and_the_agent_goes_on(
    line: bytes, folder: Path, stopwatch: Stopwatch
) -> None:
    with agent(folder, stopwatch):
        with connected(folder) as connection:
            connection.sendall(line)
            assert said(connection) == b""
        assert ask_key(folder) is not None


@pytest.mark.usefixtures("hasty")
def test_who_never_ends_a_line_is_hung_up_on(folder: Path, stopwatch: Stopwatch) -> None:
    with agent(folder, stopwatch):
        with connected(folder) as connection:
            connection.sendall(b"{")
            assert said(connection) == b""
        assert ask_key(folder) is not None


def test_agent_that_rested_too_long_gives_nothing_and_ends(folder: Path, stopwatch: Stopwatch) -> None:
    with agent(folder, stopwatch) as thread:
        stopwatch.forward(IDLE)
        assert ask_key(folder) is None
        thread.join(10)
        assert not thread.is_alive()


def test_ended_agent_has_gone_when_that_is_said(folder: Path, stopwatch: Stopwatch) -> None:
    with agent(folder, stopwatch):
        assert end_agent(folder)
        assert not (folder / "agent.sock").exists()


def test_agent_that_says_it_locks_and_does_not_end_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_LAST_BREATH", timedelta(0))
    with answering(folder, b'{"version":1}\n'):
        assert refusal_of(lambda: end_agent(folder)).code is Code.VAULT_LOCKED


@pytest.mark.parametrize(
    "answer", [b'{"version":1}\n', b"{}\n", b"\xff\n", b"key", b"x" * (MAX_BYTES + 1)], ids=len
)
def test_answer_that_is_none_is_refused(answer: bytes, folder: Path) -> None:
    with answering(folder, answer):
        assert refusal_of(lambda: ask_key(folder)).code is Code.AGENT_UNAVAILABLE


@pytest.mark.usefixtures("hasty")
def test_agent_that_does_not_answer_is_not_waited_for(folder: Path) -> None:
    listener, lock = listen(folder)
    try:
        error = refusal_of(lambda: ask_key(folder))
    finally:
        listener.close()
        close_unwritten(lock)
    assert (error.code, error.detail) == (Code.AGENT_UNAVAILABLE, "it takes too long")


def test_system_that_cannot_say_who_is_there_has_no_agent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert refusal_of(lambda: listen(folder)).code is Code.AGENT_UNAVAILABLE
    assert list(folder.iterdir()) == []


def test_kernel_says_which_user_is_at_the_other_end() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert channel._peer_user(one) == os.geteuid()
