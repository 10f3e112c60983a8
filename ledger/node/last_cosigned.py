"""What a node cosigned last of a log, in two places, because it must never go back.

The database decides: the state there moves only by compare-and-swap. A file beside the key is the second
memory, so that a database from a backup is noticed: what counts is the larger of the two. Both are written
before anybody sees a cosignature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from ledger.node.tables import COSIGNED
from ledger.signer import create_memory, load_memory
from ledger.stored_tree import transaction
from protocol.codes import Code
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import RefusedError, UnavailableError
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.witness import hash_origin
from storage.atomic_file import make_private_folder, replace_file
from storage.database import read_only


@dataclass(frozen=True, slots=True)
class CosignedNote:
    """A checkpoint this node cosigned, when that was, and the note with the log's signature and its own."""

    tree_size: int
    root_hash: bytes
    time: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the two memories hold.

    Attributes:
        state: The larger of the two.
        note: What is in the database, if anything is.
        is_settled: Whether both hold the same, as they do before a cosignature is shown to anybody.
    """

    state: Checkpoint
    note: CosignedNote | None
    is_settled: bool


class LastCosigned:
    """The last cosigned state of the log `origin`. Threads take turns: the caller sees to it."""

    def __init__(self, engine: Engine, folder: Path, origin: str) -> None:
        """Go on where the file of `origin` in `folder` says it was; at the first contact there is none.

        Raises:
            RefusedError: LOG_SELF_CHECK_FAILED, the file is gone although something was cosigned, or damaged.
            UnavailableError: the disk's fault.
        """
        self._engine = engine
        self._origin = origin
        self._memory = folder / hash_origin(origin)
        if not self._memory.exists() and self.note() is None:
            make_private_folder(folder)
            create_memory(self._memory, origin)
        self._remembered = load_memory(self._memory, origin)

    def read(self) -> Recorded:
        """What was cosigned last, or was about to be.

        Raises:
            RefusedError: LOG_SELF_CHECK_FAILED, the two memories contradict each other.
            UnavailableError: the database cannot be read.
        """
        note = self.note()
        if note is None or note.tree_size < self._remembered.tree_size:
            return Recorded(self._remembered, note, is_settled=False)
        state = Checkpoint(self._origin, note.tree_size, note.root_hash)
        if note.tree_size == self._remembered.tree_size and state != self._remembered:
            raise RefusedError(Code.LOG_SELF_CHECK_FAILED, "the database is not that of last-cosigned")
        return Recorded(state, note, is_settled=state == self._remembered)

    def note(self) -> CosignedNote | None:
        """What the database holds.

        Raises:
            UnavailableError: the database cannot be read, or is damaged.
        """
        with transaction(read_only(self._engine)) as connection:
            row = connection.execute(select(COSIGNED).where(COSIGNED.c.origin == self._origin)).first()
        if row is None:
            return None
        if not isinstance(row.tree_size, int) or not isinstance(row.root_hash, bytes):
            raise UnavailableError(Code.DATABASE_DAMAGED, "what was cosigned last")
        return CosignedNote(row.tree_size, row.root_hash, from_seconds(row.time), row.note)

    def time(self) -> datetime | None:
        """When it was cosigned last; None if it never was.

        Raises:
            UnavailableError: the database cannot be read, or is damaged.
        """
        note = self.note()
        return None if note is None else note.time

    def advance(self, cosigned: CosignedNote, *, after: Recorded) -> None:
        """Put `cosigned` in the place of what was read before. Not checked: that it continues that.

        Raises:
            RefusedError: VAULT_CHANGED, another process put something there in the meantime.
            UnavailableError: the disk's fault; `cosigned` may count now or not, and must not be shown.
        """
        values = {
            "tree_size": cosigned.tree_size,
            "root_hash": cosigned.root_hash,
            "time": to_seconds(cosigned.time),
            "note": cosigned.note,
        }
        try:
            with transaction(self._engine) as connection:
                if not self._compare_and_swap(connection, after.note, values):
                    raise RefusedError(Code.VAULT_CHANGED, "what was cosigned last")
        except IntegrityError as error:
            raise RefusedError(Code.VAULT_CHANGED, "what was cosigned first") from error
        state = Checkpoint(self._origin, cosigned.tree_size, cosigned.root_hash)
        if state != self._remembered:
            replace_file(self._memory, encode_checkpoint(state).encode())
            self._remembered = state

    def _compare_and_swap(
        self, connection: Connection, before: CosignedNote | None, values: Mapping[str, object]
    ) -> bool:
        if before is None:
            connection.execute(insert(COSIGNED).values(origin=self._origin, **values))
            return True
        unmoved = (COSIGNED.c.tree_size == before.tree_size) & (COSIGNED.c.root_hash == before.root_hash)
        moved = update(COSIGNED).where(COSIGNED.c.origin == self._origin, unmoved).values(**values)
        return connection.execute(moved).rowcount == 1
