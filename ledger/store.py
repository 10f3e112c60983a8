"""Where the log is kept: entries, tiles and the head, in one database.

An entry is stored once, as the row that `tile/entries/…` is put together from; the tiles hold the hashes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self
from urllib.parse import quote

from sqlalchemy import Engine, bindparam, delete, insert, select

from ledger.approvals.store import ApprovalStore
from ledger.index_store import IndexStore
from ledger.lease import create_lease
from ledger.rows import entry_rows, pieces, read_leaf_rows
from ledger.stored_tree import Head, Publication, StoredTree, Turn
from ledger.tables import DID, ENTRY, METADATA, TOKEN
from ledger.tree import Tree
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from protocol.records import DidRecord, Record
from protocol.tlog.merkle import hash_leaf
from storage.database import LockName, lock_name
from storage.management_key import ManagementKey

_PIECE = 10_000

# SQLite finds no pairs by an index, so each number is asked for each SCID: some versions too many, no scan.
_VERSIONS = select(ENTRY.c.scid, ENTRY.c.version_number, ENTRY.c.leaf_index, ENTRY.c.leaf_hash).where(
    ENTRY.c.scid.in_(bindparam("scids", expanding=True)),
    ENTRY.c.version_number.in_(bindparam("numbers", expanding=True)),
)
_LEAVES = select(ENTRY.c.leaf_hash, ENTRY.c.leaf_index).where(
    ENTRY.c.leaf_hash.in_(bindparam("some", expanding=True))
)
_PATHS = select(DID.c.log_path, DID.c.scid).where(DID.c.log_path.in_(bindparam("some", expanding=True)))


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its place in the log; `leaf` is its canonical bytes."""

    leaf_index: int
    leaf: bytes


class SubjectLeaf(NamedTuple):
    """What the index needs of an entry: its place, its hash, and the key of what it is about."""

    leaf_index: int
    leaf_hash: bytes
    subject_key: bytes


@dataclass(frozen=True, slots=True)
class NewestVersion:
    """The last version of a DID: its number, and the hash of its leaf."""

    version_number: int
    leaf_hash: bytes


