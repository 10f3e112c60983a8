"""A node for tests of the log: an honest C2SP witness in a few lines, or whatever a test makes of it."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from protocol.errors import VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import verify_consistency
from protocol.tlog.note import NoteKey, SignatureType, encode_signature_line, parse_note
from protocol.tlog.policy import Group, LogPolicy, Witness
from protocol.tlog.witness import parse_add_checkpoint
from tests.ledger.world import KEYS, Clock


class Reply(NamedTuple):
    """What a node answers."""

    status: int
    body: str = ""
    content_type: str = "text/plain"


@dataclass
class FakeNode:
    """A node at a port of its own.

    Attributes:
        number: Its number, from 1.
        clock: Tells the time it cosigns with.
        notes: The last note it cosigned of each origin.
        before_answer: Called before it answers an add-checkpoint request, which it may answer instead.
        is_away: It takes no request.
    """

    number: int
    clock: Clock
    port: int = 0
    notes: dict[str, str] = field(default_factory=dict)
    before_answer: Callable[[bytes], Reply | None] = lambda _body: None
    is_away: bool = False
    asked: int = 0

    @property
    def name(self) -> str:
        return f"node-{self.number}"

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey(bytes([100 + self.number]) * 32)

    @property
    def key_name(self) -> str:
        return f"{self.name}.example/copy"

    @property
    def witness(self) -> Witness:
        key = NoteKey(self.key_name, SignatureType.ED25519_COSIGNATURE, self.key.public_key)
        return Witness(self.name, key, f"http://{self.name}.localhost:{self.port}")

    def add_checkpoint(self, body: bytes) -> Reply:
        self.asked += 1
        if (instead := self.before_answer(body)) is not None:
            return instead
        request = parse_add_checkpoint(body)
        note = parse_note(request.checkpoint)
        new = parse_checkpoint(note.text)
        known = self.notes.get(new.origin)
        old = None if known is None else parse_checkpoint(parse_note(known).text)
        if request.old_size != (0 if old is None else old.tree_size):
            return Reply(409, f"{0 if old is None else old.tree_size}\n", "text/x.tlog.size")
        if old is not None and old.tree_size > 0:
            try:
                verify_consistency(
                    request.consistency_proof,
                    old_size=old.tree_size,
                    old_root=old.root_hash,
                    new_size=new.tree_size,
                    new_root=new.root_hash,
                )
            except VerificationError:
                return Reply(422, "that does not follow")
        self.notes[new.origin] = request.checkpoint
        line = sign_cosignature(note.text, name=self.key_name, key=self.key, now=self.clock())
        return Reply(200, encode_signature_line(line))

    def seen(self, path: str) -> Reply:
        for origin, note in self.notes.items():
            if path == f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint":
                return Reply(200, note)
        return Reply(404)


def quorum_of(nodes: list[FakeNode], threshold: int) -> LogPolicy:
    """The policy of the ledger of the tests with so many of `nodes` behind it."""
    logs = KEYS.policy(f"http://{KEYS.origin}").logs
    members = tuple(node.name for node in nodes)
    witnesses = tuple(node.witness for node in nodes)
    return LogPolicy(logs, witnesses, (Group("nodes", threshold, members),), "nodes")


@contextmanager
def running_nodes(count: int, clock: Clock) -> Iterator[list[FakeNode]]:
    """So many honest nodes, until the block ends."""
    with ExitStack() as stack:
        yield [stack.enter_context(_running(FakeNode(number, clock))) for number in range(1, count + 1)]


@contextmanager
def _running(node: FakeNode) -> Iterator[FakeNode]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._reply(node.add_checkpoint(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._reply(node.seen(self.path))

        def _reply(self, reply: Reply) -> None:
            if node.is_away:
                self.close_connection = True
                return
            body = reply.body.encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    node.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
