import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.processes import ROOT
from tests.wallet.agent.place import KEY
from wallet.agent import launch
from wallet.agent.channel import await_end
from wallet.agent.client import ask_key, ask_status, end_agent
from wallet.agent.launch import become_agent, start_agent
from wallet.agent.messages import Handover

# Should a test fail, its agent does not stay for long.
HANDOVER = Handover(KEY, timedelta(minutes=1))
PATIENCE = timedelta(seconds=20)
HIDE_AND_TELL = """
import ctypes, resource
from wallet.agent.process import _hide_memory
_hide_memory()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path / "run"


def in_foreground(folder: Path, handover: Handover) -> int:
    """Let a process of ours become the agent; its process id."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        become_agent(folder, handover)
    os.close(writing)
    assert os.read(reading, 1) == b""  # closed when it became another program
    os.close(reading)
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("begin", [start_agent, in_foreground])
def test_agent_keeps_the_key_until_a_signal_ends_it_and_takes_its_socket_along(
    begin: Callable[[Path, Handover], int], number: int, folder: Path
) -> None:
    pid = begin(folder, HANDOVER)
    try:
        status = ask_status(folder, patience=PATIENCE)
        assert status is not None
        assert status.pid == pid
        answer = ask_key(folder)
        assert answer is not None
        assert answer.master_key == KEY
    finally:
        os.kill(pid, number)
        _, ended = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(ended) == 0
    await_end(folder)
    assert [path.name for path in folder.iterdir()] == ["agent.lock"]
    assert ask_key(folder) is None


def test_checkout_is_found_from_anywhere_and_what_is_installed_is_not_put_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/others")
    assert launch._environment()["PYTHONPATH"] == f"{ROOT}:/others"
    monkeypatch.delenv("PYTHONPATH")
    assert launch._environment()["PYTHONPATH"] == str(ROOT)
    monkeypatch.setattr(launch, "_SOURCES", Path("/usr/lib/python3/dist-packages"))
    assert "PYTHONPATH" not in launch._environment()


def test_agent_hides_its_memory_from_debuggers_and_core_dumps() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", HIDE_AND_TELL], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == ["0", "0", "0"]


def test_agent_leaves_no_core_dump(folder: Path) -> None:
    pid = start_agent(folder, HANDOVER)
    ask_status(folder, patience=PATIENCE)
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert end_agent(folder)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert re.search(r"Max core file size\s+0\s+0", limits)


def test_agent_keeps_no_file_open_that_it_was_not_meant_to_have(folder: Path) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    pid = start_agent(folder, HANDOVER)
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)
    ask_status(folder, patience=PATIENCE)
    assert end_agent(folder)
    assert os.waitpid(pid, 0) == (pid, 0)


def test_agent_whose_folder_is_gone_ends_all_the_same(folder: Path) -> None:
    pid = start_agent(folder, HANDOVER)
    ask_status(folder, patience=PATIENCE)
    for file in (*folder.iterdir(), folder):
        file.rmdir() if file.is_dir() else file.unlink()
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0) == (pid, 0)
