"""The one outbound fetcher. Whatever this program asks of another machine goes through here.

Addresses come from strangers (an offer, a request, a credential), so a fetch must not reach what only we can
reach, must not be sent elsewhere, and must end. In this order: the address follows a strict grammar; its host
is one the rules allow; the name is resolved once; *every* answer is a public address; the connection goes to
a checked answer and to no second look-up; TLS proves the name; nothing is followed, inflated, remembered or
taken from the environment; size and time are bounded while reading.

Results are untrusted bytes; who they are from is for signatures to say.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from ledger.addresses import Resolve, resolve_host
from ledger.deadline import deadline, remaining_seconds
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, UnavailableError
from protocol.web_address import WebAddress, parse_web_address

if TYPE_CHECKING:
    import httpcore2

    from ledger.guarded_network import Connect

MAX_BYTES = 1 << 20
MAX_HEADERS = 100

_PORTS = {"http": 80, "https": 443}
_FEW = 4
_MAX_CONNECTIONS = 128
_MAX_IDLE_CONNECTIONS = 32
# Below the idle time of servers (ours: 30 s), so that a connection is rarely reused while they close it.
_IDLE_SECONDS = 15.0
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_OWN_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """Where fetches may go and how long they may take.

    Attributes:
        development: Names under `.localhost` lead to 127.0.0.1, with http and any port; no other name does.
        allowed_hosts: The only hosts to reach, in lower case; None for every public one.
        allowed_ports: The only ports to reach.
        deadline: How long one fetch may take, all of it.
        max_in_flight_per_host: How many fetches from one host may run at once; one more is refused.
        roots: A PEM file of the certificate authorities to trust instead of the system's.
    """

    development: bool = False
    allowed_hosts: frozenset[str] | None = None
    allowed_ports: frozenset[int] = frozenset({443})
    deadline: timedelta = timedelta(seconds=10)
    max_in_flight_per_host: int = _FEW
    roots: Path | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An untrusted answer; `content_type` is its media type without parameters, empty if it named none."""

    status: int
    content_type: str
    body: bytes


