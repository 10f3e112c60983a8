"""A node at work: its parts put together, checked once, and running until the block ends."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from ledger.fetch import Fetcher
from ledger.index import LedgerIndex
from ledger.log_files import LogFiles
from ledger.node.approvals import NodeApprovals
from ledger.node.approver import Approver
from ledger.node.approving import Approving
from ledger.node.copy import LogCopy
from ledger.node.cosigner import Promise
from ledger.node.evidence import Evidence
from ledger.node.folder import NodeFolder
from ledger.node.follower import Follower
from ledger.node.http import NodeApp, NodeApprover
from ledger.node.index_copy import IndexCopy
from ledger.node.keys import NodeKeys
from ledger.node.last_cosigned import LastCosigned
from ledger.node.trouble import TroubleNote, approver_note
from ledger.node.witness import LogWitness, Requirement, SignedCheckpoint
from ledger.node_policy import counts_nodes
from ledger.self_check import check_whole_store
from ledger.store import LedgerStore
from ledger.tree import Tree
from protocol.tlog.node_approver import create_approver_statement
from protocol.tlog.witness import hash_origin


@contextmanager
def run_node(
    folder: NodeFolder, keys: NodeKeys, *, url: str, fetcher: Fetcher, clock: Callable[[], datetime]
) -> Iterator[NodeApp]:
    """The node in `folder`, reached at `url`. Whoever calls holds its keys.

    A copy is checked against itself, and hashed anew as a whole, before anything is cosigned.

    Raises:
        RefusedError: LOG_SELF_CHECK_FAILED, the second memory is gone or contradicts the database.
        UnavailableError: LOG_SELF_CHECK_FAILED, the copy is damaged; or the disk's fault.
    """
    settings, ledger = folder.settings(), folder.ledger()
    cosigner = keys.cosigner
    log_keys = {tree: ledger.key(tree) for tree in Tree}
    files = {tree: LogFiles(tree.url(ledger.url), fetcher) for tree in Tree}
    with ExitStack() as stack:
        engine = folder.open_database()
        stack.callback(engine.dispose)
        store = LedgerStore(engine)
        last = {tree: LastCosigned(engine, folder.last_cosigned, key.name) for tree, key in log_keys.items()}
        for each in last.values():
            each.read()

        def evidence_of(tree: Tree, copy: LogCopy | None) -> Evidence:
            return Evidence(folder.evidence, log_keys[tree], last=last[tree], files=files[tree], copy=copy)

        def witness_of(
            tree: Tree, require: Requirement, contradicted: Callable[[SignedCheckpoint], None]
        ) -> LogWitness:
            return LogWitness(
                log_keys[tree],
                cosigner=cosigner,
                last=last[tree],
                require=require,
                contradicted=contradicted,
                clock=clock,
            )

        index_evidence = evidence_of(Tree.INDEX, None)
        if cosigner.promise is Promise.WITNESS:
            evidence = evidence_of(Tree.LOG, None)
            witnesses = [
                witness_of(Tree.LOG, _nothing_more, evidence.keep),
                witness_of(Tree.INDEX, _nothing_more, index_evidence.keep),
            ]
            yield NodeApp(_by_origin(witnesses), {}, cosigner.policy_line(url), lambda: None)
            return

        check_whole_store(store)
        copy = LogCopy(store, files[Tree.LOG], authority=ledger.authority, clock=clock)
        # What a node has checked of the index it has checked for good.
        index = LedgerIndex(store, ledger.origin, published_size=store.index.head().tree_size)
        follower = Follower(
            copy,
            files[Tree.LOG],
            log_keys[Tree.LOG],
            evidence=evidence_of(Tree.LOG, copy),
            note=TroubleNote(engine, ledger.origin, clock=clock),
            interval=settings.interval,
            patience=settings.patience,
        )
        index_copy = IndexCopy(
            index,
            copy,
            files[Tree.INDEX],
            last_cosigned=last[Tree.INDEX].time,
            patience=settings.patience,
            clock=clock,
        )
        witnesses = [
            witness_of(Tree.LOG, follower.require, follower.contradicted),
            witness_of(Tree.INDEX, index_copy.require, index_evidence.keep),
        ]
        copies = {
            hash_origin(log_keys[Tree.LOG].name): store,
            hash_origin(log_keys[Tree.INDEX].name): store.index,
        }
        stack.enter_context(follower)
        approver: NodeApprover | None = None
        if keys.approver is not None:
            approvals = NodeApprovals(engine, ledger.origin)
            approving = Approving(
                Approver(keys.approver, store, copy, approvals, policy=ledger.policy, clock=clock),
                files[Tree.LOG],
                note=approver_note(engine, ledger.origin, clock=clock),
                interval=settings.interval,
            )
            statement = create_approver_statement(
                ledger.origin,
                keys.approver.public_key,
                name=cosigner.name,
                key=cosigner.key,
                now=clock(),
            )
            approver = NodeApprover(statement, hash_origin(ledger.origin), approvals, approving.look_soon)
            # One whose policy leaves all to the operator has nobody's word to pass on.
            if counts_nodes(ledger.policy):
                stack.enter_context(approving)
        line = cosigner.policy_line(url)
        yield NodeApp(_by_origin(witnesses), copies, line, lambda: follower.trouble, approver)


def _nothing_more(_signed: SignedCheckpoint) -> None:
    """A bare witness promises consistency alone."""


def _by_origin(witnesses: Iterable[LogWitness]) -> dict[str, LogWitness]:
    return {hash_origin(witness.log_key.name): witness for witness in witnesses}
