"""A log to follow, read without a network, and a copy of it with everything around it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from ledger.log_files import LogFiles
from ledger.node.copy import LogCopy
from ledger.node.evidence import Evidence, kept_evidence
from ledger.node.follower import Follower
from ledger.node.last_cosigned import LastCosigned
from ledger.node.tables import METADATA
from ledger.node.trouble import Trouble, TroubleNote, read_trouble
from ledger.node.witness import SignedCheckpoint, verify_signed_checkpoint
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.errors import UnavailableError
from protocol.records import DidRecord
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.note import NoteKey, SignatureType, encode_note, sign_note
from protocol.tlog.tiles import EntryBundle, HashTile
from storage.database import open_database
from tests.ledger.world import AUTHORITY, KEYS, Clock, append

LOG_KEY = NoteKey(AUTHORITY, SignatureType.ED25519, KEYS.log.public_key)


def sign(tree_size: int, root_hash: bytes) -> SignedCheckpoint:
    """What the log says when it signs this."""
    text = encode_checkpoint(Checkpoint(AUTHORITY, tree_size, root_hash))
    note = encode_note(text, [sign_note(text, name=AUTHORITY, key=KEYS.log)])
    return verify_signed_checkpoint(note, LOG_KEY)


def open_store(folder: Path) -> LedgerStore:
    """A new database of a log in a new folder."""
    folder.mkdir(mode=0o700)
    store = LedgerStore(open_database(str(folder / "log.sqlite")))
    store.create()
    return store


class FollowedLog(LogFiles):
    """A log with files that are changed, late or gone on their way to the reader."""

    def __init__(self, store: LedgerStore) -> None:
        self.store = store
        self.read: list[str] = []
        self.change: Callable[[str, bytes], bytes] = lambda _path, data: data
        self.gone = False
        self.published: SignedCheckpoint | None = None

    def log(self, records: Sequence[DidRecord]) -> SignedCheckpoint:
        return sign_head(append(self.store, records))

    def publish(self, records: Sequence[DidRecord] = ()) -> SignedCheckpoint:
        self.published = self.log(records) if records else sign_head(self.store.head())
        return self.published

    def read_checkpoint(self) -> str:
        self._ask("checkpoint")
        return (self.published or sign_head(Head(0, self.store.head().root_hash))).note

    def read_tiles(self, tiles: Sequence[HashTile]) -> list[bytes]:
        data = self.store.read_tiles(tiles)
        return [self._ask(tile.path, each) for tile, each in zip(tiles, data, strict=True)]

    def read_bundle(self, bundle: EntryBundle) -> tuple[bytes, ...]:
        return tuple(self._ask(bundle.path, leaf) for leaf in self.store.read_bundle(bundle))

    def _ask(self, path: str, data: bytes = b"") -> bytes:
        self.read.append(path)
        if self.gone:
            raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE, AUTHORITY)
        return self.change(path, data)


def sign_head(head: Head) -> SignedCheckpoint:
    return sign(head.tree_size, head.root_hash)


@dataclass
class CopyDesk:
    """A copy of `log` in a folder; another one in it goes on where this one ended."""

    folder: Path
    log: FollowedLog
    clock: Clock = field(default_factory=Clock)
    patience: timedelta = timedelta(seconds=10)
    interval: timedelta = timedelta(hours=1)
    address: str | None = None
    """Of its database; a file in the folder unless it is said."""

    def __post_init__(self) -> None:
        is_new = not self.folder.exists()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.engine: Engine = open_database(self.address or str(self.folder / "node.sqlite"))
        self.store = LedgerStore(self.engine)
        if is_new:
            self.store.create()
            METADATA.create_all(self.engine)
        self.last = LastCosigned(self.engine, self.folder / "last-cosigned", AUTHORITY)
        self.note = TroubleNote(self.engine, AUTHORITY, clock=self.clock)
        self.reopen()

    def reopen(self) -> None:
        self.copy = LogCopy(self.store, self.log, authority=AUTHORITY, clock=self.clock)
        self.evidence = Evidence(
            self.folder / "evidence", LOG_KEY, last=self.last, files=self.log, copy=self.copy
        )

    def follower(self) -> Follower:
        return Follower(
            self.copy,
            self.log,
            LOG_KEY,
            evidence=self.evidence,
            note=self.note,
            interval=self.interval,
            patience=self.patience,
        )

    def fill(self, target: SignedCheckpoint) -> None:
        while self.copy.tree_size < target.tree_size:
            self.copy.extend(target)

    @property
    def trouble(self) -> Trouble | None:
        """What another process reads of it."""
        return read_trouble(self.engine, AUTHORITY)

    @property
    def leaves(self) -> list[bytes]:
        return self.store.read_leaves(0, self.store.head().tree_size)

    @property
    def kept(self) -> list[Path]:
        return kept_evidence(self.folder / "evidence")

    def close(self) -> None:
        self.engine.dispose()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does by itself."""
    deadline = threading.Event()
    for _ in range(3000):
        if condition():
            return
        deadline.wait(0.01)
    raise AssertionError("it never came to pass")


class Gate:
    """Holds up whoever reads a file whose path begins with `prefix`, until it is opened."""

    def __init__(self, prefix: str = "tile/entries") -> None:
        self._prefix = prefix
        self.reached = threading.Event()
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    def __call__(self, path: str, data: bytes) -> bytes:
        if path.startswith(self._prefix):
            self.reached.set()
            assert self._open.wait(30)
        return data
