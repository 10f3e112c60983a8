"""One round of publishing: sign what the sequencer has committed, have it cosigned, and show it.

The order of the steps is the point, and never changes:

    read it back and compute it anew -> remember what is signed -> sign -> cosignatures of a quorum -> publish
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from ledger.contradiction import ContradictionError, keep_contradiction
from ledger.cosigners import Cosigners
from ledger.followed_log import FollowedLog
from ledger.node_client import Candidate
from ledger.published import Published
from ledger.self_check import check_before_signing
from ledger.signer import CheckpointSigner
from ledger.start_guard import StartGuard
from ledger.stored_tree import Head, Publication, StoredTree
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import create_consistency_proof
from protocol.tlog.note import NoteKey

QUORUM_WITHIN = timedelta(seconds=5)
"""How long one round of asking the nodes lasts; what took longer is done when the next one asks again."""

_logger = logging.getLogger("tally.ledger")


class PublishingRounds:
    """Publishes `log` and its index with the quorum of the policy of `cosigners`. For one thread.

    What contradicts the log is kept in the folder `evidence`.

    Attributes:
        cleared: Whether the nodes have said what they have seen, and it may be continued.
    """

    def __init__(
        self, log: FollowedLog, cosigners: Cosigners, *, evidence: Path, clock: Callable[[], datetime]
    ) -> None:
        self._log = log
        self._store = log.store
        self._signers = log.signers
        self._cosigners = cosigners
        self._evidence = evidence
        self._clock = clock
        stored: dict[NoteKey, StoredTree] = {
            self._signers.log.public_key: self._store,
            self._signers.index.public_key: self._store.index,
        }
        self._guard = StartGuard(stored, cosigners)
        self._signed: dict[NoteKey, str] = {}
        self.cleared = False

    def publish(self, head: Head) -> None:
        """Publish the log as far as `head`, which is committed, with the present time.

        Raises:
            ContradictionError: LOG_ROLLBACK or LOG_FORK, a node has seen what the database does not hold.
            UnavailableError: LOG_READ_ONLY or LOG_QUORUM_MISSING, too few nodes answer; LOG_LEASE_LOST,
                another front end has the turn; LOG_SELF_CHECK_FAILED; or the database's or the disk's fault.
            TallyError: it must not be signed.
        """
        try:
            self._clear()
            self._sign_and_publish(head)
        except ContradictionError as error:
            # Whoever was suspended while the turn went to another is told of that one's work by the nodes.
            self._store.require_turn()
            self._keep_evidence(error)
            raise

    def _clear(self) -> None:
        if not self.cleared:
            self.cleared = self._guard.clears(within=QUORUM_WITHIN)
            if not self.cleared:
                raise UnavailableError(Code.LOG_READ_ONLY)

    def _keep_evidence(self, contradiction: ContradictionError) -> None:
        log = contradiction.log
        tree: StoredTree = self._store if log == self._signers.log.public_key else self._store.index
        published = tree.publication()
        own = self._signed.get(log) or (None if published is None else published.note)
        try:
            keep_contradiction(contradiction, self._evidence, own=own, tree=tree)
        except TallyError as error:
            _logger.warning("%s: what a node has seen could not be kept: %s", error.code.value, error)

    def _sign_and_publish(self, head: Head) -> None:
        index = self._log.index
        check_before_signing(self._store, signed=self._signers.log.last_signed, head=head)
        now = self._clock().replace(microsecond=0)
        index_head = index.state(head, now=now)
        check_before_signing(self._store.index, signed=self._signers.index.last_signed, head=index_head)
        candidates = [
            _sign(self._signers.log, self._store, head, now),
            _sign(self._signers.index, self._store.index, index_head, now),
        ]
        self._signed = {candidate.log: candidate.note for candidate in candidates}
        log, index_log = (
            Publication(checkpoint.tree_size, checkpoint.time or now, checkpoint.note)
            for checkpoint in self._cosigners.have_cosigned(candidates, within=QUORUM_WITHIN)
        )
        self._store.publish(log, index_log)
        self._log.show(Published(log, index_log, index.last, index.map, index.times))


def _sign(signer: CheckpointSigner, tree: StoredTree, head: Head, now: datetime) -> Candidate:
    read_hashes = tree.hash_reader(head.tree_size)
    return Candidate(
        signer.public_key,
        Checkpoint(signer.origin, head.tree_size, head.root_hash),
        signer.sign(head.tree_size, head.root_hash, now=now),
        lambda old_size: create_consistency_proof(old_size, head.tree_size, read_hashes),
    )