class LedgerStore(StoredTree):
    """The stored log. Threads may share one; give it back with `close` or a `with` statement.

    Attributes:
        engine: The database.
        turn: In which both are written.
        index: The index log beside it.
        approvals: What its nodes have approved of DIDs.
    """

    def __init__(self, engine: Engine) -> None:
        self.turn = Turn()
        super().__init__(engine, Tree.LOG, self.turn)
        self.engine = engine
        self.index = IndexStore(engine, self.turn)
        self.approvals = ApprovalStore(engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the last one to do so leaves it in one file, without a journal beside it."""
        self.engine.dispose()

    def create(self, *, begun: bool = False) -> None:
        """Make the tables of an empty log; if that was `begun`, an empty log that is there is the one wanted.

        Raises:
            RefusedError: there is a log already.
        """
        with self._writing() as connection:
            lock_name(connection, LockName.TABLES)
            METADATA.create_all(connection)
            for tree in (self, self.index):
                tree.create_in(connection, begun=begun)
            create_lease(connection)

    def append(self, records: Sequence[Record], *, after: Head, then: Head) -> None:
        """Append `records` to the log that reaches to `after`, and let it reach to `then`; all or nothing.

        Not checked: that the records are admissible, or that `then` has the right root.

        Raises:
            RefusedError: the log no longer reaches to `after`: there is another writer.
            UnavailableError: LOG_LEASE_LOST, or the disk's fault.
        """
        with self._writing() as connection:
            self._move_head(connection, after, then)
            leaf_hashes = [hash_leaf(record.leaf) for record in records]
            connection.execute(insert(ENTRY), entry_rows(records, leaf_hashes, after.tree_size))
            histories = [record for record in records if isinstance(record, DidRecord)]
            if created := [record.did for record in histories if record.entry.number == 1]:
                rows = [{"scid": did.scid, "did": did.did, "log_path": did.log_path()} for did in created]
                connection.execute(insert(DID), rows)
            self._extend_tiles(connection, after, leaf_hashes)

    def read_leaves(self, begin: int, end: int) -> list[bytes]:
        """The entries from `begin` to `end`, in order.

        Raises:
            UnavailableError: one is missing.
        """
        with self._reading() as connection:
            return read_leaf_rows(connection, ENTRY, begin, end)

    def read_subjects(self, begin: int, end: int) -> Iterator[SubjectLeaf]:
        """What the entries from `begin` to `end` are about, in their order.

        Raises:
            UnavailableError: one is missing.
        """
        for start in range(begin, end, _PIECE):
            piece = range(start, min(start + _PIECE, end))
            query = select(ENTRY.c.leaf_index, ENTRY.c.leaf_hash, ENTRY.c.subject_key).where(
                ENTRY.c.leaf_index >= piece.start, ENTRY.c.leaf_index < piece.stop
            )
            with self._reading() as connection:
                rows = connection.execute(query.order_by(ENTRY.c.leaf_index)).all()
            if len(rows) != len(piece):
                raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "an entry is missing in the database")
            yield from (SubjectLeaf(*row) for row in rows)

    def entries_about(self, subject_key: bytes, tree_size: int) -> list[StoredEntry]:
        """Those of the first `tree_size` entries that the index knows under `subject_key`, in their order."""
        query = select(ENTRY.c.leaf_index, ENTRY.c.leaf).where(
            ENTRY.c.subject_key == subject_key, ENTRY.c.leaf_index < tree_size
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ENTRY.c.leaf_index))
            return [StoredEntry(row.leaf_index, row.leaf) for row in rows]

    def entries_beginning(self, prefix: bytes, begin: int, end: int) -> list[StoredEntry]:
        """Those of the entries from `begin` to `end` whose bytes begin with `prefix`, in their order.

        `prefix` is not empty, and does not end with the byte 255.
        """
        after = prefix[:-1] + bytes([prefix[-1] + 1])
        query = select(ENTRY.c.leaf_index, ENTRY.c.leaf).where(
            ENTRY.c.leaf_index >= begin,
            ENTRY.c.leaf_index < end,
            ENTRY.c.leaf >= prefix,
            ENTRY.c.leaf < after,
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ENTRY.c.leaf_index))
            return [StoredEntry(row.leaf_index, row.leaf) for row in rows]

    def find_leaf(self, leaf_hash: bytes) -> int | None:
        """The index of the entry with this leaf hash."""
        with self._reading() as connection:
            query = select(ENTRY.c.leaf_index).where(ENTRY.c.leaf_hash == leaf_hash)
            return connection.execute(query).scalar()

    def find_leaves(self, leaf_hashes: Collection[bytes]) -> dict[bytes, int]:
        """The indices of those of the entries with these leaf hashes that are logged."""
        found: dict[bytes, int] = {}
        with self._reading() as connection:
            for some in pieces(list(leaf_hashes)):
                found |= {
                    row.leaf_hash: row.leaf_index for row in connection.execute(_LEAVES, {"some": some})
                }
        return found

    def find_versions(
        self, versions: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], tuple[int, bytes]]:
        """Leaf index and leaf hash of those of `versions` (SCID and version number) that are logged."""
        found: dict[tuple[str, int], tuple[int, bytes]] = {}
        with self._reading() as connection:
            for some in pieces(list(versions)):
                scids, numbers = ({each[part] for each in some} for part in (0, 1))
                rows = connection.execute(_VERSIONS, {"scids": scids, "numbers": numbers})
                found |= {(row[0], row[1]): (row[2], row[3]) for row in rows}
        return {version: found[version] for version in versions if version in found}

    def find_newest(self, scid: str) -> NewestVersion | None:
        """The last version of the DID with this SCID."""
        query = select(ENTRY.c.version_number, ENTRY.c.leaf_hash).where(ENTRY.c.scid == scid)
        with self._reading() as connection:
            row = connection.execute(query.order_by(ENTRY.c.version_number.desc()).limit(1)).first()
        return None if row is None else NewestVersion(row.version_number, row.leaf_hash)

    def find_paths(self, log_paths: Collection[str]) -> dict[str, str]:
        """The SCIDs of the DIDs that live at those of `log_paths` that are taken."""
        found: dict[str, str] = {}
        with self._reading() as connection:
            for some in pieces(list(log_paths)):
                rows = connection.execute(_PATHS, {"some": some})
                found |= {row.log_path: row.scid for row in rows}
        return found

    def find_did(self, did: str) -> str | None:
        """The SCID of `did`, if it is logged here under this very name."""
        with self._reading() as connection:
            return connection.execute(select(DID.c.scid).where(DID.c.did == did)).scalar()

    def find_names(self, prefix: str, tree_size: int, *, limit: int) -> list[str]:
        """At most `limit` of the DIDs whose names on the ledger begin with `prefix`, in the order of names;
        those that the first `tree_size` entries created.
        """
        path = f"/{quote(prefix)}"
        query = (
            select(DID.c.did)
            .join(ENTRY, (ENTRY.c.scid == DID.c.scid) & (ENTRY.c.version_number == 1))
            # A range, which the index of the column answers. Paths are ASCII, and ~ is above all else there.
            .where(DID.c.log_path >= path, DID.c.log_path <= f"{path}~", ENTRY.c.leaf_index < tree_size)
            .order_by(DID.c.log_path)
            .limit(limit)
        )
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def history(self, scid: str) -> list[StoredEntry]:
        """Every entry of the DID with this SCID, in the order of its versions."""
        query = select(ENTRY.c.leaf_index, ENTRY.c.leaf).where(ENTRY.c.scid == scid)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ENTRY.c.version_number))
            return [StoredEntry(row.leaf_index, row.leaf) for row in rows]

    def dids(self) -> list[str]:
        """Every DID that lives here, in the order of the alphabet."""
        with self._reading() as connection:
            return list(connection.execute(select(DID.c.did).order_by(DID.c.did)).scalars())

    def publish(self, publication: Publication, index: Publication | None = None) -> None:
        """Replace the published checkpoints, of the log and of its index, none of which ever becomes smaller.

        Raises:
            UnavailableError: LOG_LEASE_LOST, or the disk's fault.
            RefusedError: a larger tree was published.
        """
        with self._writing() as connection:
            self.publish_in(connection, publication)
            if index is not None:
                self.index.publish_in(connection, index)

    def publications(self) -> tuple[Publication, Publication] | None:
        """The checkpoints of the log and of its index that were published last, together."""
        with self._reading() as connection:
            log, index = self.publication_in(connection), self.index.publication_in(connection)
        return None if log is None or index is None else (log, index)

    def add_token(self, token: ManagementKey) -> None:
        """Keep an onboarding token."""
        with self._writing() as connection:
            connection.execute(insert(TOKEN).values(id=token.id, digest=token.digest))

    def find_token(self, token_id: str) -> ManagementKey | None:
        """The onboarding token with this id."""
        with self._reading() as connection:
            row = connection.execute(select(TOKEN).where(TOKEN.c.id == token_id)).first()
        return None if row is None else ManagementKey(row.id, row.digest)

    def remove_token(self, token_id: str) -> None:
        """Take the right to write from the holder of an onboarding token.

        Raises:
            RefusedError: there is none with this id.
        """
        with self._writing() as connection:
            if connection.execute(delete(TOKEN).where(TOKEN.c.id == token_id)).rowcount != 1:
                raise RefusedError(Code.NOT_FOUND, "onboarding token")
