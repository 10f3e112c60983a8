"""Peers on loopback that behave as badly as a test asks: raw sockets, with or without TLS."""

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
LOOPBACK = "127.0.0.1"


@dataclass
class Peer:
    """A running peer: its port, what it was asked, and how often somebody connected."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)


Behaviour = Callable[[Peer, socket.socket], None]
"""What a peer does with one connection."""


@contextmanager
def peer(behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """Run a peer until the block ends; each connection has a thread of its own."""
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []
    listener = socket.create_server((LOOPBACK, 0))
    running = Peer(listener.getsockname()[1])

    def handle(connection: socket.socket) -> None:
        # What the other side does to the connection is the subject of the test, not ours to report.
        with contextlib.suppress(OSError), connection:
            if tls is None:
                connections.append(connection)
                behave(running, connection)
            else:
                with tls.wrap_socket(connection, server_side=True) as secured:
                    connections.append(secured)
                    behave(running, secured)

    def accept() -> None:
        while not running.closing.is_set():
            connection, _ = listener.accept()
            connection.settimeout(10)
            running.connections += 1
            threads.append(threading.Thread(target=handle, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield running
    finally:
        running.closing.set()
        socket.create_connection((LOOPBACK, running.port)).close()
        accepting.join()
        listener.close()
        for connection in connections:
            # Whoever still waits for something to read learns that nothing comes.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def answering(*answers: bytes) -> Behaviour:
    """Give the next of `answers` to each request, and the last one to all that follow."""

    def behave(peer: Peer, connection: socket.socket) -> None:
        while request := read_request(connection):
            peer.requests.append(request)
            connection.sendall(answers[min(len(peer.requests), len(answers)) - 1])

    return behave


def silent(peer: Peer, connection: socket.socket) -> None:
    """Take the connection and say nothing."""
    peer.closing.wait(10)


def read_request(connection: socket.socket) -> bytes:
    """One request with its body, or nothing when the connection was closed."""
    request = b""
    while b"\r\n\r\n" not in request:
        chunk = connection.recv(65_536)
        if not chunk:
            return b""
        request += chunk
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def response(
    body: bytes = b"{}", *headers: str, status: int = 200, content_type: str = "application/json"
) -> bytes:
    """An HTTP response; a header of `headers` replaces the one made here."""
    own = {"Content-Type": content_type, "Content-Length": str(len(body))}
    own |= {name: value for name, _, value in (header.partition(": ") for header in headers)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("latin-1") + body


class Authority:
    """A certificate authority that a test trusts by its file `roots`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(self._name, self._key.public_key(), ca=True)
        self.roots = folder / f"{name}.pem"
        self.roots.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def tls(
        self, *names: str, expired: bool = False, self_signed: bool = False, common_name: str = "peer"
    ) -> ssl.SSLContext:
        """The TLS of a server with a certificate for `names`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self._sign(
            subject, key.public_key(), names=names, expired=expired, signer=key if self_signed else None
        )
        file = self._folder / f"{certificate.serial_number}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self,
        subject: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        *,
        names: Sequence[str] = (),
        ca: bool = False,
        expired: bool = False,
        signer: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        # TLS compares with the clock of this machine, so the test has to read it too.
        now = datetime.datetime.now(datetime.UTC)  # noqa: TID251
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if signer else self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now - DAY if expired else now + DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternative, critical=False)
        return builder.sign(signer or self._key, hashes.SHA256())
