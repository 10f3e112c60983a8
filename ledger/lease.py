"""Whose turn it is to write a log that several front ends share.

One of them has the lease, for a few seconds at a time by the clock of the database. With every change of
hands the epoch in the heads of the trees grows, and nothing is written under another one
(`ledger.stored_tree`). So a holder that was suspended, cut off or slow finds that it may no longer write,
whatever any clock says: the lease decides who tries, the head decides who may.

A ledger on SQLite has one process, which is seen to where its keys are held; it always has the lease.
"""

from datetime import timedelta

from sqlalchemy import Connection, Engine, func, insert, select, update

from ledger.stored_tree import Turn, transaction
from ledger.tables import HEAD, LEASE
from ledger.tree import Tree

LEASE_FOR = timedelta(seconds=5)
"""How long a lease lasts that is not renewed: how long nobody writes after a holder has died."""

RENEW_AFTER = timedelta(seconds=1)
"""How often a holder renews its lease, and how often the others try to take it."""

_ROW = 1


def create_lease(connection: Connection) -> None:
    """Begin the lease of a new log, in the transaction of `connection`; nobody has it."""
    if connection.execute(select(LEASE.c.id)).first() is None:
        connection.execute(insert(LEASE).values(id=_ROW, epoch=0, holder="", expires=func.now()))


class Lease:
    """The lease of the log in the database of `engine`, as `holder` sees it, whose name nobody else has.

    `turn` is set when it is taken. For one thread.

    Attributes:
        is_shared: Whether others could have it.
    """

    def __init__(self, engine: Engine, turn: Turn, *, holder: str) -> None:
        self._engine = engine
        self._turn = turn
        self._holder = holder
        self.is_shared = engine.dialect.name != "sqlite"

    def take(self) -> bool:
        """Take the lease if nobody has it; from then on nobody writes under an earlier epoch.

        A transaction that is under way under the earlier epoch is waited for.

        Raises:
            UnavailableError: the database's fault.
        """
        if not self.is_shared:
            return True
        now = func.clock_timestamp()
        # One that lasts longer than any could was given by a server whose clock was ahead.
        is_free = (LEASE.c.expires <= now) | (LEASE.c.expires > now + LEASE_FOR)
        # Above the heads as well: the row of the lease may be an old one that was put back.
        highest = func.greatest(LEASE.c.epoch, select(func.max(HEAD.c.epoch)).scalar_subquery())
        values = {"epoch": highest + 1, "holder": self._holder, "expires": _end()}
        with transaction(self._engine) as connection:
            taken = update(LEASE).where(LEASE.c.id == _ROW, is_free).values(**values)
            epoch = connection.execute(taken.returning(LEASE.c.epoch)).scalar()
            if epoch is None:
                return False
            for tree in Tree:
                connection.execute(update(HEAD).where(HEAD.c.tree == tree).values(epoch=epoch))
        self._turn.epoch = epoch
        return True

    def renew(self) -> bool:
        """Keep the lease for as long again; False when it went to another.

        Raises:
            UnavailableError: the database's fault.
        """
        return not self.is_shared or self._expire(_end())

    def give_back(self) -> None:
        """Let others take the lease at once.

        Raises:
            UnavailableError: the database's fault.
        """
        if self.is_shared:
            self._expire(func.clock_timestamp())

    def _expire(self, end: object) -> bool:
        is_mine = (LEASE.c.epoch == self._turn.epoch) & (LEASE.c.holder == self._holder)
        with transaction(self._engine) as connection:
            return connection.execute(update(LEASE).where(is_mine).values(expires=end)).rowcount == 1


def _end() -> object:
    return func.clock_timestamp() + LEASE_FOR
