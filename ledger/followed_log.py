"""The log as one front end knows it: checked once from end to end, then kept up with the database.

While this process writes, the publisher shows what it has published. While another one does, `follow` takes
up what that has published, after the same checks that come before a signature of one's own: a front end
vouches for what it shows, and remembers it beside its key.
"""

from ledger.index import LedgerIndex
from ledger.published import Published
from ledger.self_check import check_before_signing, check_whole_store
from ledger.signer import CheckpointSigner, LedgerSigners
from ledger.store import LedgerStore
from ledger.stored_tree import Head, Publication, StoredTree
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, UnavailableError, VerificationError
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.merkle import RightEdge
from protocol.tlog.note import parse_note, verify_signed_by_log


class FollowedLog:
    """The log in `store`, which `signers` sign. For one thread; what is published is for all.

    Attributes:
        store: The stored log.
        signers: What signs, and what was signed last.
        index: The index of the log.

    Raises:
        UnavailableError: LOG_SELF_CHECK_FAILED or DATABASE_DAMAGED, the database is not what was signed.
        RefusedError: LOG_ROLLBACK, it ends before what was signed: somebody restored an old one.
    """

    def __init__(self, store: LedgerStore, signers: LedgerSigners) -> None:
        self.store = store
        self.signers = signers
        self._published: Published | None = None
        publications = store.publications()
        edge = self.load_edge()
        check_whole_store(store)
        check_before_signing(store, signed=signers.log.last_signed, head=Head.of(edge))
        published_size = 0 if publications is None else publications[1].tree_size
        self.index = LedgerIndex(store, signers.log.origin, published_size=published_size)
        if publications is not None:
            self._remember(*publications)
            self.show(
                Published(
                    *publications, self.index.published_entry, self.index.published_map, self.index.times
                )
            )

    @property
    def published(self) -> Published:
        """What was published last.

        Raises:
            UnavailableError: LOG_UNPUBLISHED, nothing was yet.
        """
        if self._published is None:
            raise UnavailableError(Code.LOG_UNPUBLISHED)
        return self._published

    @property
    def is_published(self) -> bool:
        """Whether anything was."""
        return self._published is not None

    def show(self, published: Published) -> None:
        """Show what was published."""
        self._published = published

    def load_edge(self) -> RightEdge:
        """Take up the stored log, which must reach at least as far as what was signed.

        Raises:
            RefusedError: LOG_ROLLBACK, it does not.
            UnavailableError: LOG_SELF_CHECK_FAILED, or the database cannot be read.
        """
        head = self.store.head()
        if head.tree_size < self.signers.log.last_signed.tree_size:
            raise RefusedError(Code.LOG_ROLLBACK, "the database ends before what was signed last")
        edge = RightEdge.load(head.tree_size, self.store.hash_reader(head.tree_size))
        if edge.root_hash() != head.root_hash:
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the tiles do not have the root of the head")
        return edge

    def take_over(self) -> None:
        """Take up all that was stated of the log, published or not, before this process writes.

        Raises:
            RefusedError: LOG_ROLLBACK, the database ends before what was read from it.
            UnavailableError: LOG_SELF_CHECK_FAILED, or the database cannot be read.
        """
        self.follow()
        size = self.store.index.head().tree_size
        if size < self.index.edge.tree_size:
            raise RefusedError(Code.LOG_ROLLBACK, "the database ends before what was read from it")
        self.index.catch_up(size)

    def follow(self) -> None:
        """Take up and show what another front end has published since.

        Raises:
            RefusedError: LOG_ROLLBACK or LOG_FORK, the database shows less than it did, or something else.
            UnavailableError: LOG_SELF_CHECK_FAILED, or the database cannot be read.
        """
        publications = self.store.publications()
        shown = self._published
        if shown is not None:
            self._require_newer(shown, publications)
        if publications is None or (shown is not None and publications == (shown.log, shown.index)):
            return
        log, index = publications
        if index.tree_size < self.index.edge.tree_size:
            # A writer has stated more than it came to publish; the next one publishes that as well.
            return
        self.index.catch_up(index.tree_size)
        self._remember(log, index)
        self.show(Published(log, index, self.index.last, self.index.map, self.index.times))

    def require_kept(self) -> None:
        """Check that the database still has what this process has shown; whoever writes may ask meanwhile.

        Raises:
            RefusedError: LOG_ROLLBACK, another server took over that did not have it yet.
            UnavailableError: the database cannot be read.
        """
        if (shown := self._published) is not None:
            self._require_newer(shown, self.store.publications())

    def _require_newer(self, shown: Published, publications: tuple[Publication, Publication] | None) -> None:
        if publications is None or any(
            new.tree_size < old.tree_size
            for new, old in zip(publications, (shown.log, shown.index), strict=True)
        ):
            raise RefusedError(Code.LOG_ROLLBACK, "the database shows less than it did")

    def _remember(self, log: Publication, index: Publication) -> None:
        _remember(self.signers.log, self.store, log)
        _remember(self.signers.index, self.store.index, index)


def _remember(signer: CheckpointSigner, tree: StoredTree, publication: Publication) -> None:
    try:
        note = parse_note(publication.note)
        verify_signed_by_log(note, signer.public_key)
        checkpoint = parse_checkpoint(note.text)
    except (MalformedError, VerificationError) as error:
        raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the published checkpoint") from error
    if checkpoint.tree_size != signer.last_signed.tree_size:
        # What was signed here may be more than anybody published, and is in the database nevertheless.
        older, newer = sorted((checkpoint, signer.last_signed), key=lambda each: each.tree_size)
        check_before_signing(tree, signed=older, head=Head(newer.tree_size, newer.root_hash))
    signer.remember(checkpoint)
