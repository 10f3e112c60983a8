"""The log's side of C2SP tlog-witness: asking one node for a cosignature, or what it has seen.

A node is somebody else's machine. What it answers is checked before it is used, and whatever else it does is
an error of that node alone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TypeAlias

from ledger.contradiction import ContradictionError, Seen
from ledger.fetch import Fetched, Fetcher
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.problem import parse_problem
from protocol.tlog.checkpoint import Checkpoint, parse_checkpoint
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.lines import parse_decimal
from protocol.tlog.note import MAX_NOTE_BYTES, NoteKey, NoteSignature, parse_note, verify_signed_by_log
from protocol.tlog.policy import COSIGNATURE_CLOCK_SKEW, Witness
from protocol.tlog.witness import (
    AddCheckpointRequest,
    encode_add_checkpoint,
    hash_origin,
    parse_cosignature_lines,
)

_TEXT = "text/plain"
_SIZE = "text/x.tlog.size"
_PROBLEM = "application/problem+json"
_MAX_TRIES = 3
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,200}")

ConsistencyProver: TypeAlias = Callable[[int], tuple[bytes, ...]]
"""Gives the proof that a checkpoint continues the tree of a size above 0 and below its own."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint to be cosigned: the note that `log` signed, and how it follows from earlier ones."""

    log: NoteKey
    checkpoint: Checkpoint
    note: str
    prove: ConsistencyProver


class NodeClient:
    """Speaks with the node of a policy's `witness` line, which has a URL. One thread at a time.

    Attributes:
        witness: The line.
        sizes: How much of each log the node is known to have cosigned.
    """

    def __init__(self, witness: Witness, fetcher: Fetcher) -> None:
        assert witness.url is not None
        self.witness = witness
        self.sizes: dict[str, int] = {}
        self._url = witness.url.rstrip("/")
        self._fetcher = fetcher

    def cosign(self, candidate: Candidate, *, now: datetime) -> NoteSignature:
        """The node's cosignature of `candidate`, verified and not from the future.

        Raises:
            ContradictionError: the node proves to have cosigned a larger tree (LOG_ROLLBACK) or another one
                of this size (LOG_FORK).
            VerificationError: its cosignature is not valid, or it refuses (NODE_REFUSED).
            MalformedError, UnavailableError: no answer, or none that can be read.
        """
        wanted = candidate.checkpoint
        for _ in range(_MAX_TRIES):
            answer = self._add_checkpoint(candidate, self.sizes.get(wanted.origin, 0))
            match answer.status:
                case HTTPStatus.OK:
                    signature = self._verified(answer.body, candidate.note, now)
                    self.sizes[wanted.origin] = wanted.tree_size
                    return signature
                case HTTPStatus.CONFLICT if answer.content_type == _SIZE:
                    self._learn_size(candidate, answer.body)
                case HTTPStatus.SERVICE_UNAVAILABLE:
                    raise UnavailableError(Code.NETWORK_BUSY, self._said(answer))
                case HTTPStatus.UNPROCESSABLE_ENTITY:
                    self._require_continued(candidate)
                    raise VerificationError(Code.NODE_REFUSED, self._said(answer))
                case _:
                    raise VerificationError(Code.NODE_REFUSED, self._said(answer))
        raise VerificationError(Code.NODE_REFUSED, f"{self.witness.name} keeps naming other sizes")

    def seen(self, log: NoteKey) -> Seen | None:
        """The largest checkpoint of `log` that the node has cosigned, proven by the log's own signature.

        None when it says that it knows none.

        Raises:
            MalformedError, VerificationError: it is not a checkpoint that the log signed.
            UnavailableError: the node does not answer.
        """
        answer = self._fetcher.fetch(
            f"{self._url}/{hash_origin(log.name)}/checkpoint", accept=_TEXT, max_bytes=MAX_NOTE_BYTES
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status != HTTPStatus.OK:
            raise UnavailableError(Code.NETWORK_STATUS, str(answer.status))
        note = parse_note(answer.body)
        checkpoint = parse_checkpoint(note.text)
        if checkpoint.origin != log.name:
            raise VerificationError(Code.LOG_ORIGIN_MISMATCH, self.witness.name)
        verify_signed_by_log(note, log)
        self.sizes[log.name] = checkpoint.tree_size
        return Seen(checkpoint, decode_utf8(answer.body))

    def _add_checkpoint(self, candidate: Candidate, old_size: int) -> Fetched:
        is_growth = 0 < old_size < candidate.checkpoint.tree_size
        proof = candidate.prove(old_size) if is_growth else ()
        return self._fetcher.fetch(
            f"{self._url}/add-checkpoint",
            method="POST",
            accept=_TEXT,
            body=encode_add_checkpoint(AddCheckpointRequest(old_size, proof, candidate.note)),
            content_type=_TEXT,
            max_bytes=MAX_NOTE_BYTES,
        )

    def _learn_size(self, candidate: Candidate, body: bytes) -> None:
        size = parse_decimal(decode_utf8(body).removesuffix("\n"), Code.LOG_NOTE_MALFORMED)
        if size > candidate.checkpoint.tree_size:
            self._require_continued(candidate)
            raise VerificationError(Code.NODE_REFUSED, f"{self.witness.name} names a size it does not prove")
        self.sizes[candidate.log.name] = size

    def _require_continued(self, candidate: Candidate) -> None:
        """What the node says it has seen counts only with the log's signature on it."""
        wanted, seen = candidate.checkpoint, self.seen(candidate.log)
        if seen is None:
            return
        if seen.checkpoint.tree_size > wanted.tree_size:
            detail = f"{self.witness.name} has seen {seen.checkpoint.tree_size} entries"
            raise ContradictionError(Code.LOG_ROLLBACK, detail, log=candidate.log, seen=seen)
        if seen.checkpoint.tree_size == wanted.tree_size and seen.checkpoint != wanted:
            detail = f"{self.witness.name} has seen other entries"
            raise ContradictionError(Code.LOG_FORK, detail, log=candidate.log, seen=seen)

    def _verified(self, body: bytes, note: str, now: datetime) -> NoteSignature:
        text, key = parse_note(note).text, self.witness.key
        for signature in parse_cosignature_lines(body):
            if (signature.key_name, signature.key_id) == (key.name, key.key_id):
                if verify_cosignature(text, signature, key) > now + COSIGNATURE_CLOCK_SKEW:
                    raise VerificationError(Code.LOG_SIGNATURE_INVALID, f"{key.name}: from the future")
                return signature
        raise VerificationError(Code.LOG_SIGNATURE_INVALID, f"{key.name} did not sign")

    def _said(self, answer: Fetched) -> str:
        """What the node says of it, if that is fit to be shown: a problem of ours, or else the first line."""
        try:
            line = decode_utf8(answer.body).partition("\n")[0]
        except MalformedError:
            line = ""
        if answer.content_type == _PROBLEM:
            problem = parse_problem(answer.body, status=answer.status)
            line = f"{problem.code.value} {problem.detail}".rstrip()
        words = f": {line}" if _PRINTABLE.fullmatch(line) else ""
        return f"{self.witness.name} answers {answer.status}{words}"
