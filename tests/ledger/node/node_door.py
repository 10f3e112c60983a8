"""A node as its operator made it, in a folder, answering on a port of loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doors.server import listen, running
from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.node.cosigner import Cosigner, Promise
from ledger.node.evidence import kept_evidence
from ledger.node.folder import NodeFolder
from ledger.node.http import NodeApp, create_node_app
from ledger.node.keys import NodeKeys
from ledger.node.running import run_node
from ledger.trust import TrustedLedger
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.note import NoteKey, SignatureType
from protocol.tlog.witness import AddCheckpointRequest, encode_add_checkpoint, hash_origin
from storage.passphrase import WEAKEST_ACCEPTED, Passphrase
from tests.browser import Answer, Browser
from tests.ledger.world import Clock

PASSPHRASE = Passphrase("correct horse battery staple")


def cosigner_of(name: str, promise: Promise = Promise.COPY) -> Cosigner:
    seed = name.encode().ljust(32, b"\0")
    return Cosigner(f"{name}.localhost:8104", promise, Ed25519PrivateKey(seed))


def keys_of(name: str, promise: Promise = Promise.COPY) -> NodeKeys:
    seed = f"approver {name}".encode().ljust(32, b"\0")
    approver = Ed25519PrivateKey(seed) if promise is Promise.COPY else None
    return NodeKeys(cosigner_of(name, promise), approver)


def make_node(
    folder: Path, ledger: TrustedLedger, *, name: str = "node", promise: Promise = Promise.COPY
) -> NodeFolder:
    """A node that was made and never served."""
    node = NodeFolder(folder / name, marks=folder / "state" / name)
    keys = keys_of(name, promise)
    node.create(
        keys,
        url=f"http://{keys.cosigner.authority}",
        ledger=ledger,
        database="node.sqlite",
        passphrase=PASSPHRASE,
        kdf=WEAKEST_ACCEPTED,
    )
    return node


@dataclass
class NodeDoor:
    """A running node."""

    folder: NodeFolder
    cosigner: Cosigner
    app: NodeApp
    browser: Browser
    origin_hash: str

    @property
    def key(self) -> NoteKey:
        return NoteKey(self.cosigner.name, SignatureType.ED25519_COSIGNATURE, self.cosigner.key.public_key)

    def ask(self, request: AddCheckpointRequest) -> Answer:
        return self.post(encode_add_checkpoint(request))

    def post(self, body: bytes, **headers: str) -> Answer:
        return self.browser.ask("POST", "/add-checkpoint", body, headers)

    def get(self, path: str) -> Answer:
        return self.browser.get(f"/{self.origin_hash}/{path}")

    @property
    def kept(self) -> list[Path]:
        return kept_evidence(self.folder.evidence)


class Elsewhere(Fetcher):
    """Is led to another server when it asks the ledger at `port`."""

    def __init__(self, port: int, *, instead: int) -> None:
        super().__init__(FetchRules(development=True))
        self._ports = (f":{port}/", f":{instead}/")

    def fetch(self, url: str, **options: Any) -> Fetched:
        return super().fetch(url.replace(*self._ports), **options)


@contextmanager
def serving(
    folder: NodeFolder, *, name: str = "node", clock: Clock | None = None, fetcher: Fetcher | None = None
) -> Iterator[NodeDoor]:
    """The node in `folder` over HTTP."""
    keys = keys_of(name, folder.promise())
    with (
        listen("127.0.0.1", 0) as listener,
        fetcher or Fetcher(FetchRules(development=True)) as fetches,
        run_node(folder, keys, url=listener.url, fetcher=fetches, clock=clock or Clock()) as app,
        running(create_node_app(app), listener),
    ):
        origin_hash = hash_origin(folder.ledger().origin)
        yield NodeDoor(folder, keys.cosigner, app, Browser(listener.url), origin_hash)
