"""NT-D30: a ledger whose answer to who resolves a DID is too large, too slow, or leads elsewhere."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.fetch import Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.index.proof import MAX_PROOF_BYTES
from tests.ledger.world import HOST, Clock, create, keys_at
from tests.peers import Behaviour, Peer, answering, peer, read_request, response, silent

TEXT = "text/plain"
SHORT = timedelta(seconds=0.2)


def _sending(head: bytes, part: bytes, *, pause: float = 0) -> Behaviour:
    """Begin an answer, and go on without end."""

    def behave(peer: Peer, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/plain\r\n" + head + b"\r\n")
        while not peer.closing.wait(pause):
            connection.sendall(part)

    return behave


ATTACKS: dict[str, tuple[Code, Behaviour]] = {
    "NT-D30-too-large": (
        Code.NETWORK_TOO_LARGE,
        answering(response(bytes(MAX_PROOF_BYTES + 1), content_type=TEXT)),
    ),
    "NT-D30-endless": (Code.NETWORK_TOO_LARGE, _sending(b"", b"x" * 65_536)),
    "NT-D30-drip": (Code.NETWORK_TIMEOUT, _sending(b"Content-Length: 1000\r\n", b"x", pause=0.03)),
    "NT-D30-silence": (Code.NETWORK_TIMEOUT, silent),
    "NT-D30-redirect": (
        Code.NETWORK_REDIRECT_FORBIDDEN,
        answering(response(b"", "Location: http://127.0.0.1/evidence", status=302)),
    ),
}


@contextmanager
def _reading(port: int, folder: Path, deadline: timedelta) -> Iterator[LedgerResolver]:
    url = f"http://{HOST}:{port}"
    ledger = TrustedLedger(url, keys_at(port).policy(url))
    with Fetcher(FetchRules(development=True, deadline=deadline)) as fetcher:
        yield LedgerResolver(
            TrustedLedgers((ledger,), development=True),
            fetcher=fetcher,
            memory=CheckpointMemory(folder),
            clock=Clock(),
        )


@pytest.mark.parametrize("attack", ATTACKS)
def test_ledger_that_answers_without_measure_is_given_up_and_nothing_is_remembered(
    tmp_path: Path, attack: str
) -> None:
    expected, behave = ATTACKS[attack]
    deadline = SHORT if expected is Code.NETWORK_TIMEOUT else FetchRules().deadline
    with peer(behave) as server, _reading(server.port, tmp_path, deadline) as resolver:
        did = create("university", port=server.port).version.did
        with pytest.raises(TallyError) as refusal:
            resolver.resolve(did)
        assert refusal.value.code is expected
        assert server.connections == 1
    assert list(tmp_path.iterdir()) == []
