"""A ledger for tests: fixed keys and time, DIDs that want to be logged, and every part ready to use."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Engine

from doors.server import Listener, running
from ledger.admission import Admission
from ledger.app import LedgerApp
from ledger.approvals.collector import ApprovalCollector
from ledger.cosigners import Cosigners
from ledger.followed_log import FollowedLog
from ledger.front_end import FrontEnd
from ledger.http import create_ledger_app
from ledger.sequencer import Sequencer
from ledger.signer import CheckpointSigner, LedgerKeys, LedgerSigners, create_memories, load_signers
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from ledger.trust import TrustedLedger
from protocol.did.document import create_did_document
from protocol.did.webvh.author import NewEntry, create_did, update_did
from protocol.did.webvh.version import VerifiedVersion
from protocol.encoding.strict_json import JsonObject
from protocol.errors import TallyError
from protocol.keys import Ed25519PrivateKey
from protocol.records import DidRecord, Record
from protocol.records.did import parse_did_record
from protocol.tlog.merkle import RightEdge, hash_leaf
from protocol.tlog.policy import LogPolicy, encode_log_policy
from protocol.tlog.tiles import read_hashes_from_tiles
from storage.database import open_database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
HOST, PORT = "ledger.localhost", 8101
AUTHORITY = f"{HOST}:{PORT}"
URL = f"http://{AUTHORITY}"


def keys_at(port: int) -> LedgerKeys:
    """The keys of the ledger that is reached at `port`."""
    return LedgerKeys(
        f"{HOST}:{port}", *(Ed25519PrivateKey(bytes([number]) * 32) for number in (201, 203, 202))
    )


KEYS = keys_at(PORT)
POLICY: LogPolicy = KEYS.policy(URL)
KEY, OTHER_KEY = (Ed25519PrivateKey(bytes([number]) * 32) for number in (1, 2))


def document(did: str) -> JsonObject:
    return create_did_document(did, {"key-1": KEY.public_key}, assertion=["key-1"], authentication=["key-1"])


def create(
    *path: str,
    host: str = HOST,
    port: int | None = PORT,
    key: Ed25519PrivateKey = KEY,
    time: datetime = START,
    parameters: JsonObject | None = None,
) -> NewEntry:
    """The first entry of a DID that lives on the ledger under `path`."""
    return create_did(
        host, port, path, document=document, key=key, next_keys=(), time=time, parameters=parameters
    )


def update(
    previous: VerifiedVersion, *, ttl: int = 60, key: Ed25519PrivateKey = KEY, time: datetime | None = None
) -> NewEntry:
    """The next entry; those with another `ttl` are rivals."""
    moment = previous.time + timedelta(hours=1) if time is None else time
    return update_did(previous, key=key, time=moment, parameters={"ttl": ttl})


def record(entry: NewEntry) -> DidRecord:
    return parse_did_record(entry.line.encode())


def history(name: str, versions: int) -> list[DidRecord]:
    """The records of a DID with so many versions."""
    entry = create(name)
    records = [record(entry)]
    while len(records) < versions:
        entry = update(entry.version)
        records.append(record(entry))
    return records


def names(count: int, prefix: str = "did", *, port: int = PORT) -> list[DidRecord]:
    """The first records of so many DIDs."""
    return [record(create(f"{prefix}-{number}", port=port)) for number in range(count)]


def append(store: LedgerStore, records: Sequence[Record]) -> Head:
    """Append `records` to the stored log, as the sequencer does, and say how far it reaches then."""
    after = store.head()
    read_hashes = read_hashes_from_tiles(after.tree_size, store.read_tiles)
    edge = RightEdge.load(after.tree_size, read_hashes).append(hash_leaf(r.leaf) for r in records)
    then = Head.of(edge)
    store.append(records, after=after, then=then)
    return then


@dataclass
class Clock:
    """A clock that tells the time it was given."""

    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


@dataclass
class World:
    """A ledger in a folder; what was written is still there when another `World` is made in it."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    port: int = PORT
    address: str | None = None
    """Of its database; a file in the folder unless it is said."""

    @property
    def keys(self) -> LedgerKeys:
        return keys_at(self.port)

    @property
    def ledger(self) -> TrustedLedger:
        """The ledger as its readers trust it."""
        url = f"http://{self.keys.origin}"
        return TrustedLedger(url, self.keys.policy(url))

    @property
    def memory(self) -> Path:
        return self.folder / "last-signed"

    @property
    def evidence(self) -> Path:
        return self.folder / "evidence"

    @property
    def database(self) -> Path:
        return self.folder / "ledger.sqlite"

    @cached_property
    def engine(self) -> Engine:
        return open_database(self.address or str(self.database))

    def create(self) -> None:
        self.store().create()
        create_memories(self.keys, self.folder)

    def close(self) -> None:
        self.engine.dispose()

    def alter(self, statement: str, *values: object) -> None:
        """Change the database behind the back of the ledger."""
        if self.address is None:
            with closing(sqlite3.connect(self.database)) as file, file:
                file.execute(statement, values)
        else:
            with self.engine.begin() as connection:
                connection.exec_driver_sql(statement.replace("?", "%s"), values)

    def store(self) -> LedgerStore:
        return LedgerStore(self.engine)

    def signer(self) -> CheckpointSigner:
        return self.signers().log

    def signers(self) -> LedgerSigners:
        return load_signers(self.keys, self.folder)

    @contextmanager
    def serving(self, listener: Listener, policy: LogPolicy | None = None) -> Iterator[FrontEnd]:
        """The ledger over HTTP, which has published a checkpoint."""
        store, policy = self.store(), policy or self.ledger.policy
        with (
            self.front_end(policy) as front_end,
            ApprovalCollector(
                store,
                policy,
                published_size=lambda: front_end.published.log.tree_size,
                clock=self.clock,
            ) as collector,
        ):
            admission = Admission(store, authority=self.keys.origin, approvers=collector.approvers)
            app = LedgerApp(store, front_end, admission, encode_log_policy(policy), self.clock)
            with running(create_ledger_app(app), listener, opened=front_end.begin):
                wait_for_first(front_end)
                yield front_end

    @contextmanager
    def begun(self) -> Iterator[FrontEnd]:
        """A front end that has published a checkpoint, if it could."""
        with self.front_end() as front_end:
            front_end.begin()
            wait_for_first(front_end)
            yield front_end

    @contextmanager
    def front_end(self, policy: LogPolicy | None = None, *, folder: Path | None = None) -> Iterator[FrontEnd]:
        """One that has not begun; what it signed it remembers in `folder`."""
        store = self.store()
        with FrontEnd(
            FollowedLog(store, load_signers(self.keys, folder or self.folder)),
            Cosigners(policy or self.ledger.policy, clock=self.clock),
            holder=token_hex(8),
            evidence=self.evidence,
            clock=self.clock,
        ) as front_end:
            yield front_end

    @contextmanager
    def sequencer(
        self, store: LedgerStore | None = None, cosigners: Cosigners | None = None
    ) -> Iterator[Sequencer]:
        with Sequencer(
            FollowedLog(store or self.store(), self.signers()),
            cosigners or Cosigners(self.ledger.policy, clock=self.clock),
            evidence=self.evidence,
            clock=self.clock,
        ) as sequencer:
            yield sequencer


def wait_for_first(front_end: FrontEnd) -> None:
    """Wait until a front end has published a checkpoint, or has tried to."""
    with suppress(TallyError):
        front_end.refresh().result()
