"""Why a node cannot follow its log, where another process can read it: one row while that lasts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from ledger.node.tables import TROUBLE
from ledger.stored_tree import transaction
from protocol.codes import Code, find_code
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import TallyError
from storage.database import read_only


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, and since when."""

    code: Code
    detail: str
    since: datetime


def read_trouble(engine: Engine, origin: str) -> Trouble | None:
    """What is noted of the log `origin`, or None while all is well.

    Raises:
        UnavailableError: the database cannot be read.
    """
    with transaction(read_only(engine)) as connection:
        row = connection.execute(select(TROUBLE).where(TROUBLE.c.origin == origin)).first()
    if row is None:
        return None
    return Trouble(find_code(row.code) or Code.INTERNAL_ERROR, row.detail, from_seconds(row.since))


class TroubleNote:
    """Notes the trouble with the log `origin`, from one thread."""

    def __init__(self, engine: Engine, origin: str, *, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._origin = origin
        self._clock = clock

    def write(self, error: TallyError) -> None:
        """Note `error`; what was noted before keeps its time if it is the same.

        Raises:
            UnavailableError: the disk's fault.
        """
        before = read_trouble(self._engine, self._origin)
        if before is not None and (before.code, before.detail) == (error.code, error.detail):
            return
        since = to_seconds(self._clock())
        values = {"origin": self._origin, "since": since, "code": error.code.value, "detail": error.detail}
        with transaction(self._engine) as connection:
            connection.execute(delete(TROUBLE).where(TROUBLE.c.origin == self._origin))
            connection.execute(insert(TROUBLE).values(**values))

    def erase(self) -> None:
        """Note that all is well.

        Raises:
            UnavailableError: the disk's fault.
        """
        if read_trouble(self._engine, self._origin) is not None:
            with transaction(self._engine) as connection:
                connection.execute(delete(TROUBLE).where(TROUBLE.c.origin == self._origin))
