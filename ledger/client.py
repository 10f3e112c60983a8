"""The client side of one ledger: it believes nothing that it has not checked against the trust policy.

Each contact ends in a checkpoint that satisfies the policy *and* continues the last one seen. Tiles need no
trust: hashes taken from them either lead to the checkpoint's root or are refused.
"""

from dataclasses import dataclass
from datetime import datetime

from ledger.fetch import Fetcher
from ledger.growth import verify_growth
from ledger.log_files import MAX_NOTE_BYTES, LogFiles
from ledger.memory import CheckpointMemory
from ledger.trust import TrustedLedger, errors_of_ledger
from protocol.codes import Code
from protocol.encoding.form import encode_form
from protocol.encoding.members import (
    integer_member,
    objects_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import UnavailableError, VerificationError
from protocol.problem import parse_problem
from protocol.records import MAX_RECORD_BYTES
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.lines import parse_hash
from protocol.tlog.merkle import (
    HashReader,
    hash_leaf,
    verify_inclusion,
)
from protocol.tlog.policy import VerifiedCheckpoint, verify_checkpoint
from protocol.tlog.tiles import read_hashes_from_tiles
from storage.management_key import parse_management_key

TOKEN_PREFIX = "tally_ledger"  # noqa: S105 (what every onboarding token begins with)

_JSON = "application/json"
_MAX_HISTORY_BYTES = 8 * 1024 * 1024
# What happens to the ledger's own machine; under these words it would be taken for the reader's.
_TROUBLE_OF_A_MACHINE = frozenset(
    {
        Code.DATABASE_BUSY,
        Code.DATABASE_DAMAGED,
        Code.DATABASE_REFUSED,
        Code.DATABASE_UNAVAILABLE,
        Code.DISK_ERROR,
        Code.DISK_FULL,
        Code.INTERNAL_ERROR,
    }
)


def parse_onboarding_token(text: str, *, file: str) -> str:
    """The onboarding token in a file named `file`.

    Raises:
        RefusedError: there is none in it.
    """
    return parse_management_key(text, prefix=TOKEN_PREFIX, file=file, code=Code.WRITER_NOT_AUTHORIZED)


@dataclass(frozen=True, slots=True)
class LoggedHistory:
    """The entries of one DID as they stand in the log, and the checkpoint they were proved against."""

    entries: tuple[bytes, ...]
    checkpoint: VerifiedCheckpoint


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the ledger says it put a submitted entry."""

    index: int
    did: str
    version_id: str


class LedgerClient:
    """Reads one trusted ledger and submits to it."""

    def __init__(self, ledger: TrustedLedger, *, fetcher: Fetcher, memory: CheckpointMemory) -> None:
        self.ledger = ledger
        self._fetcher = fetcher
        self._memory = memory
        self._files = LogFiles(ledger.url, fetcher)

    def checkpoint(self, *, now: datetime) -> VerifiedCheckpoint:
        """The ledger's present checkpoint, verified and consistent with the last one seen.

        Raises:
            VerificationError: it does not satisfy the policy, or contradicts what was seen before.
            UnavailableError: the ledger cannot be reached.
        """
        before = self._memory.recall(self.ledger.origin)
        return self._verify_checkpoint(self._files.read_checkpoint(), before, now=now)

    def read_history(self, did: str, *, now: datetime) -> "LoggedHistory":
        """Every entry the log holds of `did`, each proved to be in it.

        Not checked: what the entries say, and that the log holds no further one. The ledger is asked for all
        of them but could keep the newest back; see docs/decisions/0003.

        Raises:
            MalformedError: the answer is not in its form.
            VerificationError: the checkpoint is not acceptable, or an entry is not in the log.
            UnavailableError: the ledger cannot be reached, or says that it knows no such DID (DID_NOT_FOUND).
        """
        before = self._memory.recall(self.ledger.origin)
        query = encode_form({"did": did})
        with errors_of_ledger():
            answer = self._fetcher.fetch(
                f"{self.ledger.url}/inclusion?{query}", accept=_JSON, max_bytes=_MAX_HISTORY_BYTES
            )
        if answer.status != 200:
            is_unknown = parse_problem(answer.body, status=answer.status).code is Code.DID_NOT_FOUND
            # Its word alone: nobody can prove that something is in no log.
            code = Code.DID_NOT_FOUND if is_unknown else Code.NETWORK_STATUS
            raise UnavailableError(code, did if is_unknown else str(answer.status))
        history = parse_json_object(answer.body, max_bytes=_MAX_HISTORY_BYTES)
        note = text_member(history, "checkpoint", max_characters=MAX_NOTE_BYTES)
        checkpoint = self._verify_checkpoint(note, before, now=now)
        entries: list[bytes] = []
        previous_index = -1
        for item in objects_member(history, "entries", minimum=1):
            entry = text_member(item, "entry", max_characters=MAX_RECORD_BYTES).encode()
            index = integer_member(item, "index", minimum=previous_index + 1)
            verify_inclusion(
                [parse_hash(text, Code.LOG_PROOF_INVALID) for text in texts_member(item, "proof")],
                leaf_hash=hash_leaf(entry),
                leaf_index=index,
                tree_size=checkpoint.tree_size,
                root_hash=checkpoint.root_hash,
            )
            entries.append(entry)
            previous_index = index
        return LoggedHistory(tuple(entries), checkpoint)

    def submit(self, line: bytes, *, onboarding_token: str) -> Receipt:
        """Ask the ledger to log `line`, a did:webvh log entry; submitting it again changes nothing.

        Raises:
            RefusedError: the ledger does not admit it, or not from this writer; its own words are the detail.
            UnavailableError: the ledger cannot be reached, or has trouble with its own machine.
        """
        with errors_of_ledger():
            answer = self._fetcher.fetch(
                f"{self.ledger.url}/entries",
                method="POST",
                accept=_JSON,
                headers={"Authorization": f"Bearer {onboarding_token}"},
                body=line,
                content_type="application/json",
                max_bytes=MAX_NOTE_BYTES,
            )
        if answer.status >= 400:
            problem = parse_problem(answer.body, status=answer.status)
            if problem.code in _TROUBLE_OF_A_MACHINE:
                raise UnavailableError(Code.NETWORK_STATUS, f"{self.ledger.authority}: {problem.code}")
            raise problem
        receipt = parse_json_object(answer.body)
        return Receipt(
            integer_member(receipt, "index"), text_member(receipt, "did"), text_member(receipt, "version_id")
        )

    def _verify_checkpoint(
        self, note: str, before: Checkpoint | None, *, now: datetime
    ) -> VerifiedCheckpoint:
        """Verify `note`, which was asked for when `before` was the last checkpoint seen."""
        checkpoint = verify_checkpoint(note, policy=self.ledger.policy, now=now)
        seen = self._memory.recall(checkpoint.origin)
        if seen is not None:
            least = 0 if before is None else before.tree_size
            try:
                if least <= checkpoint.tree_size < seen.tree_size:
                    # Not a step back: somebody else has seen more while this answer was on its way.
                    verify_growth(checkpoint, seen, self._hash_reader(seen.tree_size))
                else:
                    verify_growth(seen, checkpoint, self._hash_reader(checkpoint.tree_size))
            except VerificationError:
                log_key = self.ledger.policy.logs[0].key
                self._memory.keep_evidence(checkpoint.note, log_key=log_key, hash_reader=self._hash_reader)
                raise
        self._memory.remember(note)
        return checkpoint

    def _hash_reader(self, tree_size: int) -> HashReader:
        return read_hashes_from_tiles(tree_size, self._files.read_tiles)