class Fetcher:
    """Fetches by `rules`. Threads may share one; connections are kept for the next fetch from the host."""

    def __init__(
        self, rules: FetchRules, *, resolve: Resolve = resolve_host, connect: "Connect | None" = None
    ) -> None:
        self._rules = rules
        self._resolve = resolve
        self._connect = connect
        self._lock = threading.Lock()
        self._in_flight: dict[str, int] = {}
        self._opened_pool: httpcore2.ConnectionPool | None = None

    def fetch(
        self,
        url: str,
        *,
        accept: str,
        method: Literal["GET", "POST"] = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Fetched:
        """Ask `url` once.

        `accept` names the media types that will do, separated by commas; an answer with status 2xx and a body
        must be of one of them. Other statuses but redirects are returned as well, for protocols that explain
        an error in its body. `max_bytes` bounds the body. Nothing identifies us beyond what `headers` say.

        Raises:
            RefusedError: the rules forbid the address, or the answer is a redirect.
            UnavailableError: no connection, no proof of the name, too slow, too large, or of another kind.
            MalformedError: a header value that cannot be sent.
            ValueError: a header that the fetcher makes itself.
        """
        address = self._allowed(url)
        all_headers = _request_headers(accept, content_type, headers or {})
        with (
            self._one_of_few(address.host),
            deadline(self._rules.deadline),
            _errors_of(address.origin.partition("://")[2]),
        ):
            return self._exchange(address, method, all_headers, body, accept, max_bytes)

    def fetch_ok(self, url: str, *, accept: str, max_bytes: int = MAX_BYTES) -> Fetched:
        """GET `url`, which must answer with status 200.

        Raises:
            UnavailableError: another status (NETWORK_STATUS, with the number), and whatever `fetch` raises.
        """
        fetched = self.fetch(url, accept=accept, max_bytes=max_bytes)
        if fetched.status != 200:
            raise UnavailableError(Code.NETWORK_STATUS, str(fetched.status))
        return fetched

    def close(self) -> None:
        """Close the connections that were kept."""
        with self._lock:
            pool, self._opened_pool = self._opened_pool, None
        if pool is not None:
            pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _allowed(self, url: str) -> WebAddress:
        if not url.startswith(("https://", "http://")):
            raise RefusedError(Code.NETWORK_SCHEME_FORBIDDEN)
        try:
            address = parse_web_address(url, development=self._rules.development)
        except MalformedError as error:
            is_scheme = error.code is Code.NETWORK_SCHEME_FORBIDDEN
            code = error.code if is_scheme else Code.NETWORK_HOST_FORBIDDEN
            raise RefusedError(code, error.detail) from error
        if not self._is_local(address.host):
            if self._rules.allowed_hosts is not None and address.host not in self._rules.allowed_hosts:
                raise RefusedError(Code.NETWORK_HOST_FORBIDDEN, f"{address.host} is not on the list")
            if _port(address) not in self._rules.allowed_ports:
                raise RefusedError(Code.NETWORK_HOST_FORBIDDEN, "port")
        return address

    def _is_local(self, host: str) -> bool:
        return self._rules.development and host.endswith(".localhost")

    @contextmanager
    def _one_of_few(self, host: str) -> Iterator[None]:
        """One slow host must not take all threads: what is too much for it fails at once."""
        with self._lock:
            running = self._in_flight.get(host, 0)
            if running >= self._rules.max_in_flight_per_host:
                raise UnavailableError(Code.NETWORK_BUSY, host)
            self._in_flight[host] = running + 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[host] -= 1
                if not self._in_flight[host]:
                    del self._in_flight[host]

    def _exchange(
        self,
        address: WebAddress,
        method: str,
        headers: list[tuple[str, str]],
        body: bytes | None,
        accept: str,
        max_bytes: int,
    ) -> Fetched:
        import httpcore2

        scheme, _, _ = address.origin.partition(":")
        url = httpcore2.URL(scheme=scheme, host=address.host, port=_port(address), target=_target(address))
        extensions = {"timeout": {"pool": remaining_seconds()}}
        with self._pool().stream(method, url, headers=headers, content=body, extensions=extensions) as answer:
            if 300 <= answer.status < 400:
                raise RefusedError(Code.NETWORK_REDIRECT_FORBIDDEN, address.host)
            received = _response_headers(answer.headers)
            if received.get("content-encoding", "identity") != "identity":
                # We asked for none. It is not inflated, so it cannot be a bomb; nor can it be read.
                raise UnavailableError(Code.NETWORK_CONTENT_TYPE, "content-encoding")
            data = _read(answer.iter_stream(), received.get("content-length", ""), max_bytes)
        media_type = received.get("content-type", "").partition(";")[0].strip().lower()
        if 200 <= answer.status < 300 and data and media_type not in accept.replace(" ", "").split(","):
            raise UnavailableError(Code.NETWORK_CONTENT_TYPE, f"expected {accept}")
        return Fetched(answer.status, media_type, data)

    def _pool(self) -> "httpcore2.ConnectionPool":
        import httpcore2

        from ledger.guarded_network import GuardedNetwork, tls_context

        with self._lock:
            if self._opened_pool is None:
                self._opened_pool = httpcore2.ConnectionPool(
                    ssl_context=tls_context(self._rules.roots),
                    max_connections=_MAX_CONNECTIONS,
                    max_keepalive_connections=_MAX_IDLE_CONNECTIONS,
                    keepalive_expiry=_IDLE_SECONDS,
                    network_backend=GuardedNetwork(
                        self._resolve, self._connect, development=self._rules.development
                    ),
                )
            return self._opened_pool


def chosen_fetcher(url: str) -> Fetcher:
    """A fetcher for an address that its user chose, with its port, as nobody else's address may have one.

    Names under .localhost lead to this machine.

    Raises:
        MalformedError: not a web address.
    """
    address = parse_web_address(url, development=True)
    return Fetcher(FetchRules(development=True, allowed_ports=frozenset({_port(address)})))


def chosen_rules(urls: Iterable[str]) -> FetchRules:
    """Rules by which only the hosts of `urls`, at their ports, may be reached.

    They are addresses of their user's choice, all of which may be asked at once although they share a host.

    Raises:
        MalformedError: one is not a web address.
    """
    addresses = [parse_web_address(url, development=True) for url in urls]
    return FetchRules(
        development=True,
        allowed_hosts=frozenset(address.host for address in addresses),
        allowed_ports=frozenset(map(_port, addresses)),
        max_in_flight_per_host=max(_FEW, len(addresses)),
    )


def _port(address: WebAddress) -> int:
    scheme, _, authority = address.origin.partition("://")
    _, _, port = authority.partition(":")
    return int(port) if port else _PORTS[scheme]


def _target(address: WebAddress) -> str:
    target = address.text.removeprefix(address.origin)
    return target if target.startswith("/") else f"/{target}"


def _request_headers(
    accept: str, content_type: str | None, headers: Mapping[str, str]
) -> list[tuple[str, str]]:
    if _OWN_HEADERS & {name.lower() for name in headers} or not all(map(_HEADER_NAME.fullmatch, headers)):
        raise ValueError("a header that the fetcher makes itself, or that is none")
    if not all(map(_HEADER_VALUE.fullmatch, headers.values())):
        # Values come from peers too (an access token): a line break would smuggle in a second request.
        raise MalformedError(Code.FORMAT_INVALID, "header value")
    own = {"Accept": accept, "Accept-Encoding": "identity"}
    if content_type is not None:
        own["Content-Type"] = content_type
    return [*own.items(), *headers.items()]


def _response_headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    if len(headers) > MAX_HEADERS:
        raise UnavailableError(Code.NETWORK_TOO_LARGE, "headers")
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _read(chunks: Iterable[bytes], announced: str, max_bytes: int) -> bytes:
    # What is announced only saves time; what arrives is counted.
    data = bytearray()
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise UnavailableError(Code.NETWORK_TOO_LARGE, f"more than {max_bytes} bytes")
    for chunk in chunks:
        data += chunk
        if len(data) > max_bytes:
            raise UnavailableError(Code.NETWORK_TOO_LARGE, f"more than {max_bytes} bytes")
    return bytes(data)


@contextmanager
def _errors_of(authority: str) -> Iterator[None]:
    """Turn the exceptions of the HTTP client into ours, which name the host and the port."""
    import h11
    import httpcore2

    try:
        yield
    except httpcore2.TimeoutException as error:
        raise UnavailableError(Code.NETWORK_TIMEOUT, authority) from error
    except httpcore2.RemoteProtocolError as error:
        # The client keeps h11's own exception as its argument; 431 is h11's hint for too long a header.
        cause = error.args[0]
        if isinstance(cause, h11.RemoteProtocolError) and cause.error_status_hint == 431:
            raise UnavailableError(Code.NETWORK_TOO_LARGE, "headers") from error
        raise UnavailableError(Code.NETWORK_UNREACHABLE, authority) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise UnavailableError(Code.NETWORK_UNREACHABLE, authority) from error
