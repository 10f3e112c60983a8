"""What a log asks its nodes before it signs anything: have you seen more of me than I have?

A restored backup and a replica that lags look like a sound database. Only whoever cosigned what is missing
can tell; a log that went on without asking would sign a second history (docs/decisions/0008).
"""

from collections.abc import Mapping
from datetime import timedelta

from ledger.contradiction import ContradictionError, Seen
from ledger.cosigners import Cosigners
from ledger.growth import verify_growth
from ledger.stored_tree import StoredTree
from protocol.codes import Code
from protocol.errors import TallyError, VerificationError
from protocol.tlog.note import NoteKey
from protocol.tlog.quorum import could_be_quorum


class StartGuard:
    """Collects what the nodes have seen of some logs; `stored` has the trees kept here under their keys."""

    def __init__(self, stored: Mapping[NoteKey, StoredTree], cosigners: Cosigners) -> None:
        self._stored = stored
        self._cosigners = cosigners
        # Who cannot be asked was never asked to cosign either; what this machine itself signed it remembers.
        self._answered = {each.name for each in cosigners.policy.witnesses} - cosigners.names

    def clears(self, *, within: timedelta) -> bool:
        """Ask the nodes that have not answered yet; whether enough have, all of whom may be continued.

        Enough have answered when the others could not be a quorum by themselves: no checkpoint that was ever
        published is known to silent nodes alone. Not checked: that a node tells of all it has seen.

        Raises:
            ContradictionError: LOG_ROLLBACK or LOG_FORK: a node has seen what the database does not hold.
        """
        if self._enough_answered():
            return True
        for answer in self._cosigners.seen(list(self._stored), within=within):
            if isinstance(answer.outcome, TallyError):
                continue
            for (log, store), seen in zip(self._stored.items(), answer.outcome, strict=True):
                if seen is not None:
                    _check_reaches(store, log, seen, answer.node)
            self._answered.add(answer.node)
            if self._enough_answered():
                return True
        return False

    def _enough_answered(self) -> bool:
        policy = self._cosigners.policy
        # Under `quorum none` anybody could have published anything, so all of them are heard.
        everybody = {witness.name for witness in policy.witnesses}
        return self._answered >= everybody or not could_be_quorum(policy, without=self._answered)


def _check_reaches(store: StoredTree, log: NoteKey, seen: Seen, node: str) -> None:
    head = store.head()
    if seen.checkpoint.tree_size > head.tree_size:
        detail = f"{node} has seen {seen.checkpoint.tree_size} entries, the database ends at {head.tree_size}"
        raise ContradictionError(Code.LOG_ROLLBACK, detail, log=log, seen=seen)
    try:
        verify_growth(seen.checkpoint, head, store.hash_reader(head.tree_size))
    except VerificationError as error:
        detail = f"{node} has seen other entries"
        raise ContradictionError(Code.LOG_FORK, detail, log=log, seen=seen) from error
