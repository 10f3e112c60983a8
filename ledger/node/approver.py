"""Approves entries of DIDs, as the did:webvh witness that a node is beside a cosigner of the log.

What a resolver of did:webvh that knows nothing of logs learns from a proof is that the entry stands in the
log for everybody. So an entry is approved only under a checkpoint that carries the quorum of the node's own
policy, whose very tree the node has copied and checked (decision 0014).
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from ledger.admission import replay_versions
from ledger.approvals.page import Approval
from ledger.node.approvals import NodeApprovals
from ledger.node.copy import LogCopy
from ledger.store import LedgerStore
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.did.webvh.parameters import WitnessRule
from protocol.did.webvh.version import VerifiedVersion
from protocol.did.webvh.witness import create_witness_proof
from protocol.errors import UnavailableError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.records import DidRecord, parse_leaf
from protocol.tlog.merkle import Node, hash_leaf
from protocol.tlog.policy import LogPolicy, verify_checkpoint

_PIECE = 256


class Approver:
    """Approves with `key` what `store` holds, a copy of the first log in `policy`. For one thread."""

    def __init__(
        self,
        key: Ed25519PrivateKey,
        store: LedgerStore,
        copy: LogCopy,
        approvals: NodeApprovals,
        *,
        policy: LogPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._key = key
        self._did = encode_did_key(key.public_key)
        self._store = store
        self._copy = copy
        self._approvals = approvals
        self._policy = policy
        self._clock = clock

    def approve(self, note: str, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Approve what there is to approve under the published checkpoint `note`.

        Raises:
            MalformedError: not a signed note.
            VerificationError: LOG_QUORUM_MISSING, LOG_SIGNATURE_INVALID, the policy's quorum does not stand
                behind it; LOG_ORIGIN_MISMATCH, it is of another log; LOG_FORK, the copy holds another tree.
            RefusedError: another process approves with the same database.
            UnavailableError: NODE_BEHIND, the copy does not reach so far; LOG_SELF_CHECK_FAILED, the database
                is damaged; or it cannot be read or written.
        """
        checkpoint = verify_checkpoint(note, policy=self._policy, now=self._clock())
        if checkpoint.origin != self._policy.logs[0].key.name:
            raise VerificationError(Code.LOG_ORIGIN_MISMATCH, checkpoint.origin)
        self._copy.verify_holds(checkpoint)
        # Not by a clock that may be wrong: nobody takes a proof from the future, nor what comes after it.
        time = checkpoint.time or self._clock().replace(microsecond=0)
        begin = self._approvals.tree_size()
        while begin < checkpoint.tree_size and not is_stopping():
            end = min(begin + _PIECE, checkpoint.tree_size)
            approvals = {
                scid: approval
                for scid in self._concerned(begin, end)
                if (approval := self._approve_did(scid, begin, end, time)) is not None
            }
            self._approvals.advance(approvals, after=begin, then=end)
            begin = end

    def _concerned(self, begin: int, end: int) -> set[str]:
        """The DIDs with an entry there that may name this node as a witness: it, or one before it, does."""
        concerned = self._approvals.known_among(begin, end)
        mark = self._did.encode()
        for leaf in self._store.read_leaves(begin, end):
            # Canonical JSON has one spelling of a DID, so what does not hold it does not name it.
            if mark in leaf and isinstance(record := parse_leaf(leaf), DidRecord):
                concerned.add(record.did.scid)
        return concerned

    def _approve_did(self, scid: str, begin: int, end: int, time: datetime) -> Approval | None:
        """The approval, dated `time`, of the last version up to `end` that names this node, if it is new."""
        history = [entry for entry in self._store.history(scid) if entry.leaf_index < end]
        versions = replay_versions([entry.leaf for entry in history], now=self._clock())
        named = [version for version in versions if self._is_named(version)]
        if not named or (latest := history[named[-1].number - 1]).leaf_index < begin:
            return None
        [held] = self._store.hash_reader(end)([Node(0, latest.leaf_index)])
        if held != hash_leaf(latest.leaf):
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "an entry is not the one that was copied")
        version = named[-1]
        proof = create_witness_proof(version.version_id, key=self._key, created=time)
        return Approval(latest.leaf_index, version.version_id, proof)

    def _is_named(self, version: VerifiedVersion) -> bool:
        # Whoever is replaced approves the entry that does it; who is new approves the next one, and this one
        # too: no reader counts it, and the DID is known from then on.
        return any(self._did in rule.witnesses for rule in _rules(version))


def _rules(version: VerifiedVersion) -> Iterator[WitnessRule]:
    for rule in (version.witness, version.parameters.witness):
        if rule is not None:
            yield rule
