"""NT-A01, NT-A02, NT-A04 and NT-A08 at the doors that all services share."""

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from doors.http_connection import BoundedConnection
from doors.server import listen, running
from protocol.codes import Code
from storage.management_key import create_management_key
from tests.attacks.raw_http import HOST, code, exchange, get, post, receive, status
from tests.doors.sample_app import LARGE, create_sample_app

KEY_TEXT, KEY = create_management_key("sample")
OTHER_TEXT, _ = create_management_key("sample")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with (
        listen("127.0.0.1", 0) as listener,
        running(create_sample_app(key=KEY, body_seconds=0.3), listener),
    ):
        yield urlsplit(listener.url).port or 0


def test_the_key_itself_opens(port: int) -> None:
    assert status(exchange(port, post("/guarded", b"{}", f"Authorization: Bearer {KEY_TEXT}"))) == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/guarded", [], id="NT-A01-none"),
        pytest.param("/guarded", [f"Authorization: Bearer {OTHER_TEXT}"], id="NT-A01-wrong"),
        pytest.param("/guarded", [f"Authorization: Basic {KEY_TEXT}"], id="NT-A01-scheme"),
        pytest.param("/guarded", [f"Authorization: {KEY_TEXT}"], id="NT-A01-bare"),
        pytest.param("/guarded", ["Authorization: Bearer "], id="NT-A01-empty"),
        pytest.param("/guarded", [f"Authorization: Bearer {KEY_TEXT}"] * 2, id="NT-A01-twice"),
        pytest.param(f"/guarded?access_token={KEY_TEXT}", [], id="NT-A01-address"),
        pytest.param("/guarded", [f"Cookie: key={KEY_TEXT}"], id="NT-A01-cookie"),
    ],
)
def test_request_without_the_key_in_its_one_place_is_unauthorized(
    port: int, path: str, headers: list[str]
) -> None:
    answer = exchange(port, post(path, b"{}", *headers))
    assert status(answer) == 401
    assert b"www-authenticate: Bearer" in answer
    assert KEY_TEXT.encode() not in answer


def test_body_of_a_stranger_is_not_read(port: int) -> None:
    answer = exchange(port, post("/guarded", b"not JSON"))
    assert status(answer) == 401


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override: POST", "X-Method-Override: POST"])
def test_method_cannot_be_overridden_nt_a04(port: int, header: str) -> None:
    assert status(exchange(port, get("/raw", header))) == 405


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"PROPFIND", b"XYZ", b"get"])
def test_unknown_method_is_not_allowed_nt_a04(port: int, method: bytes) -> None:
    request = get("/healthz", "X-Canary: 1").replace(b"GET", method, 1)
    answer = exchange(port, request)
    assert status(answer) == 405
    assert b"X-Canary" not in answer


def test_header_of_16_kib_is_refused_nt_a04(port: int) -> None:
    assert status(exchange(port, get("/healthz", "X-Long: " + "a" * 16_384))) in (400, 431)


def test_header_block_of_64_lines_is_read_and_one_more_is_refused_nt_a04(port: int) -> None:
    # Host and Connection count too.
    assert status(exchange(port, get("/healthz", *(f"X-{n}: 1" for n in range(62))))) == 200
    assert status(exchange(port, get("/healthz", *(f"X-{n}: 1" for n in range(63))))) == 431


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"Content-Length: 2\r\nContent-Length: 3\r\n", id="NT-A04-two-lengths"),
        pytest.param(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", id="NT-A04-length-and-chunked"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", id="NT-A04-chunked-and-length"),
        pytest.param(b"Content-Length: -1\r\n", id="NT-A04-negative"),
        pytest.param(b"Content-Length: +2\r\n", id="NT-A04-sign"),
        pytest.param(b"Content-Length : 2\r\n", id="NT-A04-space"),
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", id="NT-A04-coding"),
    ],
)
def test_body_whose_end_is_disputed_is_refused(port: int, headers: bytes) -> None:
    smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = exchange(port, b"POST /json HTTP/1.1\r\n" + HOST + headers + b"\r\n" + smuggled)
    assert status(answer) in (400, 501)
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="NT-A04-no-host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="NT-A04-two-hosts"),
        pytest.param(b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", id="NT-A04-nul"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="NT-A04-tls"),
    ],
)
def test_what_is_not_a_request_is_refused(port: int, request_bytes: bytes) -> None:
    assert status(exchange(port, request_bytes + b"\r\n\r\n")) == 400


def test_body_that_comes_too_slowly_is_given_up_nt_a04(port: int) -> None:
    answer = exchange(
        port,
        b"POST /json HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    )
    assert status(answer) == 408
    assert code(answer) is Code.REQUEST_TOO_SLOW
    assert b"connection: close" in answer


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_header_that_does_not_end_is_given_up(
    port: int, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "header_seconds", 0.2)
    assert exchange(port, beginning) == b""


def test_second_header_on_a_connection_that_does_not_end_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "header_seconds", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        assert b"200 OK" in connection.recv(65_536)
        connection.sendall(b"GET /hea")
        while receive(connection):
            pass


def test_connection_between_two_requests_is_not_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedConnection, "header_seconds", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65_536)
            assert status(answer) == 200
            threading.Event().wait(0.3)


def test_client_that_does_not_read_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedConnection, "read_seconds", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(get("/large"))
        threading.Event().wait(0.5)
        taken = 0
        while chunk := receive(connection):
            taken += len(chunk)
    assert 0 < taken < LARGE


def test_client_that_reads_on_gets_all(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedConnection, "read_seconds", 5.0)
    assert len(exchange(port, get("/large"))) > LARGE


def test_body_that_turns_out_wrong_after_the_answer_ends_the_connection(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\n" + HOST + chunked)
        answer = receive(connection)
        connection.sendall(b"zz\r\n")
        while chunk := receive(connection):
            answer += chunk
    assert answer.count(b"HTTP/1.1") == 1
    assert caplog.records == []


def test_one_connection_too_many_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedConnection, "max_connections", 1)
    with listen("127.0.0.1", 0) as listener, running(create_sample_app(), listener):
        port = urlsplit(listener.url).port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            assert status(receive(connection)) == 200
            answer = exchange(port, get("/healthz").replace(b"Connection: close\r\n", b""))
    assert (status(answer), code(answer)) == (503, Code.NETWORK_BUSY)
    assert b"retry-after: 5" in answer
    assert b"nosniff" in answer


def test_chunked_body_beyond_the_limit_of_the_application_is_cut_off(port: int) -> None:
    head = b"POST /guarded HTTP/1.1\r\n" + HOST + f"Authorization: Bearer {KEY_TEXT}\r\n".encode()
    kind = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status(exchange(port, head + kind + b"1388\r\n" + b" " * 5000 + b"\r\n")) == 413


def test_endless_chunked_body_is_cut_off(port: int) -> None:
    head = b"POST /json HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    chunks = b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"
    answer = exchange(port, head + chunks + b"400\r\n" + b"x" * 1024 + b"\r\n")
    assert status(answer) == 413
    assert b"connection: close" in answer


def test_answer_that_breaks_off_is_not_taken_for_whole(port: int) -> None:
    answer = exchange(port, get("/breaking"))
    assert status(answer) == 200
    assert b"first" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert b"canary" not in answer


def test_forwarded_headers_of_anybody_change_nothing(port: int) -> None:
    answer = exchange(port, get("/nowhere", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https"))
    assert b"evil.example" not in answer
