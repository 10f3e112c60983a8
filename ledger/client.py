"""The client side of one ledger: it believes nothing that it has not checked against the trust policy.

Each contact ends in a checkpoint that satisfies the policy *and* continues the last one seen. Tiles need no
trust: hashes taken from them either lead to the checkpoint's root or are refused.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise

from ledger.fetch import Fetcher
from ledger.growth import LogState, verify_growth
from ledger.log_files import MAX_NOTE_BYTES, LogFiles
from ledger.memory import CheckpointMemory
from ledger.tree import Tree
from ledger.trust import TrustedLedger, errors_of_ledger
from protocol.codes import Code
from protocol.encoding.form import encode_form
from protocol.encoding.members import (
    boolean_member,
    integer_member,
    objects_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.index.leaf import IndexEntry
from protocol.index.proof import MAX_PROOF_BYTES, VerifiedRecords, parse_tally_proof, verify_tally_proof
from protocol.index.subject import Subject, did_subject
from protocol.problem import parse_problem
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import (
    HashReader,
)
from protocol.tlog.policy import VerifiedCheckpoint, verify_checkpoint
from protocol.tlog.tiles import read_hashes_from_tiles
from storage.management_key import parse_management_key

TOKEN_PREFIX = "tally_ledger"  # noqa: S105 (what every onboarding token begins with)

_JSON = "application/json"
_MAX_APPROVERS_BYTES = 1024 * 1024
_TEXT = "text/plain"
_MAX_ACCREDITED_BYTES = 1 << 20
_MAX_ACCREDITED = 100_000
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
class Receipt:
    """Where the ledger says it put a submitted record."""

    index: int
    leaf_hash: str


class LedgerClient:
    """Reads one trusted ledger and submits to it."""

    def __init__(self, ledger: TrustedLedger, *, fetcher: Fetcher, memory: CheckpointMemory) -> None:
        self.ledger = ledger
        self._fetcher = fetcher
        self._memory = memory
        self._files = {tree: LogFiles(tree.url(ledger.url), fetcher) for tree in Tree}

    def checkpoint(self, *, now: datetime, tree: Tree = Tree.LOG) -> VerifiedCheckpoint:
        """The present checkpoint of the log or of its index log, verified, and consistent with the last seen.

        Raises:
            VerificationError: it does not satisfy the policy, or contradicts what was seen before.
            UnavailableError: the ledger cannot be reached.
        """
        before = self._memory.recall(self.ledger.key(tree).name)
        note = self._files[tree].read_checkpoint()
        return self._continued(verify_checkpoint(note, policy=self.ledger.policy, now=now), before, tree)

    def read_records(self, subject: Subject, *, now: datetime) -> VerifiedRecords:
        """All that the log holds about `subject`, proved to be all; nothing, if that is proved.

        Raises:
            MalformedError, VerificationError, UnavailableError: as `read_proof`.
        """
        return self.read_proof(subject, now=now)[1]

    def read_proof(self, subject: Subject, *, now: datetime) -> tuple[bytes, VerifiedRecords]:
        """The tally proof about `subject` as the ledger sent it, and what it proves.

        Whenever the index has grown it is checked that it speaks of the log that others see, and that nothing
        was taken back of either. Not checked: what the entries say, and how old the proof is.

        Raises:
            MalformedError: the answer is not in its form.
            VerificationError: the proof does not hold, or contradicts what was seen before.
            UnavailableError: the ledger cannot be reached.
        """
        before = self._memory.recall(self.ledger.key(Tree.INDEX).name)
        query = encode_form({"kind": subject.kind, "name": subject.name})
        with errors_of_ledger():
            url = f"{self.ledger.url}/evidence?{query}"
            answer = self._fetcher.fetch_ok(url, accept=_TEXT, max_bytes=MAX_PROOF_BYTES)
        proof = parse_tally_proof(answer.body)
        records = verify_tally_proof(proof, subject=subject, policy=self.ledger.policy, now=now)
        if before is None or before.tree_size < records.checkpoint.tree_size:
            self._verify_same_log(records.log, self.checkpoint(now=now))
        self._continued(records.checkpoint, before, Tree.INDEX)
        return answer.body, records

    def read_history(self, did: str, *, now: datetime) -> VerifiedRecords:
        """Every entry of the history of `did`, at least one, and what marks its keys (`split_history`).

        Raises:
            UnavailableError: DID_NOT_FOUND, the log holds none; and whatever `read_records` raises.
        """
        records = self.read_records(did_subject(did), now=now)
        if not records.entries:
            raise UnavailableError(Code.DID_NOT_FOUND, did)
        return records

    def list_accredited(self, *, did: str | None = None, vct: str | None = None) -> list[str]:
        """Who has accreditations that `did` has, gave or stands above, or anybody; for `vct`, or any type.

        That nobody is missing is the word of the ledger; what each has, `read_records` proves.

        Raises:
            MalformedError: the answer is not in its form, or has no end.
            UnavailableError: the ledger cannot be reached.
        """
        dids: list[str] = []
        asked = {name: text for name, text in (("did", did), ("type", vct)) if text is not None}
        while True:
            query = encode_form(asked | ({"after": dids[-1]} if dids else {}))
            with errors_of_ledger():
                url = f"{self.ledger.url}/accredited?{query}"
                answer = self._fetcher.fetch_ok(url, accept=_JSON, max_bytes=_MAX_ACCREDITED_BYTES)
            source = parse_json_object(answer.body, max_bytes=_MAX_ACCREDITED_BYTES)
            more = texts_member(source, "dids")
            before = dids[-1:] + more
            if any(left >= right for left, right in pairwise(before)):
                raise MalformedError(Code.MEMBER_INVALID, "dids are sorted, and each once")
            dids += more
            if len(dids) > _MAX_ACCREDITED:
                raise MalformedError(Code.SIZE_EXCEEDED, "accredited DIDs")
            if not more or not boolean_member(source, "more", default=False):
                return dids

    def read_approvers(self) -> list[str]:
        """The statements of the nodes which witness of did:webvh each of them is; untrusted.

        Raises:
            MalformedError: the answer is not in its form.
            UnavailableError: the ledger cannot be reached.
        """
        with errors_of_ledger():
            url = f"{self.ledger.url}/approvers"
            answer = self._fetcher.fetch_ok(url, accept=_JSON, max_bytes=_MAX_APPROVERS_BYTES)
        listed = objects_member(parse_json_object(answer.body), "approvers")
        return [text_member(item, "statement") for item in listed]

    def submit(self, line: bytes, *, onboarding_token: str) -> Receipt:
        """Ask the ledger to log the record `line`; submitting it again changes nothing.

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
        return Receipt(integer_member(receipt, "index"), text_member(receipt, "leaf_hash"))

    def _continued(
        self, checkpoint: VerifiedCheckpoint, before: Checkpoint | None, tree: Tree
    ) -> VerifiedCheckpoint:
        """`checkpoint`, which was asked for when `before` was the last one seen, if it continues what was."""
        seen = self._memory.recall(checkpoint.origin)
        if seen is not None:
            least = 0 if before is None else before.tree_size
            try:
                if least <= checkpoint.tree_size < seen.tree_size:
                    # Not a step back: somebody else has seen more while this answer was on its way.
                    self._verify_growth(checkpoint, seen, tree)
                else:
                    self._verify_growth(seen, checkpoint, tree)
            except VerificationError:
                self._memory.keep_evidence(
                    checkpoint.note,
                    log_key=self.ledger.key(tree),
                    hash_reader=partial(self._hash_reader, tree=tree),
                )
                raise
        self._memory.remember(checkpoint.note)
        return checkpoint

    def _verify_same_log(self, indexed: IndexEntry, checkpoint: VerifiedCheckpoint) -> None:
        # The two are asked for one after the other, and the log may have grown in between.
        if indexed.tree_size <= checkpoint.tree_size:
            self._verify_growth(indexed, checkpoint, Tree.LOG)
        else:
            self._verify_growth(checkpoint, indexed, Tree.LOG)

    def _verify_growth(self, older: LogState, newer: LogState, tree: Tree) -> None:
        verify_growth(older, newer, self._hash_reader(newer.tree_size, tree=tree))

    def _hash_reader(self, tree_size: int, *, tree: Tree) -> HashReader:
        return read_hashes_from_tiles(tree_size, self._files[tree].read_tiles)
