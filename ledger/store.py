"""Where the log is kept: entries, tiles and the head, in one database.

An entry is stored once, as the row that `tile/entries/…` is put together from; the tiles hold the hashes. All
of a batch becomes visible in one transaction, and only if the head is still where the writer saw it: the
compare-and-swap on the `head` row is what keeps two writers from making two logs, whatever elected them.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, tuple_, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ledger.rows import entry_rows, pieces, read_tile_rows, write_tile_rows
from ledger.tables import CHECKPOINT, DID, ENTRY, HEAD, METADATA, TOKEN
from protocol.codes import Code
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import RefusedError, UnavailableError
from protocol.records import DidRecord
from protocol.tlog.merkle import EMPTY_ROOT, HashReader, hash_leaf
from protocol.tlog.tiles import TILE_WIDTH, EntryBundle, HashTile, extend_tiles, read_hashes_from_tiles
from storage.database import read_only
from storage.management_key import ManagementKey

_VERSIONS = select(ENTRY.c.scid, ENTRY.c.version_number, ENTRY.c.leaf_index, ENTRY.c.leaf_hash).where(
    tuple_(ENTRY.c.scid, ENTRY.c.version_number).in_(bindparam("some", expanding=True))
)
_PATHS = select(DID.c.log_path, DID.c.scid).where(DID.c.log_path.in_(bindparam("some", expanding=True)))


@dataclass(frozen=True, slots=True)
class Head:
    """How far the stored log reaches."""

    tree_size: int
    root_hash: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """The checkpoint shown to the world, as a signed note, with the tree size and the time it states."""

    tree_size: int
    time: datetime
    note: str


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its place in the log; `leaf` is its canonical bytes."""

    leaf_index: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class NewestVersion:
    """The last version of a DID: its number, and the hash of its leaf."""

    version_number: int
    leaf_hash: bytes


