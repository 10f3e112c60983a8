"""Where the front ends that may not write leave what they were given, and find what came of it.

Whoever has the lease takes up everything that waits there, and leaves the answer: the place in the log once a
published checkpoint covers it, or the error that the sequencer gave. What was left by a front end that died
is logged like everything else; its answer is swept out after a while.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, Row, bindparam, delete, func, insert, select, update

from ledger.placement import Logged
from ledger.rows import pieces
from ledger.stored_tree import transaction
from ledger.tables import WAITING
from protocol.codes import Code, find_code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from protocol.records import Record, parse_leaf
from protocol.tlog.merkle import hash_leaf
from storage.database import read_only

_KEPT_FOR = timedelta(minutes=1)
_KINDS = {kind.__name__: kind for kind in (MalformedError, VerificationError, UnavailableError, RefusedError)}
_SOME = WAITING.c.ticket.in_(bindparam("some", expanding=True))
_LEFT = select(WAITING.c.ticket, WAITING.c.leaf, WAITING.c.leaf_hash).where(_SOME).order_by(WAITING.c.ticket)


@dataclass(frozen=True, slots=True)
class Left:
    """What was left there: the canonical bytes of an admitted record, and the leaf hash they had then."""

    leaf: bytes
    leaf_hash: bytes

    def record(self) -> Record:
        """The record, as it was admitted.

        Raises:
            UnavailableError: LOG_SELF_CHECK_FAILED, it has changed since.
        """
        # Its signatures are not verified again. Logged with a wrong one, no node would ever cosign the log.
        if hash_leaf(self.leaf) != self.leaf_hash:
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "what waited is not what was admitted")
        return parse_leaf(self.leaf)


class WaitingRoom:
    """The waiting room of the ledger in the database of `engine`. Threads may share one.

    Everything in it raises UnavailableError when that is the database's fault.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def enter(self, leaves: Sequence[bytes]) -> list[int]:
        """Leave the canonical bytes of admitted records there; gives a ticket for each, in order."""
        with transaction(self._engine) as connection:
            return [
                connection.execute(
                    insert(WAITING).values(leaf=leaf, leaf_hash=hash_leaf(leaf)).returning(WAITING.c.ticket)
                ).scalar_one()
                for leaf in leaves
            ]

    def waiting(self, *, without: Collection[int], limit: int) -> dict[int, Left]:
        """What has no answer yet under its tickets, at most `limit`, first come first."""
        query = select(WAITING.c.ticket).where(WAITING.c.leaf_index.is_(None), WAITING.c.error_code.is_(None))
        with transaction(read_only(self._engine)) as connection:
            # This is asked all the time, so what was taken up already is not read again with its leaf.
            tickets = connection.execute(query.order_by(WAITING.c.ticket).limit(limit + len(without)))
            new = [ticket for ticket in tickets.scalars() if ticket not in without][:limit]
            rows = [row for some in pieces(new) for row in connection.execute(_LEFT, {"some": some})]
        return {row.ticket: Left(row.leaf, row.leaf_hash) for row in rows}

    def answer(self, outcomes: Mapping[int, Logged | TallyError]) -> None:
        """Leave what came of the leaves with these tickets, and sweep out old answers nobody came for."""
        old = WAITING.c.answered < func.clock_timestamp() - _KEPT_FOR
        with transaction(self._engine) as connection:
            for ticket, outcome in sorted(outcomes.items()):
                values = {**_encode(outcome), "answered": func.clock_timestamp()}
                connection.execute(update(WAITING).where(WAITING.c.ticket == ticket).values(**values))
            connection.execute(delete(WAITING).where(old))

    def answers(self, tickets: Collection[int]) -> dict[int, Logged | TallyError]:
        """What has come of those with these tickets, as far as it is known."""
        found: dict[int, Logged | TallyError] = {}
        with transaction(read_only(self._engine)) as connection:
            for some in pieces(list(tickets)):
                for row in connection.execute(select(WAITING).where(_SOME), {"some": some}):
                    if (outcome := _decode(row)) is not None:
                        found[row.ticket] = outcome
        return found

    def leave(self, tickets: Collection[int]) -> None:
        """Take away those whose answers were read."""
        with transaction(self._engine) as connection:
            for some in pieces(sorted(tickets)):
                connection.execute(delete(WAITING).where(_SOME), {"some": some})


def _encode(outcome: Logged | TallyError) -> dict[str, object]:
    if isinstance(outcome, Logged):
        return {"leaf_index": outcome.leaf_index}
    return {
        "error_kind": type(outcome).__name__,
        "error_code": outcome.code.value,
        "error_detail": outcome.detail,
    }


def _decode(row: "Row[object]") -> Logged | TallyError | None:
    if row.leaf_index is not None:
        return Logged(row.leaf_index, row.leaf_hash)
    if row.error_code is None:
        return None
    code = find_code(row.error_code) or Code.INTERNAL_ERROR
    return _KINDS.get(row.error_kind, TallyError)(code, row.error_detail)
