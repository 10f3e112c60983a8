"""NT-N01 to NT-N14: what an address, a name server, a server and the environment may try with the fetcher.

Each server here is a real one on loopback. The fetcher believes it to be at a public address: the injected
resolver says so, and the injected connector leads that one address back to the server.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import httpcore2
import pytest

from ledger.addresses import require_public, resolve_host
from ledger.fetch import MAX_HEADERS, Fetched, Fetcher, FetchRules
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError
from tests.peers import LOOPBACK, Authority, Behaviour, Peer, answering, peer, read_request, response, silent

HOST = "issuer.example"
URL = f"https://{HOST}/x"
PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "2606:2800:220:1:248:1893:25c8:1946"
JSON = "application/json"
SHORT = timedelta(seconds=0.3)
PRIVATE_ADDRESSES = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.tls(HOST)


class Network:
    """Name servers and routes as one test wants them, and what the fetcher did with them."""

    def __init__(self, port: int = 1, addresses: Sequence[Sequence[str]] = ((PUBLIC,),)) -> None:
        self._port = port
        self._addresses = addresses
        self.asked: list[str] = []
        self.dialled: list[str] = []

    def resolve(self, host: str, seconds: float) -> Sequence[str]:
        self.asked.append(host)
        return self._addresses[min(len(self.asked), len(self._addresses)) - 1]

    def connect(self, address: str, port: int, seconds: float) -> httpcore2.NetworkStream:
        self.dialled.append(f"{address} {port}")
        return httpcore2.SyncBackend().connect_tcp(LOOPBACK, self._port, seconds)

    def fetcher(self, rules: FetchRules) -> Fetcher:
        return Fetcher(rules, resolve=self.resolve, connect=self.connect)


@contextlib.contextmanager
def fetching(
    behave: Behaviour,
    authority: Authority,
    tls: ssl.SSLContext | None,
    deadline: timedelta = timedelta(seconds=10),
) -> Iterator[tuple[Fetcher, Peer]]:
    rules = FetchRules(roots=authority.roots, deadline=deadline)
    with peer(behave, tls=tls) as server, Network(server.port).fetcher(rules) as fetcher:
        yield fetcher, server


def refused(fetcher: Fetcher, url: str = URL, accept: str = JSON) -> Code:
    with pytest.raises((RefusedError, UnavailableError)) as refusal:
        fetcher.fetch(url, accept=accept)
    assert "secret" not in str(refusal.value)
    return refusal.value.code


# The good case


def test_fetch_from_a_proven_name_at_a_public_address_succeeds(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    with peer(
        answering(response(b'{"a":1}', "Content-Type: Application/JSON; charset=utf-8")), tls=tls
    ) as server:
        network = Network(server.port)
        with network.fetcher(FetchRules(roots=authority.roots)) as fetcher:
            assert fetcher.fetch(URL, accept=JSON) == Fetched(200, JSON, b'{"a":1}')
    assert network.asked == [HOST]
    assert network.dialled == [f"{PUBLIC} 443"]


def test_request_says_nothing_but_what_is_needed(authority: Authority, tls: ssl.SSLContext) -> None:
    with fetching(answering(response()), authority, tls) as (fetcher, server):
        fetcher.fetch(f"https://{HOST}", accept=JSON)
        fetcher.fetch(f"https://{HOST}/a;b?c=%20", accept=JSON, headers={"Authorization": "Bearer t"})
        fetcher.fetch(URL, accept=JSON, method="POST", body=b"a=1", content_type="text/plain")
    common = b"HTTP/1.1\r\nHost: issuer.example\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
    first, second, third = server.requests
    assert first == b"GET / " + common + b"\r\n"
    assert second == b"GET /a;b?c=%20 " + common + b"Authorization: Bearer t\r\n\r\n"
    assert third.startswith(b"POST /x ")
    assert third.endswith(b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\na=1")


def test_connection_is_used_again(authority: Authority, tls: ssl.SSLContext) -> None:
    with fetching(answering(response()), authority, tls) as (fetcher, server):
        for _ in range(5):
            fetcher.fetch(URL, accept=JSON)
        assert server.connections == 1


def test_connection_that_the_server_closes_is_opened_again(authority: Authority, tls: ssl.SSLContext) -> None:
    with fetching(answering(response(b"{}", "Connection: close")), authority, tls) as (fetcher, server):
        for _ in range(2):
            assert fetcher.fetch(URL, accept=JSON).status == 200
        assert server.connections == 2


def test_error_with_its_body_is_returned(authority: Authority, tls: ssl.SSLContext) -> None:
    answer = response(b"<p>no</p>", status=400, content_type="text/html")
    with fetching(answering(answer), authority, tls) as (fetcher, _):
        fetched = fetcher.fetch(URL, accept=JSON, method="POST", body=b"{}", content_type=JSON)
    assert fetched == Fetched(400, "text/html", b"<p>no</p>")


def test_answer_without_a_body_needs_no_type(authority: Authority, tls: ssl.SSLContext) -> None:
    with fetching(answering(b"HTTP/1.1 204 X\r\n\r\n"), authority, tls) as (fetcher, _):
        assert fetcher.fetch(URL, accept=JSON) == Fetched(204, "", b"")


@pytest.mark.parametrize("status", [201, 204, 400, 404, 500])
def test_fetch_ok_takes_nothing_but_status_200(
    authority: Authority, tls: ssl.SSLContext, status: int
) -> None:
    answer = response(b"", status=status)
    with (
        fetching(answering(answer), authority, tls) as (fetcher, _),
        pytest.raises(UnavailableError) as failure,
    ):
        fetcher.fetch_ok(URL, accept=JSON)
    assert failure.value.code is Code.NETWORK_STATUS
    assert failure.value.detail == str(status)


def test_fetch_ok_returns_status_200(authority: Authority, tls: ssl.SSLContext) -> None:
    with fetching(answering(response()), authority, tls) as (fetcher, _):
        assert fetcher.fetch_ok(URL, accept=f"text/plain, {JSON}").body == b"{}"


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/jsonp", "application/problem+json", "json"]
)
def test_answer_of_another_kind_is_refused(
    authority: Authority, tls: ssl.SSLContext, content_type: str
) -> None:
    with fetching(answering(response(content_type=content_type)), authority, tls) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_CONTENT_TYPE


# NT-N01, NT-N02: the address


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://issuer.example/x", id="NT-N01-http"),
        pytest.param("ftp://issuer.example/x", id="NT-N01-ftp"),
        pytest.param("file:///etc/passwd", id="NT-N01-file"),
        pytest.param("data:application/json,{}", id="NT-N01-data"),
        pytest.param("gopher://issuer.example/x", id="NT-N01-gopher"),
        pytest.param("HTTPS://issuer.example/x", id="NT-N01-capitals"),
        pytest.param("//issuer.example/x", id="NT-N01-none"),
        pytest.param("", id="NT-N01-empty"),
    ],
)
def test_other_scheme_is_refused_without_a_look_up(url: str) -> None:
    network = Network()
    assert refused(network.fetcher(FetchRules()), url) is Code.NETWORK_SCHEME_FORBIDDEN
    assert network.asked == []


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://93.184.216.34/x", id="NT-N02-v4"),
        pytest.param("https://[2606:2800:220:1::1]/x", id="NT-N02-v6"),
        pytest.param("https://2130706433/x", id="NT-N02-decimal"),
        pytest.param("https://0177.0.0.1/x", id="NT-N02-octal"),
        pytest.param("https://0x7f.0.0.1/x", id="NT-N02-hex"),
        pytest.param("https://a.0x7f000001/x", id="NT-N02-hex-label"),
        pytest.param("https://127.1/x", id="NT-N02-short"),
        pytest.param("https://issuer.example./x", id="NT-N02-trailing-dot"),
        pytest.param("https://user@issuer.example/x", id="NT-N02-user"),
        pytest.param("https://issuer.example@127.0.0.1/x", id="NT-N02-user-host"),
        pytest.param("https://issuer.example\\@127.0.0.1/x", id="NT-N02-backslash"),
        pytest.param("https://issuer%2eexample/x", id="NT-N02-percent"),
        pytest.param("https://ıssuer.example/x", id="NT-N02-unicode"),
        pytest.param("https://ai/x", id="NT-N02-dotless"),
        pytest.param("https://xn--mgberp4a5d4ar/x", id="NT-N02-idn-dotless"),
        pytest.param("https://localhost/x", id="NT-N02-localhost"),
        pytest.param("https://a.localhost/x", id="NT-N02-under-localhost"),
        pytest.param("https://issuer.example:80/x", id="NT-N02-port"),
        pytest.param("https://issuer.example:8443/x", id="NT-N02-other-port"),
        pytest.param("https://issuer.example:0443/x", id="NT-N02-port-zeros"),
        pytest.param("https://issuer.example:/x", id="NT-N02-port-empty"),
        pytest.param("https:///x", id="NT-N02-no-host"),
        pytest.param("https://issuer.example/x#y", id="NT-N02-fragment"),
        pytest.param("https://issuer.example/../x", id="NT-N02-dots"),
        pytest.param("https://issuer.example/x\r\nX-Injected: 1", id="NT-N10-crlf"),
        pytest.param("https://issuer.example/x HTTP/1.1\r\nHost: evil", id="NT-N10-request-line"),
        pytest.param("https://issuer.example/" + "x" * 3000, id="NT-N02-long"),
    ],
)
def test_host_that_two_readers_could_read_differently_is_refused_without_a_look_up(url: str) -> None:
    network = Network()
    assert refused(network.fetcher(FetchRules()), url) is Code.NETWORK_HOST_FORBIDDEN
    assert network.asked == []


def test_port_of_the_rules_is_reached(authority: Authority, tls: ssl.SSLContext) -> None:
    rules = FetchRules(roots=authority.roots, allowed_ports=frozenset({8443}))
    with peer(answering(response()), tls=tls) as server:
        network = Network(server.port)
        with network.fetcher(rules) as fetcher:
            assert fetcher.fetch(f"https://{HOST}:8443/x", accept=JSON).status == 200
            assert refused(fetcher, URL) is Code.NETWORK_HOST_FORBIDDEN
    assert network.dialled == [f"{PUBLIC} 8443"]


# NT-N03 to NT-N05: the name server


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_name_that_leads_inside_is_refused_without_a_connection_nt_n03(address: str) -> None:
    network = Network(addresses=[[address]])
    assert refused(network.fetcher(FetchRules())) is Code.NETWORK_HOST_FORBIDDEN
    assert network.dialled == []


@pytest.mark.parametrize("address", [PUBLIC, OTHER_PUBLIC, "8.8.8.8", "100.128.0.1", "2a00:1450::1"])
def test_public_address_is_public(address: str) -> None:
    require_public(address)


def test_what_is_no_address_is_not_public() -> None:
    with pytest.raises(RefusedError):
        require_public("issuer.example")


@pytest.mark.parametrize("answer", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"]])
def test_one_private_answer_among_public_ones_is_refused_nt_n04(answer: list[str]) -> None:
    network = Network(addresses=[answer])
    assert refused(network.fetcher(FetchRules())) is Code.NETWORK_HOST_FORBIDDEN
    assert network.dialled == []


def test_rebound_name_is_reached_at_the_checked_address_only_nt_n05(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    with peer(answering(response(b"{}", "Connection: close")), tls=tls) as server:
        network = Network(server.port, addresses=[[PUBLIC], ["127.0.0.1"]])
        with network.fetcher(FetchRules(roots=authority.roots)) as fetcher:
            assert fetcher.fetch(URL, accept=JSON).status == 200
            assert network.asked == [HOST]
            assert network.dialled == [f"{PUBLIC} 443"]
            assert refused(fetcher) is Code.NETWORK_HOST_FORBIDDEN
    assert network.dialled == [f"{PUBLIC} 443"]


def test_next_address_is_tried_when_one_does_not_answer(authority: Authority, tls: ssl.SSLContext) -> None:
    with peer(answering(response()), tls=tls) as server:
        network = Network(server.port)

        def connect(address: str, port: int, seconds: float) -> httpcore2.NetworkStream:
            if address == OTHER_PUBLIC:
                raise httpcore2.ConnectError("no route")
            return network.connect(address, port, seconds)

        rules = FetchRules(roots=authority.roots)
        with Fetcher(rules, resolve=lambda _, __: [OTHER_PUBLIC, PUBLIC], connect=connect) as fetcher:
            assert fetcher.fetch(URL, accept=JSON).status == 200


def test_name_without_an_address_is_unreachable() -> None:
    assert refused(Network(addresses=[[]]).fetcher(FetchRules())) is Code.NETWORK_UNREACHABLE


def test_system_resolver_is_asked_for_the_absolute_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getaddrinfo(host: str, port: object, **kwargs: object) -> list[object]:
        asked.append(host)
        return [(2, 1, 6, "", (PUBLIC, 0)), (10, 1, 6, "", (OTHER_PUBLIC, 0, 0, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert resolve_host(HOST, 5) == [PUBLIC, OTHER_PUBLIC]
    assert asked == [f"{HOST}."]


def test_name_the_system_resolver_does_not_know_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*args: object, **kwargs: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert refused(Fetcher(FetchRules())) is Code.NETWORK_UNREACHABLE


# NT-N06: redirects


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("target", ["https://other.example/", "http://127.0.0.1/", "/y"])
def test_redirect_is_refused_and_not_followed_nt_n06(
    authority: Authority, tls: ssl.SSLContext, status: int, target: str
) -> None:
    answer = response(b"", f"Location: {target}", status=status)
    with fetching(answering(answer), authority, tls) as (fetcher, server):
        assert refused(fetcher) is Code.NETWORK_REDIRECT_FORBIDDEN
        assert len(server.requests) == 1


# NT-N07, NT-N10: size


def endless(head: bytes, part: bytes) -> Behaviour:
    def behave(peer: Peer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        while not peer.closing.is_set():
            connection.sendall(part)

    return behave


@pytest.mark.parametrize(
    ("head", "part"),
    [
        pytest.param(b"", b"x" * 65_536, id="NT-N07-no-length"),
        pytest.param(b"Content-Length: 9000000000\r\n", b"x" * 65_536, id="NT-N07-length"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n", id="NT-N07-chunked"
        ),
    ],
)
def test_endless_body_is_cut_off(authority: Authority, tls: ssl.SSLContext, head: bytes, part: bytes) -> None:
    head = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n" + head + b"\r\n"
    with fetching(endless(head, part), authority, tls) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_TOO_LARGE


def test_body_up_to_the_limit_is_read_and_one_more_is_refused_nt_n07(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    with fetching(answering(response(b"x" * 1000)), authority, tls) as (fetcher, _):
        assert len(fetcher.fetch(URL, accept=JSON, max_bytes=1000).body) == 1000
        with pytest.raises(UnavailableError) as failure:
            fetcher.fetch(URL, accept=JSON, max_bytes=999)
    assert failure.value.code is Code.NETWORK_TOO_LARGE


def test_body_shorter_than_announced_is_not_taken_for_whole_nt_n07(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    def behave(peer: Peer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(response(b"{}", "Content-Length: 10"))

    with fetching(behave, authority, tls) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_UNREACHABLE


def test_compressed_body_is_not_inflated_nt_n07(authority: Authority, tls: ssl.SSLContext) -> None:
    answer = response(b"\x1f\x8b", "Content-Encoding: gzip")
    with fetching(answering(answer), authority, tls) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_CONTENT_TYPE


def test_identity_encoding_is_read(authority: Authority, tls: ssl.SSLContext) -> None:
    with fetching(answering(response(b"{}", "Content-Encoding: identity")), authority, tls) as (fetcher, _):
        assert fetcher.fetch(URL, accept=JSON).body == b"{}"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"X-Long: " + b"a" * 10_000_000 + b"\r\n", id="NT-N10-long"),
        pytest.param(b"".join(b"X-%d: 1\r\n" % n for n in range(10_000)), id="NT-N10-many"),
        pytest.param(b"".join(b"a:b\r\n" for _ in range(MAX_HEADERS + 1)), id="NT-N10-one-too-many"),
    ],
)
def test_header_beyond_the_limit_is_refused(
    authority: Authority, tls: ssl.SSLContext, headers: bytes
) -> None:
    def behave(peer: Peer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 X\r\n" + headers + b"Content-Length: 0\r\n\r\n")

    with fetching(behave, authority, tls) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_TOO_LARGE


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc X\r\n\r\n", b"HTTP/1.1 200 X\r\nBad Header: 1\r\n\r\n"],
)
def test_what_is_no_answer_is_unreachable(authority: Authority, tls: ssl.SSLContext, answer: bytes) -> None:
    def behave(peer: Peer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    with fetching(behave, authority, tls) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_UNREACHABLE


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\n", "é", "\x00"])
def test_header_value_that_breaks_the_line_is_refused_nt_n10(value: str) -> None:
    network = Network()
    with pytest.raises(MalformedError) as refusal:
        network.fetcher(FetchRules()).fetch(URL, accept=JSON, headers={"Authorization": value})
    assert refusal.value.code is Code.FORMAT_INVALID
    assert network.asked == []


@pytest.mark.parametrize("name", ["Host", "content-length", "Accept-Encoding", "Connection", "X Y", "X:"])
def test_header_that_is_the_fetchers_own_is_a_mistake_of_the_caller(name: str) -> None:
    with pytest.raises(ValueError, match="header"):
        Network().fetcher(FetchRules()).fetch(URL, accept=JSON, headers={name: "1"})


# NT-N08: time


def dripping(head: bytes) -> Behaviour:
    """Send a byte now and then, without end."""

    def behave(peer: Peer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        while not peer.closing.wait(0.03):
            connection.sendall(b"x")

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(silent, id="NT-N08-headers"),
        pytest.param(dripping(b"HTTP/1.1 200 X\r\nX: "), id="NT-N08-dripping-headers"),
        pytest.param(dripping(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n"), id="NT-N08-dripping-body"),
    ],
)
def test_slow_server_is_given_up_at_the_deadline(
    authority: Authority, tls: ssl.SSLContext, behave: Behaviour
) -> None:
    with fetching(behave, authority, tls, SHORT) as (fetcher, _):
        start = time.monotonic()
        assert refused(fetcher) is Code.NETWORK_TIMEOUT
        assert time.monotonic() - start < 8  # the server keeps it up for 10


def test_slow_tls_is_given_up_at_the_deadline_nt_n08(authority: Authority) -> None:
    with fetching(silent, authority, None, SHORT) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_TIMEOUT


def test_server_that_does_not_read_is_given_up_at_the_deadline_nt_n08(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    start = time.monotonic()
    with fetching(silent, authority, tls, SHORT) as (fetcher, _), pytest.raises(UnavailableError) as failure:
        fetcher.fetch(URL, accept=JSON, method="POST", body=bytes(50_000_000), content_type=JSON)
    assert failure.value.code is Code.NETWORK_TIMEOUT
    assert time.monotonic() - start < 8  # the server keeps it up for 10


def resetting(peer: Peer, connection: socket.socket) -> None:
    # With no time to linger, closing is a reset.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_server_that_hangs_up_while_it_is_written_to_is_unreachable(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    with fetching(resetting, authority, tls) as (fetcher, _), pytest.raises(UnavailableError) as failure:
        fetcher.fetch(URL, accept=JSON, method="POST", body=bytes(50_000_000), content_type=JSON)
    assert failure.value.code is Code.NETWORK_UNREACHABLE


def test_slow_connection_is_given_up_at_the_deadline_nt_n08() -> None:
    # A full queue of connections that nobody accepts: the system lets further ones wait.
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=0))
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        fetcher = stack.enter_context(Network(full.getsockname()[1]).fetcher(FetchRules(deadline=SHORT)))
        assert refused(fetcher) is Code.NETWORK_TIMEOUT


def test_slow_name_server_is_given_up_at_the_deadline_nt_n08(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10) and [])
    assert refused(Fetcher(FetchRules(deadline=SHORT))) is Code.NETWORK_TIMEOUT
    answered.set()


def test_time_used_up_before_the_connection_is_a_timeout_nt_n08() -> None:
    def resolve(host: str, seconds: float) -> Sequence[str]:
        threading.Event().wait(seconds + 0.05)
        return [PUBLIC]

    fetcher = Fetcher(FetchRules(deadline=timedelta(seconds=0.05)), resolve=resolve)
    assert refused(fetcher) is Code.NETWORK_TIMEOUT


def test_time_used_up_before_tls_is_a_timeout_nt_n08(authority: Authority) -> None:
    with peer(silent) as server:
        network = Network(server.port)

        def connect(address: str, port: int, seconds: float) -> httpcore2.NetworkStream:
            stream = network.connect(address, port, seconds)
            threading.Event().wait(seconds + 0.05)
            return stream

        with Fetcher(
            FetchRules(roots=authority.roots, deadline=SHORT), resolve=network.resolve, connect=connect
        ) as fetcher:
            assert refused(fetcher) is Code.NETWORK_TIMEOUT


# NT-N09: TLS


def old_tls(authority: Authority) -> ssl.SSLContext:
    context = authority.tls(HOST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.mark.parametrize(
    "flaw", ["self-signed", "expired", "wrong-host", "no-san", "other-authority", "tls-1.1"]
)
def test_server_that_does_not_prove_its_name_is_refused_nt_n09(
    authority: Authority, tmp_path: Path, flaw: str
) -> None:
    match flaw:
        case "self-signed":
            tls = authority.tls(HOST, self_signed=True)
        case "expired":
            tls = authority.tls(HOST, expired=True)
        case "wrong-host":
            tls = authority.tls("other.example", "example", "*.issuer.example")
        case "no-san":
            tls = authority.tls(common_name=HOST)
        case "other-authority":
            tls = Authority(tmp_path, "other").tls(HOST)
        case _:
            tls = old_tls(authority)
    with fetching(answering(response()), authority, tls) as (fetcher, server):
        assert refused(fetcher) is Code.NETWORK_TLS_INVALID
        assert server.requests == []


def resetting_after_hello(peer: Peer, connection: socket.socket) -> None:
    # A reset before the client looks at its socket makes Python's `ssl` drop that socket without closing it.
    connection.recv(1)
    resetting(peer, connection)


@pytest.mark.parametrize("behave", [resetting_after_hello, lambda _, __: None])
def test_server_that_hangs_up_instead_of_tls_is_unreachable_or_unproven_nt_n09(
    authority: Authority, behave: Behaviour
) -> None:
    with fetching(behave, authority, None) as (fetcher, _):
        assert refused(fetcher) in (Code.NETWORK_TLS_INVALID, Code.NETWORK_UNREACHABLE)


def test_server_without_tls_is_refused_nt_n09(authority: Authority) -> None:
    def behave(peer: Peer, connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(response())

    with fetching(behave, authority, None) as (fetcher, _):
        assert refused(fetcher) is Code.NETWORK_TLS_INVALID


# NT-N11: the environment


def test_proxy_and_credentials_of_the_environment_are_not_used_nt_n11(
    authority: Authority, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text(f"machine {HOST} login u password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with peer(answering(b"")) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{LOOPBACK}:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://{LOOPBACK}:{proxy.port}")
        with fetching(answering(response()), authority, tls) as (fetcher, server):
            assert fetcher.fetch(URL, accept=JSON).status == 200
        assert proxy.requests == []
    assert b"uthorization" not in server.requests[0]


def test_authority_and_key_log_of_the_environment_are_not_used_nt_n11(
    authority: Authority, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.roots))
    monkeypatch.setenv("SSL_CERT_DIR", str(authority.roots.parent))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with (
        peer(answering(response()), tls=tls) as server,
        Network(server.port).fetcher(FetchRules()) as fetcher,
    ):
        assert refused(fetcher) is Code.NETWORK_TLS_INVALID
    assert not (tmp_path / "keys").exists()


# NT-N12: the allow-list


@pytest.mark.parametrize(
    "url", [URL, "https://sub.allowed.example/x", "https://allowed.example.evil.example/x"]
)
def test_host_off_the_list_is_refused_without_a_look_up_nt_n12(url: str) -> None:
    network = Network()
    rules = FetchRules(allowed_hosts=frozenset({"allowed.example"}))
    assert refused(network.fetcher(rules), url) is Code.NETWORK_HOST_FORBIDDEN
    assert network.asked == []


def test_host_on_the_list_is_reached_in_any_capitals_nt_n12(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    rules = FetchRules(roots=authority.roots, allowed_hosts=frozenset({HOST}))
    with peer(answering(response()), tls=tls) as server, Network(server.port).fetcher(rules) as fetcher:
        assert fetcher.fetch("https://Issuer.Example/x", accept=JSON).status == 200


# NT-N13: nothing is remembered


def test_nothing_of_one_answer_is_in_the_next_nt_n13(authority: Authority, tls: ssl.SSLContext) -> None:
    answers = (
        response(b"poison", "Cache-Control: max-age=9999", "Set-Cookie: a=secret", status=500),
        response(b'{"fresh":true}', "Cache-Control: max-age=9999", "ETag: x"),
        response(b'{"fresh":"again"}'),
    )
    with fetching(answering(*answers), authority, tls) as (fetcher, server):
        assert fetcher.fetch(URL, accept=JSON).status == 500
        assert fetcher.fetch(URL, accept=JSON).body == b'{"fresh":true}'
        assert fetcher.fetch(URL, accept=JSON).body == b'{"fresh":"again"}'
    assert len(set(server.requests)) == 1
    assert len(server.requests) == 3


# NT-N14: one slow host


def test_thousand_fetches_from_one_slow_host_are_four_at_once_and_the_rest_fail_fast_nt_n14(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def behave(peer: Peer, connection: socket.socket) -> None:
        peer.requests.append(read_request(connection))
        arrived.release()
        go_on.wait(10)
        connection.sendall(response(b"{}", "Connection: close"))

    outcomes: list[int | Code] = []

    def fetch_once(fetcher: Fetcher) -> None:
        try:
            outcomes.append(fetcher.fetch(URL, accept=JSON).status)
        except TallyError as error:
            outcomes.append(error.code)

    with fetching(behave, authority, tls) as (fetcher, server):
        threads = [threading.Thread(target=fetch_once, args=(fetcher,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert arrived.acquire(timeout=10)
        for _ in range(996):
            fetch_once(fetcher)
        assert outcomes == [Code.NETWORK_BUSY] * 996
        assert len(server.requests) == 4
        go_on.set()
        for thread in threads:
            thread.join()
        assert outcomes[996:] == [200] * 4
        fetch_once(fetcher)
        assert outcomes[-1] == 200


def waits(released: threading.Event) -> None:
    released.wait(10)


def test_slow_host_leaves_the_others_alone_nt_n14(authority: Authority) -> None:
    tls = authority.tls("fast.example", "slow.example")
    released = threading.Event()
    with peer(lambda _, __: waits(released), tls=tls) as slow, peer(answering(response()), tls=tls) as fast:

        def connect(address: str, port: int, seconds: float) -> httpcore2.NetworkStream:
            target = slow if address == PUBLIC else fast
            return httpcore2.SyncBackend().connect_tcp(LOOPBACK, target.port, seconds)

        def resolve(host: str, seconds: float) -> Sequence[str]:
            return [PUBLIC if host == "slow.example" else OTHER_PUBLIC]

        rules = FetchRules(roots=authority.roots, max_in_flight_per_host=1)
        with Fetcher(rules, resolve=resolve, connect=connect) as fetcher:
            waiting = threading.Thread(target=refused, args=(fetcher, "https://slow.example/"))
            waiting.start()
            assert fetcher.fetch("https://fast.example/", accept=JSON).status == 200
            assert waiting.is_alive()
            released.set()
            waiting.join()


# Development


def test_local_name_leads_to_loopback_with_http_and_any_port_in_development() -> None:
    with peer(answering(response())) as server:
        network = Network(server.port)
        with Fetcher(FetchRules(development=True), resolve=network.resolve) as fetcher:
            assert fetcher.fetch(f"http://ledger.localhost:{server.port}/x", accept=JSON).status == 200
    assert network.asked == []
    assert server.requests[0].startswith(
        f"GET /x HTTP/1.1\r\nHost: ledger.localhost:{server.port}\r\n".encode()
    )


def test_local_name_may_have_tls_in_development(authority: Authority) -> None:
    with peer(answering(response()), tls=authority.tls("ledger.localhost")) as server:
        rules = FetchRules(development=True, roots=authority.roots)
        with Fetcher(rules) as fetcher:
            assert fetcher.fetch(f"https://ledger.localhost:{server.port}/", accept=JSON).status == 200


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://issuer.example/", Code.NETWORK_SCHEME_FORBIDDEN),
        ("http://ledger.localhost.evil.example/", Code.NETWORK_SCHEME_FORBIDDEN),
        ("http://127.0.0.1:8000/", Code.NETWORK_HOST_FORBIDDEN),
        ("http://[::1]:8000/", Code.NETWORK_HOST_FORBIDDEN),
        ("http://localhost:8000/", Code.NETWORK_HOST_FORBIDDEN),
        ("https://issuer.example:8443/", Code.NETWORK_HOST_FORBIDDEN),
        ("http://ledger.localhost.:8000/", Code.NETWORK_HOST_FORBIDDEN),
        ("https://evillocalhost/", Code.NETWORK_HOST_FORBIDDEN),
    ],
)
def test_development_opens_local_names_and_nothing_else(url: str, code: Code) -> None:
    network = Network()
    assert refused(network.fetcher(FetchRules(development=True)), url) is code
    assert network.asked == []


def test_name_of_a_stranger_that_leads_to_loopback_is_refused_in_development_too() -> None:
    network = Network(addresses=[["127.0.0.1"]])
    assert refused(network.fetcher(FetchRules(development=True))) is Code.NETWORK_HOST_FORBIDDEN
