"""Malformed and hostile HTTP against the running issuer, verifier and ledger, byte by byte.

Whatever comes, the answer is a problem with a code, the log stays silent, and the next request is served.
"""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from doors.server import listen
from protocol.codes import Code
from tests.attacks.raw_http import HOST, code, exchange, get, status
from tests.browser import FORM, JSON
from tests.issuer.door import open_door as open_issuer
from tests.ledger.world import World
from tests.verifier.door import open_door as open_verifier

CLOSE = b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service, and an address of it that reads a body, of this kind."""

    port: int
    reader: str
    kind: str

    def post(self, headers: bytes, body: bytes, *, version: bytes = b"1.1", kind: str | None = None) -> bytes:
        line = b"POST %s HTTP/%s\r\n" % (self.reader.encode(), version)
        content_type = f"Content-Type: {self.kind if kind is None else kind}\r\n".encode()
        return exchange(self.port, line + HOST + content_type + headers + CLOSE + b"\r\n" + body)

    def send(self, line: bytes, headers: bytes = b"") -> bytes:
        return exchange(self.port, line + b"\r\n" + HOST + headers + CLOSE + b"\r\n")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    with (
        listen("127.0.0.1", 0) as listener,
        world.serving(listener),
        open_issuer(tmp_path_factory.mktemp("issuer")) as issuer,
        open_verifier(tmp_path_factory.mktemp("verifier")) as verifier,
    ):
        yield {
            "issuer": Service(issuer.browser.port, "/token", FORM),
            "verifier": Service(verifier.browser.port, "/response/x", FORM),
            "ledger": Service(urlsplit(listener.url).port or 0, "/entries", JSON),
        }
    world.close()


@pytest.fixture(params=["issuer", "verifier", "ledger"])
def service(
    request: pytest.FixtureRequest, services: dict[str, Service], caplog: pytest.LogCaptureFixture
) -> Iterator[Service]:
    service = services[request.param]
    yield service
    assert status(exchange(service.port, get("/healthz"))) == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(CHUNKED, b"xyz\r\na=b\r\n0\r\n\r\n", id="size-no-number"),
        pytest.param(CHUNKED, b"-3\r\na=b\r\n0\r\n\r\n", id="size-negative"),
        pytest.param(CHUNKED, b"0" * 5000 + b"3\r\na=b\r\n0\r\n\r\n", id="size-endless"),
        pytest.param(CHUNKED, b"3\r\na=bXX0\r\n\r\n", id="chunk-longer-than-its-size"),
        pytest.param(CHUNKED, b"3\r\na=b\r\nzz\r\n", id="second-chunk"),
        pytest.param(CHUNKED, b"3\r\na=b\r\n0\r\nno header\r\n\r\n", id="trailer"),
        pytest.param(b"Content-Length: " + b"9" * 5000 + b"\r\n", b"a=b", id="length-endless"),
        pytest.param("Content-Length: ²\r\n".encode(), b"a=b", id="length-no-digit"),
        pytest.param(b"Content-Length: 3\r\n" + CHUNKED, b"3\r\na=b\r\n0\r\n\r\n", id="length-and-chunked"),
    ],
)
def test_body_that_is_framed_wrongly_is_refused(service: Service, headers: bytes, body: bytes) -> None:
    answer = service.post(headers, body)
    # A ledger does not read the body of a stranger at all, so that it may not even notice.
    assert (status(answer), code(answer)) in [
        (400, Code.FORMAT_INVALID),
        *([(401, Code.WRITER_NOT_AUTHORIZED)] if service.reader == "/entries" else []),
    ]
    assert answer.count(b"HTTP/1.1") == 1


def test_chunks_in_a_version_without_them_are_refused(service: Service) -> None:
    answer = service.post(CHUNKED, b"3\r\na=b\r\n0\r\n\r\n", version=b"1.0")
    assert (status(answer), code(answer)) == (400, Code.FORMAT_INVALID)


def test_body_that_is_announced_too_large_is_refused_unread(service: Service) -> None:
    answer = service.post(b"Content-Length: 999999999\r\nExpect: 100-continue\r\n", b"")
    assert (status(answer), code(answer)) == (413, Code.SIZE_EXCEEDED)


def test_client_that_hangs_up_in_the_middle_of_a_body_is_nobodys_fault(service: Service) -> None:
    head = f"POST {service.reader} HTTP/1.1\r\nContent-Type: {service.kind}\r\n".encode() + HOST
    for body in (b"Content-Length: 9\r\n\r\na=", CHUNKED + b"\r\n3\r\na=b\r\n"):
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
            connection.sendall(head + body)


@pytest.mark.parametrize(
    ("line", "headers", "expected"),
    [
        pytest.param(b"GET /healthz", b"", (400, Code.FORMAT_INVALID), id="no-version"),
        pytest.param(b"GET /healthz HTTP/3.0", b"", (505, Code.FORMAT_INVALID), id="other-version"),
        pytest.param(b"GET /\xff HTTP/1.1", b"", (400, Code.FORMAT_INVALID), id="raw-byte-in-address"),
        pytest.param(b"GET /healthz HTTP/1.1", b"no colon\r\n", (400, Code.FORMAT_INVALID), id="no-colon"),
        pytest.param(b"GET /healthz HTTP/1.1", b"X: a\rb\r\n", (400, Code.FORMAT_INVALID), id="bare-return"),
        pytest.param(
            b"GET /healthz HTTP/1.1", b"X: " + b"a" * 20_000 + b"\r\n", (431, Code.SIZE_EXCEEDED), id="header"
        ),
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1", b"", (414, Code.SIZE_EXCEEDED), id="address"),
        pytest.param(b"GET /?" + b"a" * 9000 + b" HTTP/1.1", b"", (414, Code.SIZE_EXCEEDED), id="query"),
    ],
)
def test_request_that_cannot_be_read_is_refused(
    service: Service, line: bytes, headers: bytes, expected: tuple[int, Code]
) -> None:
    answer = service.send(line, headers)
    assert (status(answer), code(answer)) == expected
    assert b"x-content-type-options: nosniff" in answer.lower()
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "target",
    [
        "/nowhere",
        "/healthz/",
        "//healthz",
        "/x/../healthz",
        "healthz",
        "/%68ealthz",
        "/.%77ell-known/openid-credential-issuer",
        "/healthz%2F",
        "/types%2fdegree",
        "/manage%2Foffers",
        "/tile%2f0/000",
        "/city%2Fdid.jsonl",
        "/%2e%2e/healthz",
        "/..%5cetc",
        "/healthz%00",
        "/%ff%fe",
        "/%zz",
        "/healthz#fragment",
        "http://evil.example/healthz",
        "http://evil.example",
        "evil.example:443",
        "*",
    ],
)
def test_address_in_another_spelling_or_form_is_not_found(service: Service, target: str) -> None:
    answer = service.send(f"GET {target} HTTP/1.1".encode())
    assert (status(answer), code(answer)) == (404, Code.NOT_FOUND)
    assert b"evil.example" not in answer


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "PUT", "TRACE", "CONNECT"])
def test_method_that_an_address_does_not_take_is_not_allowed(service: Service, method: str) -> None:
    answer = service.send(f"{method} /healthz HTTP/1.1".encode())
    assert status(answer) == 405
    if method == "HEAD":
        assert answer.endswith(b"\r\n\r\n")
    else:
        assert code(answer) is Code.METHOD_NOT_ALLOWED
    if method not in ("TRACE", "CONNECT"):
        assert b"allow: GET" in answer


@pytest.mark.parametrize(
    "headers", [b"Content-Encoding: gzip\r\n", b"Content-Type: text/plain\r\n"], ids=["coded", "two-types"]
)
def test_content_that_the_address_does_not_read_is_refused(service: Service, headers: bytes) -> None:
    answer = service.post(headers + b"Content-Length: 3\r\n", b"a=b")
    # What OAuth and OpenID define answers in their words, a ledger asks for the token first.
    assert status(answer) in (400, 415) or (status(answer), service.reader) == (401, "/entries")
    assert code(answer) is not None or b'"error":' in answer


@pytest.mark.parametrize(
    "host",
    ["evil.example", 'evil.example"><script>', "evil.example:1", "a@evil.example", "[::1].evil.example", ""],
)
def test_name_that_a_client_calls_the_service_by_changes_nothing(service: Service, host: str) -> None:
    forwarded = (
        b"X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n"
    )
    for path in (
        "/healthz",
        "/nowhere",
        "/docs",
        "/openapi.json",
        "/.well-known/openid-credential-issuer",
        "/policy",
    ):
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n".encode() + forwarded + CLOSE + b"\r\n"
        answer = exchange(service.port, request)
        assert status(answer) in (200, 404)
        assert b"evil.example" not in answer


def test_two_hundred_wrong_requests_at_once_leave_the_service_at_work(service: Service) -> None:
    wrong = [b"\x00" * 100, CHUNKED, b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\n" + HOST + b"\r\n"]
    requests = [wrong[number % len(wrong)] + b"\r\n\r\n" for number in range(200)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda request: exchange(service.port, request), requests))
    assert {status(answer) for answer in answers} == {400, 404}