class LedgerStore:
    """The stored log. Threads may share one; give it back with `close` or a `with` statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = partial(_transaction, engine)
        self._reading = partial(_transaction, read_only(engine))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the last one to do so leaves it in one file, without a journal beside it."""
        self._engine.dispose()

    def create(self, *, begun: bool = False) -> None:
        """Make the tables of an empty log; if that was `begun`, an empty log that is there is the one wanted.

        Raises:
            RefusedError: there is a log already.
        """
        with self._writing() as connection:
            METADATA.create_all(connection)
            size = connection.execute(select(HEAD.c.tree_size)).scalar()
            if size is None:
                connection.execute(insert(HEAD).values(id=1, tree_size=0, root_hash=EMPTY_ROOT))
            elif size > 0 or not begun:
                raise RefusedError(Code.VAULT_EXISTS, "the database holds a log")

    def head(self) -> Head:
        """How far the log reaches, signed or not.

        Raises:
            RefusedError: there is no log yet.
            UnavailableError: the database is not that of a log, or damaged.
        """
        with self._reading() as connection:
            row = connection.execute(select(HEAD.c.tree_size, HEAD.c.root_hash)).first()
        if row is None:
            raise RefusedError(Code.NOT_INITIALIZED, "the database holds no log")
        # A flipped bit in a row can also change the type of a value.
        if not isinstance(row.tree_size, int) or not isinstance(row.root_hash, bytes):
            raise UnavailableError(Code.DATABASE_DAMAGED, "the head of the log")
        return Head(row.tree_size, row.root_hash)

    def append(self, records: Sequence[DidRecord], *, after: Head, then: Head) -> None:
        """Append `records` to the log that reaches to `after`, and let it reach to `then`; all or nothing.

        Not checked: that the records are admissible, or that `then` has the right root.

        Raises:
            RefusedError: the log no longer reaches to `after`: there is another writer.
            UnavailableError: the disk's fault.
        """
        with self._writing() as connection:
            # First of all: whoever loses this race has written nothing.
            moved = connection.execute(
                update(HEAD)
                .where(HEAD.c.tree_size == after.tree_size, HEAD.c.root_hash == after.root_hash)
                .values(tree_size=then.tree_size, root_hash=then.root_hash)
            )
            if moved.rowcount != 1:
                raise RefusedError(Code.VAULT_CHANGED, "another writer moved the head of the log")
            leaf_hashes = [hash_leaf(record.leaf) for record in records]
            connection.execute(insert(ENTRY), entry_rows(records, leaf_hashes, after.tree_size))
            if created := [record.did for record in records if record.entry.number == 1]:
                rows = [{"scid": did.scid, "did": did.did, "log_path": did.log_path()} for did in created]
                connection.execute(insert(DID), rows)
            changed = extend_tiles(after.tree_size, leaf_hashes, partial(read_tile_rows, connection))
            write_tile_rows(connection, changed)

    def read_leaves(self, begin: int, end: int) -> list[bytes]:
        """The entries from `begin` to `end`, in order.

        Raises:
            UnavailableError: one is missing.
        """
        query = select(ENTRY.c.leaf).where(ENTRY.c.leaf_index >= begin, ENTRY.c.leaf_index < end)
        with self._reading() as connection:
            leaves = list(connection.execute(query.order_by(ENTRY.c.leaf_index)).scalars())
        if len(leaves) != end - begin or not all(isinstance(leaf, bytes) for leaf in leaves):
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "an entry is missing in the database")
        return leaves

    def read_bundle(self, bundle: EntryBundle) -> list[bytes]:
        """The entries of `bundle`."""
        begin = bundle.index * TILE_WIDTH
        return self.read_leaves(begin, begin + bundle.width)

    def read_tiles(self, tiles: Sequence[HashTile]) -> list[bytes]:
        """The bytes of `tiles`; a narrower tile is the beginning of the one that is stored.

        Raises:
            UnavailableError: one is missing, or narrower than asked for.
        """
        with self._reading() as connection:
            return read_tile_rows(connection, tiles)

    def hash_reader(self, tree_size: int) -> HashReader:
        """A reader for the nodes of the tree of `tree_size` leaves that asks for each tile only once."""
        known: dict[HashTile, bytes] = {}

        def read_tiles(tiles: Sequence[HashTile]) -> list[bytes]:
            if unknown := [tile for tile in tiles if tile not in known]:
                known.update(zip(unknown, self.read_tiles(unknown), strict=True))
            return [known[tile] for tile in tiles]

        return read_hashes_from_tiles(tree_size, read_tiles)

    def find_leaf(self, leaf_hash: bytes) -> int | None:
        """The index of the entry with this leaf hash."""
        with self._reading() as connection:
            query = select(ENTRY.c.leaf_index).where(ENTRY.c.leaf_hash == leaf_hash)
            return connection.execute(query).scalar()

    def find_versions(
        self, versions: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], tuple[int, bytes]]:
        """Leaf index and leaf hash of those of `versions` (SCID and version number) that are logged."""
        found: dict[tuple[str, int], tuple[int, bytes]] = {}
        with self._reading() as connection:
            for some in pieces(list(versions)):
                rows = connection.execute(_VERSIONS, {"some": some})
                found |= {(row[0], row[1]): (row[2], row[3]) for row in rows}
        return found

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

    def publication(self) -> Publication | None:
        """The checkpoint that was published last."""
        with self._reading() as connection:
            row = connection.execute(select(CHECKPOINT)).first()
        return None if row is None else Publication(row.tree_size, from_seconds(row.time), row.note)

    def publish(self, publication: Publication) -> None:
        """Replace the published checkpoint, which never becomes smaller.

        Raises:
            RefusedError: a larger tree was published.
        """
        values = {
            "tree_size": publication.tree_size,
            "time": to_seconds(publication.time),
            "note": publication.note,
        }
        with self._writing() as connection:
            not_larger = CHECKPOINT.c.tree_size <= publication.tree_size
            if connection.execute(update(CHECKPOINT).where(not_larger).values(**values)).rowcount == 1:
                return
            if connection.execute(select(CHECKPOINT.c.id)).first() is not None:
                raise RefusedError(Code.VAULT_CHANGED, "a larger tree was published meanwhile")
            connection.execute(insert(CHECKPOINT).values(id=1, **values))

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


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except IntegrityError:
        raise  # a mistake of this program: the sequencer has seen to it that there are no rivals
    except UnicodeEncodeError as error:
        # What a person typed in another encoding than the terminal's is the name of nothing here.
        raise RefusedError(Code.NOT_FOUND) from error
    except (DBAPIError, UnicodeDecodeError) as error:
        # The state of the disk has its own errors already; what is left are tables that are not ours.
        raise UnavailableError(Code.DATABASE_DAMAGED, type(error).__name__) from error
