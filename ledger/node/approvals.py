"""What a node has approved of the DIDs that name it as their witness, on disk before anybody sees it.

For each DID it is one proof, of the latest version that named the node: it approves all versions before. How
far the node has looked moves in the same transaction.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from ledger.approvals.page import MAX_APPROVALS, Approval, ApprovalPage
from ledger.node.tables import APPROVAL, APPROVED
from ledger.stored_tree import transaction
from ledger.tables import ENTRY
from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import RefusedError
from storage.database import read_only


class NodeApprovals:
    """The approvals for the log `origin`. One thread adds to them; any may read."""

    def __init__(self, engine: Engine, origin: str) -> None:
        self._engine = engine
        self._origin = origin

    def tree_size(self) -> int:
        """Of how many entries of the log it has approved what there was to approve.

        Raises:
            UnavailableError: the database cannot be read.
        """
        with transaction(read_only(self._engine)) as connection:
            return self._tree_size(connection)

    def page(self, after: int, *, limit: int = MAX_APPROVALS) -> ApprovalPage:
        """The first approvals of entries from the index `after` on.

        Raises:
            UnavailableError: the database cannot be read.
        """
        query = select(APPROVAL).where(APPROVAL.c.leaf_index >= after).order_by(APPROVAL.c.leaf_index)
        with transaction(read_only(self._engine)) as connection:
            tree_size = self._tree_size(connection)
            rows = connection.execute(query.limit(limit)).all()
        approvals = [Approval(row.leaf_index, row.version_id, parse_json_object(row.proof)) for row in rows]
        return ApprovalPage(tuple(approvals), tree_size)

    def count(self) -> int:
        """How many DIDs there are approvals of.

        Raises:
            UnavailableError: the database cannot be read.
        """
        with transaction(read_only(self._engine)) as connection:
            return connection.execute(select(func.count()).select_from(APPROVAL)).scalar_one()

    def known_among(self, begin: int, end: int) -> set[str]:
        """The DIDs approved before that have an entry between `begin` and `end`, by SCID.

        Raises:
            UnavailableError: the database cannot be read.
        """
        query = select(ENTRY.c.scid).where(
            ENTRY.c.leaf_index >= begin,
            ENTRY.c.leaf_index < end,
            ENTRY.c.scid.in_(select(APPROVAL.c.scid)),
        )
        with transaction(read_only(self._engine)) as connection:
            return {str(scid) for scid in connection.execute(query).scalars()}

    def advance(self, approvals: Mapping[str, Approval], *, after: int, then: int) -> None:
        """Let all of the first `then` entries be approved, where `after` were.

        `approvals`, by the SCID of their DID, replace older ones.

        Raises:
            RefusedError: VAULT_CHANGED, another process has moved on in the meantime.
            UnavailableError: the disk's fault; none of it was shown to anybody.
        """
        with transaction(self._engine) as connection:
            if not self._compare_and_swap(connection, after, then):
                raise RefusedError(Code.VAULT_CHANGED, "what was approved")
            for scid, approval in approvals.items():
                connection.execute(delete(APPROVAL).where(APPROVAL.c.scid == scid))
                connection.execute(
                    insert(APPROVAL).values(
                        scid=scid,
                        leaf_index=approval.leaf_index,
                        version_id=approval.version_id,
                        proof=canonicalize(approval.proof).decode(),
                    )
                )

    def _tree_size(self, connection: Connection) -> int:
        size = connection.execute(
            select(APPROVED.c.tree_size).where(APPROVED.c.origin == self._origin)
        ).scalar()
        return 0 if size is None else int(size)

    def _compare_and_swap(self, connection: Connection, after: int, then: int) -> bool:
        unmoved = (APPROVED.c.origin == self._origin) & (APPROVED.c.tree_size == after)
        if connection.execute(update(APPROVED).where(unmoved).values(tree_size=then)).rowcount == 1:
            return True
        if after != 0 or self._tree_size(connection) != 0:
            return False
        connection.execute(insert(APPROVED).values(origin=self._origin, tree_size=then))
        return True
