"""Why a node cannot follow its log, where another process can read it: one row while that lasts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from ledger.node.tables import TROUBLE
from ledger.stored_tree import transaction
from protocol.codes import Code, find_code
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import TallyError, VerificationError
from storage.database import read_only

# No name of a log has a space in it.
_OF_APPROVER = " approver"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, since when, and how many entries were copied when it was noted."""

    code: Code
    detail: str
    since: datetime
    copied_size: int


def read_trouble(engine: Engine, origin: str) -> Trouble | None:
    """What is noted of the log `origin`, or None while all is well.

    Raises:
        UnavailableError: the database cannot be read.
    """
    with transaction(read_only(engine)) as connection:
        row = connection.execute(select(TROUBLE).where(TROUBLE.c.origin == origin)).first()
    if row is None:
        return None
    code = find_code(row.code) or Code.INTERNAL_ERROR
    return Trouble(code, row.detail, from_seconds(row.since), row.copied_size)


def read_approver_trouble(engine: Engine, origin: str) -> Trouble | None:
    """Why nothing is approved on the log `origin`, or None while all is well.

    Raises:
        UnavailableError: the database cannot be read.
    """
    return read_trouble(engine, f"{origin}{_OF_APPROVER}")


def approver_note(engine: Engine, origin: str, *, clock: Callable[[], datetime]) -> "TroubleNote":
    """Notes why nothing is approved on the log `origin`."""
    return TroubleNote(engine, f"{origin}{_OF_APPROVER}", clock=clock)


class TroubleNote:
    """Notes the trouble with the log `origin`, from one thread."""

    def __init__(self, engine: Engine, origin: str, *, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._origin = origin
        self._clock = clock

    def tell(self, failure: TallyError | None, *, copied_size: int) -> TallyError | None:
        """Note how the last attempt to follow the log ended, and say what is wrong at present.

        An entry that is not admissible stays what is wrong until the copy has passed it, even if the log goes
        on to show only what lies before. The same trouble keeps its time.

        Raises:
            UnavailableError: the disk's fault.
        """
        before = read_trouble(self._engine, self._origin)
        if failure is None or failure.code is not Code.LOG_ENTRY_INADMISSIBLE:
            ends_here = before is not None and before.copied_size == copied_size
            if before is not None and ends_here and before.code is Code.LOG_ENTRY_INADMISSIBLE:
                return VerificationError(before.code, before.detail)
        known = None if before is None else (before.code, before.detail)
        if known != (None if failure is None else (failure.code, failure.detail)):
            self._replace(failure, copied_size)
        return failure

    def _replace(self, failure: TallyError | None, copied_size: int) -> None:
        with transaction(self._engine) as connection:
            connection.execute(delete(TROUBLE).where(TROUBLE.c.origin == self._origin))
            if failure is not None:
                values = {
                    "origin": self._origin,
                    "since": to_seconds(self._clock()),
                    "copied_size": copied_size,
                    "code": failure.code.value,
                    "detail": failure.detail,
                }
                connection.execute(insert(TROUBLE).values(**values))
