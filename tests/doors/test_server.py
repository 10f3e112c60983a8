import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from doors.http import create_app
from doors.server import listen, running
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from tests.doors.sample_app import create_sample_app
from tests.processes import ROOT, run_module

SERVER = [sys.executable, "-m", "tests.doors.sample_app", "serve"]


@contextmanager
def server_process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*SERVER, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def status_of(url: str, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_server_says_when_it_is_ready_and_ends_well_when_asked(asked: signal.Signals) -> None:
    with server_process("--json") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] is True
        assert urlsplit(ready["url"]).hostname == "sample.localhost"
        assert status_of(ready["url"], "/healthz?code=canary-7f3a") == 200
        process.send_signal(asked)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert stdout == ""
    assert stderr == ""


def test_server_tells_a_person_in_a_sentence_and_closes_what_was_open() -> None:
    with server_process() as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Ready at http://sample.localhost:")
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    assert stderr == "closed what was open\n"


def test_running_server_answers_until_its_block_ends() -> None:
    with listen("127.0.0.1", 0, name="sample.localhost") as listener:
        with running(create_sample_app(), listener):
            assert status_of(listener.url, "/healthz") == 200
        with pytest.raises(OSError, match="refused"):
            status_of(listener.url, "/healthz")


def test_running_server_lets_a_started_request_end() -> None:
    started, go_on = threading.Event(), threading.Event()
    app = create_app(title="Slow", version="1", health=dict)

    @app.get("/slow")
    def slow() -> None:
        started.set()
        go_on.wait(10)

    answers: list[int] = []
    with listen("127.0.0.1", 0) as listener, running(app, listener):
        asking = threading.Thread(target=lambda: answers.append(status_of(listener.url, "/slow")))
        asking.start()
        started.wait(10)
        threading.Timer(0.2, go_on.set).start()
    asking.join()
    assert answers == [200]


def test_socket_names_its_protocol_so_that_answers_leave_at_once() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.socket.proto == socket.IPPROTO_TCP


def test_port_that_is_taken_is_refused() -> None:
    with listen("127.0.0.1", 0) as listener:
        listener.socket.listen()
        with pytest.raises(RefusedError) as refusal, listen("127.0.0.1", urlsplit(listener.url).port or 0):
            pass
    assert refusal.value.code is Code.ADDRESS_UNAVAILABLE


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_address_of_an_ipv6_socket_is_written_in_brackets() -> None:
    with listen("::1", 0) as listener:
        assert listener.url.startswith("http://[::1]:")


def test_application_that_cannot_start_is_said_without_a_traceback() -> None:
    finished = run_module("tests.doors.sample_app", "serve-broken", "--json")
    assert finished.status == 1
    assert finished.stdout == ""
    assert json.loads(finished.stderr)["error"]["code"] == "internal_error"


def test_running_application_that_cannot_start_is_unavailable() -> None:
    @asynccontextmanager
    async def fail(app: FastAPI) -> AsyncIterator[None]:
        raise ValueError
        yield

    app = create_app(title="Broken", version="1", health=dict, lifespan=fail)
    with pytest.raises(UnavailableError), listen("127.0.0.1", 0) as listener, running(app, listener):
        pass
