"""The network as the fetcher's connection pool sees it: checked addresses, one deadline, and TLS.

The pool asks for a connection to a *name*. The name is resolved here, once, and the socket is connected to
one of the very addresses that were checked: a name server that answers differently the next time (DNS
rebinding) is not asked a next time. TLS still proves the name.
"""

import socket
import ssl
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import httpcore2

from ledger.addresses import Resolve, require_public
from ledger.deadline import remaining_seconds
from protocol.codes import Code
from protocol.errors import UnavailableError

Connect: TypeAlias = Callable[[str, int, float], httpcore2.NetworkStream]
"""Connects to an IP address and port within some seconds, or raises an exception of httpcore2."""

_LOOPBACK = "127.0.0.1"
# Where systems keep the certificate authorities they trust.
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class GuardedNetwork(httpcore2.NetworkBackend):
    """Connects names to checked addresses. With `development`, names under `.localhost` are 127.0.0.1."""

    def __init__(self, resolve: Resolve, connect: Connect | None, *, development: bool) -> None:
        self._resolve = resolve
        self._connect = connect or _connect
        self._development = development

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first of the host's addresses that answers.

        Raises:
            RefusedError: one of the addresses is not public.
            UnavailableError: no time is left.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: none answers.
        """
        failure: Exception = httpcore2.ConnectError("no address")
        for address in self._addresses(host):
            try:
                return _TimedStream(self._connect(address, port, remaining_seconds()))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str) -> Iterable[str]:
        if self._development and host.endswith(".localhost"):
            return [_LOOPBACK]
        addresses = list(dict.fromkeys(self._resolve(host, remaining_seconds())))
        for address in addresses:
            # All of them before any is used: one private answer among public ones is an attack, not a spare.
            require_public(address)
        return addresses


class _TimedStream(httpcore2.NetworkStream):
    """A stream on which each operation has what is left until the deadline of the fetch that uses it."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, remaining_seconds())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The stream's own `write` gives every part it sends the full time again.
        connection: socket.socket = self._stream.get_extra_info("socket")
        view = memoryview(buffer)
        try:
            while view:
                connection.settimeout(remaining_seconds())
                view = view[connection.send(view) :]
        except TimeoutError as error:
            raise httpcore2.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore2.WriteError(error) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        try:
            return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, remaining_seconds()))
        except httpcore2.ConnectError as error:
            # The client keeps the exception of the socket as its argument.
            if isinstance(error.args[0], ssl.SSLError):
                raise UnavailableError(Code.NETWORK_TLS_INVALID, server_hostname or "") from error
            raise
        except UnavailableError:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 (the signature of httpcore2)
        return self._stream.get_extra_info(info)


@cache
def tls_context(roots: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer that trusts `roots`, or those of the system, and only names in the certificate's SAN.

    A process reads the roots once. Nothing comes from the environment: `ssl.create_default_context` would
    take the roots from SSL_CERT_FILE, and write the session keys to SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    for candidate in (roots,) if roots else map(Path, _SYSTEM_ROOTS):
        if candidate.is_file():
            context.load_verify_locations(candidate)
            break
    return context


def _connect(address: str, port: int, seconds: float) -> httpcore2.NetworkStream:
    return httpcore2.SyncBackend().connect_tcp(address, port, seconds)
