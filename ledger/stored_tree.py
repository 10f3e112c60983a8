"""A Merkle tree in the database: its tiles, how far it reaches, and what was published of it.

A ledger has two of them, its log and the log of its index. All of a batch becomes visible in one
transaction, and only if the head is still where the writer saw it and the writer's turn has not ended: the
compare-and-swap on the `head` row is what keeps two writers from making two trees, whatever elected them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ledger.rows import read_tile_rows, write_tile_rows
from ledger.tables import CHECKPOINT, HEAD
from ledger.tree import Tree
from protocol.codes import Code
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import RefusedError, UnavailableError
from protocol.tlog.merkle import EMPTY_ROOT, HashReader, RightEdge
from protocol.tlog.tiles import (
    TILE_WIDTH,
    EntryBundle,
    HashTile,
    extend_tiles,
    read_hashes_from_tiles,
    read_tiles_once,
)
from storage.database import read_only


@dataclass(frozen=True, slots=True)
class Head:
    """How far a stored tree reaches."""

    tree_size: int
    root_hash: bytes

    @classmethod
    def of(cls, edge: RightEdge) -> Self:
        """How far the tree with this right edge reaches."""
        return cls(edge.tree_size, edge.root_hash())


@dataclass(frozen=True, slots=True)
class Publication:
    """A checkpoint shown to the world, as a signed note, with the tree size and the time it states."""

    tree_size: int
    time: datetime
    note: str


@dataclass(slots=True)
class Turn:
    """Under which epoch a process writes (`ledger.lease`); 0 where nobody ever took the lease."""

    epoch: int = 0


class StoredTree(ABC):
    """One tree of the database, written in `turn`. Threads may share it."""

    def __init__(self, engine: Engine, tree: Tree, turn: Turn) -> None:
        self._tree = tree
        self._turn = turn
        self._writing = partial(transaction, engine)
        self._reading = partial(transaction, read_only(engine))

    @abstractmethod
    def read_leaves(self, begin: int, end: int) -> list[bytes]:
        """The entries from `begin` to `end`, in order.

        Raises:
            UnavailableError: one is missing.
        """

    def read_bundle(self, bundle: EntryBundle) -> list[bytes]:
        """The entries of `bundle`."""
        begin = bundle.index * TILE_WIDTH
        return self.read_leaves(begin, begin + bundle.width)

    def head(self) -> Head:
        """How far the tree reaches, signed or not.

        Raises:
            RefusedError: there is no such tree yet.
            UnavailableError: the database is not that of a log, or damaged.
        """
        with self._reading() as connection:
            query = select(HEAD.c.tree_size, HEAD.c.root_hash).where(HEAD.c.tree == self._tree)
            row = connection.execute(query).first()
        if row is None:
            raise RefusedError(Code.NOT_INITIALIZED, "the database holds no log")
        # A flipped bit in a row can also change the type of a value.
        if not isinstance(row.tree_size, int) or not isinstance(row.root_hash, bytes):
            raise UnavailableError(Code.DATABASE_DAMAGED, "the head of the log")
        return Head(row.tree_size, row.root_hash)

    def read_tiles(self, tiles: Sequence[HashTile]) -> list[bytes]:
        """The bytes of `tiles`; a narrower tile is the beginning of the one that is stored.

        Raises:
            UnavailableError: one is missing, or narrower than asked for.
        """
        with self._reading() as connection:
            return read_tile_rows(connection, self._tree, tiles)

    def hash_reader(self, tree_size: int) -> HashReader:
        """A reader for the nodes of the tree of `tree_size` leaves that asks for each tile only once."""
        return read_hashes_from_tiles(tree_size, read_tiles_once(self.read_tiles))

    def publication(self) -> Publication | None:
        """The checkpoint that was published last."""
        with self._reading() as connection:
            return self.publication_in(connection)

    def publication_in(self, connection: Connection) -> Publication | None:
        """The same, in the transaction of `connection`."""
        row = connection.execute(select(CHECKPOINT).where(CHECKPOINT.c.tree == self._tree)).first()
        return None if row is None else Publication(row.tree_size, from_seconds(row.time), row.note)

    def create_in(self, connection: Connection, *, begun: bool) -> None:
        """Begin the tree, in the transaction of `connection`; `begun` as in `LedgerStore.create`.

        Raises:
            RefusedError: there is one already.
        """
        size = connection.execute(select(HEAD.c.tree_size).where(HEAD.c.tree == self._tree)).scalar()
        if size is None:
            connection.execute(insert(HEAD).values(tree=self._tree, tree_size=0, root_hash=EMPTY_ROOT))
        elif size > 0 or not begun:
            raise RefusedError(Code.VAULT_EXISTS, "the database holds a log")

    def require_turn(self) -> None:
        """Check that nobody else has the turn to write.

        Raises:
            UnavailableError: LOG_LEASE_LOST.
        """
        with self._reading() as connection:
            self._require_turn(connection)

    def _require_turn(self, connection: Connection, *, lock: bool = False) -> None:
        query = select(HEAD.c.epoch).where(HEAD.c.tree == self._tree)
        epoch = connection.execute(query.with_for_update() if lock else query).scalar()
        if epoch != self._turn.epoch:
            raise UnavailableError(Code.LOG_LEASE_LOST)

    def _move_head(self, connection: Connection, after: Head, then: Head) -> None:
        """The first thing a writer does: whoever loses this race has written nothing.

        Raises:
            UnavailableError: LOG_LEASE_LOST, the turn to write is another's.
            RefusedError: the tree no longer reaches to `after`: there is another writer.
        """
        is_after = (HEAD.c.tree_size == after.tree_size) & (HEAD.c.root_hash == after.root_hash)
        is_after &= HEAD.c.epoch == self._turn.epoch
        values = {"tree_size": then.tree_size, "root_hash": then.root_hash}
        moved = connection.execute(update(HEAD).where(HEAD.c.tree == self._tree, is_after).values(**values))
        if moved.rowcount != 1:
            self._require_turn(connection)
            raise RefusedError(Code.VAULT_CHANGED, "another writer moved the head of the log")

    def _extend_tiles(self, connection: Connection, after: Head, leaf_hashes: Sequence[bytes]) -> None:
        read_tiles = partial(read_tile_rows, connection, self._tree)
        write_tile_rows(connection, self._tree, extend_tiles(after.tree_size, leaf_hashes, read_tiles))

    def publish_in(self, connection: Connection, publication: Publication) -> None:
        """Replace the published checkpoint, in the transaction of `connection`; it never becomes smaller.

        Raises:
            UnavailableError: LOG_LEASE_LOST, the turn to write is another's.
            RefusedError: a larger tree was published.
        """
        values = {
            "tree_size": publication.tree_size,
            "time": to_seconds(publication.time),
            "note": publication.note,
        }
        # The first checkpoint has no row yet that two writers would meet at.
        self._require_turn(connection, lock=True)
        is_tree, not_larger = CHECKPOINT.c.tree == self._tree, CHECKPOINT.c.tree_size <= publication.tree_size
        if connection.execute(update(CHECKPOINT).where(is_tree, not_larger).values(**values)).rowcount == 1:
            return
        if connection.execute(select(CHECKPOINT.c.tree).where(is_tree)).first() is not None:
            raise RefusedError(Code.VAULT_CHANGED, "a larger tree was published meanwhile")
        connection.execute(insert(CHECKPOINT).values(tree=self._tree, **values))


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction on the database of a log, whose failures are those of its disk.

    Raises:
        UnavailableError: the state of the disk or of the database.
        RefusedError: a text of the caller's that no database could hold.
        IntegrityError: of SQLAlchemy; a mistake of this program, or a race that the caller expects.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except IntegrityError:
        raise
    except UnicodeEncodeError as error:
        # What a person typed in another encoding than the terminal's is the name of nothing here.
        raise RefusedError(Code.NOT_FOUND) from error
    except (DBAPIError, UnicodeDecodeError) as error:
        # The state of the disk has its own errors already; what is left are tables that are not ours.
        raise UnavailableError(Code.DATABASE_DAMAGED, type(error).__name__) from error
