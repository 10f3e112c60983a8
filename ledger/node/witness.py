"""What a node is asked to cosign of one log, and what it answers (C2SP tlog-witness).

A checkpoint is cosigned when the log signed it, when it continues what was cosigned last, and when what the
node promises beside that holds. It is recorded on disk before the cosignature is shown to anybody, and the
check against what is recorded happens under the same lock, so that of two requests that race none goes back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from ledger.node.cosigner import Cosigner
from ledger.node.last_cosigned import CosignedNote, LastCosigned, Recorded
from protocol.codes import Code
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.tlog.checkpoint import Checkpoint, parse_checkpoint
from protocol.tlog.merkle import verify_consistency
from protocol.tlog.note import (
    NoteKey,
    UnverifiedNote,
    encode_note,
    encode_signature_line,
    parse_note,
    verify_signed_by_log,
)
from protocol.tlog.witness import AddCheckpointRequest

_MOMENT = timedelta(seconds=5)

Requirement: TypeAlias = Callable[["SignedCheckpoint"], None]
"""Checks what must hold beside consistency before a checkpoint is cosigned.

It raises VerificationError when that does not hold, and UnavailableError when it cannot be found out now.
"""


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log signed, with the note it was read from."""

    checkpoint: Checkpoint
    note: str

    @property
    def tree_size(self) -> int:
        """How many entries the log holds."""
        return self.checkpoint.tree_size

    @property
    def root_hash(self) -> bytes:
        """The root hash over them."""
        return self.checkpoint.root_hash


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The answer to who gets a cosignature: its line."""

    line: str


@dataclass(frozen=True, slots=True)
class OldSizeDiffers:
    """The answer to who starts from another size than the one that was cosigned last."""

    recorded_size: int


class LogWitness:
    """Cosigns the checkpoints of the log with the key `log_key`. Threads may share one.

    Attributes:
        log_key: The key of the log; its name is the origin.
    """

    def __init__(
        self,
        log_key: NoteKey,
        *,
        cosigner: Cosigner,
        last: LastCosigned,
        require: Requirement,
        contradicted: Callable[[SignedCheckpoint], None],
        clock: Callable[[], datetime],
    ) -> None:
        """Cosign what continues `last` and satisfies `require`; tell `contradicted` of a second history."""
        self.log_key = log_key
        self._cosigner = cosigner
        self._last = last
        self._require = require
        self._contradicted = contradicted
        self._clock = clock
        self._lock = threading.Lock()

    def add_checkpoint(self, request: AddCheckpointRequest) -> Cosigned | OldSizeDiffers:
        """Cosign the checkpoint of `request`, or say from which size the log has to start.

        Raises:
            MalformedError: it cannot be read, or the old size is larger than the tree.
            VerificationError: LOG_SIGNATURE_INVALID, the log did not sign it; or it is not to be cosigned.
            RefusedError: another process has the database; or it contradicts the second memory.
            UnavailableError: whether it may be cosigned, or that it was, could not be settled now.
        """
        signed = verify_signed_checkpoint(request.checkpoint, self.log_key)
        if request.old_size > signed.tree_size:
            raise MalformedError(Code.LOG_NOTE_MALFORMED, "the old size is larger than the tree")
        # Before the requirement, which may take long, and again after it.
        if (differs := self._verify_continues(request, signed, self._last.read().state)) is not None:
            return differs
        self._require(signed)
        with self._lock:
            recorded = self._last.read()
            if (differs := self._verify_continues(request, signed, recorded.state)) is not None:
                return differs
            now = self._clock().replace(microsecond=0)
            note = parse_note(signed.note)
            if (recent := _recent_line(recorded, note.text, now)) is not None:
                return Cosigned(recent)
            signature = self._cosigner.sign(note.text, now=now)
            own = (self.log_key.name, self.log_key.key_id)
            by_log = [line for line in note.signatures if (line.key_name, line.key_id) == own]
            cosigned = encode_note(note.text, [by_log[0], signature])
            self._last.advance(
                CosignedNote(signed.tree_size, signed.root_hash, now, cosigned), after=recorded
            )
        return Cosigned(encode_signature_line(signature))

    def last_note(self) -> CosignedNote | None:
        """The last checkpoint that was cosigned, for whoever monitors the log.

        Raises:
            UnavailableError: the database cannot be read, or is older than what was cosigned.
        """
        recorded = self._last.read()
        if recorded.state.tree_size == (0 if recorded.note is None else recorded.note.tree_size):
            return recorded.note
        raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the database is older than what was cosigned")

    def _verify_continues(
        self, request: AddCheckpointRequest, signed: SignedCheckpoint, recorded: Checkpoint
    ) -> OldSizeDiffers | None:
        if request.old_size != recorded.tree_size:
            return OldSizeDiffers(recorded.tree_size)
        if request.old_size == 0:
            # Every tree begins with the empty one.
            if request.consistency_proof:
                raise VerificationError(Code.LOG_CONSISTENCY_INVALID, "nothing to prove from size 0")
            return None
        try:
            verify_consistency(
                request.consistency_proof,
                old_size=recorded.tree_size,
                old_root=recorded.root_hash,
                new_size=signed.tree_size,
                new_root=signed.root_hash,
            )
        except VerificationError as error:
            # A proof may just be wrong; two roots of one size are two histories.
            if error.code is Code.LOG_FORK:
                self._contradicted(signed)
            raise
        return None


def _recent_line(recorded: Recorded, text: str, now: datetime) -> str | None:
    """The cosignature of the same checkpoint, if it is a moment old: repeating a request writes nothing."""
    if recorded.note is None or not recorded.is_settled:
        return None
    last = parse_note(recorded.note.note)
    if last.text != text or not timedelta(0) <= now - recorded.note.time < _MOMENT:
        return None
    return encode_signature_line(last.signatures[-1])


def read_origin(note: UnverifiedNote) -> str:
    """Which log the checkpoint in `note` says it is of."""
    return note.text.partition("\n")[0]


def verify_signed_checkpoint(source: str, log_key: NoteKey) -> SignedCheckpoint:
    """Check that `source` is a checkpoint that `log_key` signed, of its log. Cosignatures are not looked at.

    Raises:
        MalformedError: not a signed note, or what was signed is no checkpoint.
        VerificationError: LOG_ORIGIN_MISMATCH for another log; LOG_SIGNATURE_INVALID when the log did not
            sign, or a signature under its name and key is wrong; LOG_CONSISTENCY_INVALID for a tree of size 0
            with the root of another.
    """
    note = parse_note(source)
    if read_origin(note) != log_key.name:
        raise VerificationError(Code.LOG_ORIGIN_MISMATCH)
    verify_signed_by_log(note, log_key)
    try:
        return SignedCheckpoint(parse_checkpoint(note.text), source)
    except MalformedError as error:
        # The specification tells what cannot be read from what cannot be.
        if note.text.split("\n")[1:2] == ["0"]:
            raise VerificationError(Code.LOG_CONSISTENCY_INVALID, error.detail) from error
        raise
