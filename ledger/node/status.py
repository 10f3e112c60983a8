"""How a node stands, read from its files and its database, and from the log that it follows."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from ledger.fetch import Fetcher
from ledger.log_files import LogFiles
from ledger.node.approvals import NodeApprovals
from ledger.node.cosigner import Promise
from ledger.node.evidence import kept_evidence
from ledger.node.folder import KEY_FILE, NodeFolder
from ledger.node.last_cosigned import CosignedNote, LastCosigned
from ledger.node.trouble import Trouble, read_approver_trouble, read_trouble
from ledger.node.witness import verify_signed_checkpoint
from ledger.node_policy import counts_nodes
from ledger.store import LedgerStore
from ledger.tree import Tree
from ledger.trust import TrustedLedger
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from storage.atomic_file import Folder, close_unwritten


@dataclass(frozen=True, slots=True)
class ApproverStatus:
    """How the did:webvh witness stands that the node is.

    Attributes:
        did: Its did:key.
        is_counting: Whether the node's policy counts nodes; else it approves nothing.
        approved_size: Of how many entries all was approved that there is to approve.
        dids: How many DIDs it has approved.
        trouble: Why it cannot approve what is published.
    """

    did: str
    is_counting: bool
    approved_size: int
    dids: int
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What is known of a node.

    Attributes:
        is_running: Whether a process serves it.
        copied_size: How many entries it holds; None for a bare witness.
        cosigned: What it cosigned last.
        trouble: Why it cannot follow the log.
        evidence: What it kept that contradicts its branch.
        published_size: How many entries the log has published, or why that cannot be known.
        approver: What it approves of DIDs; None if it was made without a key for that.
    """

    is_running: bool
    copied_size: int | None
    cosigned: CosignedNote | None
    trouble: Trouble | None
    evidence: tuple[Path, ...]
    published_size: int | TallyError
    approver: ApproverStatus | None

    @property
    def held_size(self) -> int:
        """How far the node has come: what it copied, or what it cosigned."""
        if self.copied_size is not None:
            return self.copied_size
        return 0 if self.cosigned is None else self.cosigned.tree_size

    @property
    def lag(self) -> int | None:
        """How many published entries it lacks; None when nobody knows."""
        if isinstance(self.published_size, TallyError):
            return None
        return max(0, self.published_size - self.held_size)


def read_status(folder: NodeFolder, *, fetcher: Fetcher) -> NodeStatus:
    """How the node in `folder` stands.

    Raises:
        RefusedError: there is no node; or LOG_SELF_CHECK_FAILED, its two memories contradict each other.
        UnavailableError: its database cannot be read.
    """
    ledger, is_copy = folder.ledger(), folder.promise() is Promise.COPY
    engine = folder.open_database()
    try:
        last = LastCosigned(engine, folder.last_cosigned, ledger.origin)
        last.read()
        return NodeStatus(
            is_running=_is_held(folder.path),
            copied_size=LedgerStore(engine).head().tree_size if is_copy else None,
            cosigned=last.note(),
            trouble=read_trouble(engine, ledger.origin),
            evidence=tuple(kept_evidence(folder.evidence)),
            published_size=_published_size(folder, fetcher),
            approver=_approver_status(folder, engine, ledger),
        )
    finally:
        engine.dispose()


def _approver_status(folder: NodeFolder, engine: Engine, ledger: TrustedLedger) -> ApproverStatus | None:
    did = folder.approver()
    if did is None:
        return None
    approvals = NodeApprovals(engine, ledger.origin)
    return ApproverStatus(
        did,
        counts_nodes(ledger.policy),
        approvals.tree_size(),
        approvals.count(),
        read_approver_trouble(engine, ledger.origin),
    )


def _is_held(path: Path) -> bool:
    # The lock goes with its process, so nobody can be asked better than the lock.
    with Folder(path, private=True) as folder:
        try:
            close_unwritten(folder.take_lock(f"{KEY_FILE}.lock"))
        except RefusedError as error:
            if error.code is not Code.VAULT_LOCKED:
                raise
            return True
    return False


def _published_size(folder: NodeFolder, fetcher: Fetcher) -> int | TallyError:
    ledger = folder.ledger()
    try:
        note = LogFiles(ledger.url, fetcher).read_checkpoint()
        return verify_signed_checkpoint(note, ledger.key(Tree.LOG)).tree_size
    except TallyError as error:
        return error
