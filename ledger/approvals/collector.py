"""Fetches from the nodes what they have approved: each has a thread of its own, so that none delays another.

A node is somebody else's machine. A proof is stored when it is the valid word of this node's approver for an
entry of the log, in the one form that counts for every reader for good; whatever else a node does is the
trouble of that node alone.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Self

from ledger.approvals.histories import serve_history
from ledger.approvals.page import MAX_APPROVALS, MAX_PAGE_BYTES, Approval, ApprovalPage, parse_approvals
from ledger.approvals.store import KnownApprover, WitnessProof
from ledger.fetch import Fetcher, chosen_rules
from ledger.store import LedgerStore
from protocol.codes import Code
from protocol.did.webvh.witness import verify_witness_proof
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.records import DidRecord, parse_leaf
from protocol.tlog.node_approver import MAX_STATEMENT_BYTES, verify_approver_statement
from protocol.tlog.note import encode_vkey
from protocol.tlog.policy import LogPolicy, Witness
from protocol.tlog.witness import hash_origin

# A node looks what is published when it is asked, so the second answer has what the first one lacks.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 32.0

_logger = logging.getLogger("tally.ledger")


class ApprovalCollector:
    """Collects into `store` what the nodes of `policy` approve; use it in a `with` statement.

    `published_size` tells how many entries of the log are published at the moment.
    """

    def __init__(
        self,
        store: LedgerStore,
        policy: LogPolicy,
        *,
        published_size: Callable[[], int],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._published_size = published_size
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        witnesses = {witness.url: witness for witness in policy.witnesses if witness.url is not None}
        self._fetcher = Fetcher(chosen_rules(witnesses))
        self.nodes = [
            CollectedNode(witness, policy.logs[0].key.name, store, self._fetcher, clock=clock)
            for witness in witnesses.values()
        ]

    def __enter__(self) -> Self:
        self._store.approvals.prepare()
        for node in self.nodes:
            node.recall()
            name = f"approvals of {node.name}"
            thread = threading.Thread(target=self._run, args=(node,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopping.set()
        self._fetcher.close()
        for thread in self._threads:
            # Not for long: what is on its way is stored as a whole, or comes again.
            thread.join(_FIRST_PAUSE)

    def approvers(self) -> frozenset[str]:
        """The witnesses of did:webvh that the nodes are, as far as they have said so."""
        return frozenset(node.approver.did for node in self.nodes if node.approver is not None)

    def _run(self, node: "CollectedNode") -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            published, before = self._published(), node.looked_size
            node.collect()
            done = node.trouble is None and node.looked_size >= published
            pause = _FIRST_PAUSE if done or node.looked_size > before else min(2 * pause, _LONGEST_PAUSE)
            waited = 0.0
            # Nothing is asked of a node that has approved all there is, until more is published.
            while not self._stopping.wait(_FIRST_PAUSE):
                waited += _FIRST_PAUSE
                grown = self._published() > published
                if grown or (not done and waited >= pause) or waited >= _LONGEST_PAUSE:
                    break

    def _published(self) -> int:
        try:
            return self._published_size()
        except UnavailableError:
            return 0


class CollectedNode:
    """One node, and how far it was asked. For one thread.

    Attributes:
        name: What the policy calls it.
        approver: What it has stated; None as long as it has not.
        looked_size: How many entries of the log it says it has looked at.
        trouble: Why the last attempt came to nothing; None when it did not.
    """

    def __init__(
        self,
        witness: Witness,
        origin: str,
        store: LedgerStore,
        fetcher: Fetcher,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        assert witness.url is not None
        self.name = witness.name
        self.approver: KnownApprover | None = None
        self.looked_size = 0
        self.trouble: TallyError | None = None
        self._witness = witness
        self._cosigner = encode_vkey(witness.key)
        self._origin = origin
        self._url = witness.url.rstrip("/")
        self._store = store
        self._fetcher = fetcher
        self._clock = clock

    def recall(self) -> None:
        """Take up what is stored of the node.

        Raises:
            UnavailableError: the database cannot be read.
        """
        self.approver = self._store.approvals.approvers().get(self._cosigner)

    def collect(self) -> None:
        """Ask it for all that is new; `trouble` says what came in between."""
        try:
            if self.approver is None:
                # Another front end of this ledger may have asked.
                self.recall()
            if self.approver is None:
                self._learn()
            while self._collect_page():
                pass
            failure: TallyError | None = None
        except TallyError as error:
            failure = error
        except Exception as error:
            _logger.exception("internal_error in the collector of approvals")
            failure = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
        if failure is not None and (self.trouble is None or self.trouble.code is not failure.code):
            # Also of a node that approves nothing: 404, once.
            _logger.info("%s: no approvals of %s: %s", failure.code.value, self.name, failure)
        self.trouble = failure

    def _learn(self) -> None:
        answer = self._fetcher.fetch_ok(
            f"{self._url}/approver", accept="text/plain", max_bytes=MAX_STATEMENT_BYTES
        )
        did = verify_approver_statement(answer.body, origin=self._origin, cosigner=self._witness.key)
        approver = KnownApprover(did, decode_utf8(answer.body), 0)
        self._store.approvals.add_approver(self._cosigner, approver)
        self.approver = approver

    def _collect_page(self) -> bool:
        """Store what comes next, and say whether there may be more."""
        approver = self.approver
        assert approver is not None
        url = f"{self._url}/{hash_origin(self._origin)}/approvals?after={approver.collected}"
        answer = self._fetcher.fetch_ok(url, accept="application/json", max_bytes=MAX_PAGE_BYTES)
        page = parse_approvals(answer.body, after=approver.collected)
        size = self._store.head().tree_size
        if page.tree_size > size:
            raise VerificationError(Code.NODE_REFUSED, f"{self.name} names entries that there are not")
        proofs, shown = self._verify(page, approver.did, size)
        is_full = len(page.approvals) == MAX_APPROVALS
        end = page.approvals[-1].leaf_index + 1 if is_full else page.tree_size
        # A node whose copy is new is behind for a while.
        end = max(end, approver.collected)
        if proofs or end > approver.collected:
            self._store.approvals.add_proofs(self._cosigner, approver.did, proofs, collected=end, shown=shown)
            self.approver = KnownApprover(approver.did, approver.statement, end)
        self.looked_size = page.tree_size
        return is_full

    def _verify(self, page: ApprovalPage, did: str, size: int) -> tuple[list[WitnessProof], dict[str, int]]:
        """The proofs of the page that count for the DIDs they are of, and how much of each is shown now."""
        proofs: list[WitnessProof] = []
        shown: dict[str, int] = {}
        for approval in page.approvals:
            record = self._record_of(approval)
            verify_witness_proof(
                approval.proof, version_id=approval.version_id, witness=did, now=self._clock()
            )
            scid, number = record.did.scid, record.entry.number
            history = serve_history(self._store, scid, tree_size=size)
            # Whoever is named for the first time approves that too, which no reader counts.
            if any(rule is not None and did in rule.witnesses for rule in history.rules[:number]):
                proofs.append(WitnessProof(scid, number, approval.version_id, approval.proof))
                shown[scid] = history.shown
        return proofs, shown

    def _record_of(self, approval: Approval) -> DidRecord:
        [leaf] = self._store.read_leaves(approval.leaf_index, approval.leaf_index + 1)
        record = parse_leaf(leaf)
        if not isinstance(record, DidRecord) or record.entry.version_id != approval.version_id:
            raise VerificationError(Code.NODE_REFUSED, f"{self.name} approves what is not logged there")
        return record
