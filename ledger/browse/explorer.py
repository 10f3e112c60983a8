"""What the pages show, read from the operator's own database: published entries only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.accreditation_book import AccreditationBook
from ledger.accreditations import Trees, about, count, cut, of_type
from ledger.browse.did_history import ShownDid, show_did
from ledger.browse.entry import ShownEntry, show_entry
from ledger.browse.head import ShownHead, show_head
from ledger.browse.question import DidQuestion, HashQuestion, IndexQuestion, NameQuestion, Question
from ledger.cosigners import NodeState
from ledger.published import Published
from ledger.store import LedgerStore
from ledger.type_records import LoggedType, logged_types
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.index.proof import SubjectEntry
from protocol.index.subject import did_subject
from protocol.records.accreditation import type_subject
from protocol.tlog.policy import LogPolicy, verify_checkpoint

PAGE_ENTRIES = 50
MAX_FOUND = 50
MAX_SHOWN = 500
_MAX_KEPT = 64


@dataclass(frozen=True, slots=True)
class EntriesPage:
    """A page of entries, the newest first; pages are numbered from 1."""

    number: int
    last: int
    tree_size: int
    entries: tuple[ShownEntry, ...]


@dataclass(frozen=True, slots=True)
class EntryPage:
    """One entry, and how many there are."""

    entry: ShownEntry
    tree_size: int


@dataclass(frozen=True, slots=True)
class AccreditationsPage:
    """Accreditations as trees.

    Attributes:
        did, vct: What they all concern; None for whatever it is.
        trees: The first of them.
        total: How many there are.
        time: The moment at which they stand as it is said.
    """

    did: str | None
    vct: str | None
    trees: Trees
    total: int
    time: datetime


@dataclass(frozen=True, slots=True)
class TypePage:
    """A type of credential: which documents describe it by whose word, and who is accredited for it."""

    vct: str
    said: tuple[LoggedType, ...]
    accreditations: AccreditationsPage


@dataclass(frozen=True, slots=True)
class Found:
    """What a question led to: DIDs, the places of entries, and types of credentials."""

    dids: tuple[str, ...] = ()
    entries: tuple[int, ...] = ()
    types: tuple[str, ...] = ()


class Explorer:
    """Reads a stored ledger as far as it is published. Threads may share one.

    `book` has its accreditations. `published` and `nodes` tell what is published, and how the nodes stand;
    `policy` is the one that trusts this log. Every method raises UnavailableError LOG_UNPUBLISHED where
    nothing is published yet.
    """

    def __init__(
        self,
        store: LedgerStore,
        *,
        book: AccreditationBook,
        published: Callable[[], Published],
        nodes: Callable[[], Sequence[NodeState]],
        policy: LogPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._book = book
        self._published = published
        self._nodes = nodes
        self._policy = policy
        self._clock = clock
        self._kept: dict[str, ShownDid] = {}

    def head(self) -> ShownHead:
        """How far the log reaches, and who stands behind it.

        Raises:
            VerificationError: what was published does not satisfy the policy of today.
        """
        now, note = self._clock(), self._published().log.note
        checkpoint = verify_checkpoint(note, policy=self._policy, now=now)
        return show_head(checkpoint, self._policy, self._nodes(), now=now)

    def entries(self, number: int) -> EntriesPage:
        """Page `number` of the entries; an empty log has one page.

        Raises:
            RefusedError: NOT_FOUND, there is no such page.
        """
        published = self._published()
        size, logged = published.log.tree_size, published.times.of
        last = max(1, -(-size // PAGE_ENTRIES))
        if not 1 <= number <= last:
            raise RefusedError(Code.NOT_FOUND, f"the last page is {last}")
        end = size - (number - 1) * PAGE_ENTRIES
        begin = max(0, end - PAGE_ENTRIES)
        leaves = self._store.read_leaves(begin, end)
        shown = tuple(
            show_entry(index, leaf, logged=logged(index)) for index, leaf in enumerate(leaves, start=begin)
        )
        return EntriesPage(number, last, size, shown[::-1])

    def entry(self, leaf_index: int) -> EntryPage:
        """The entry at `leaf_index`.

        Raises:
            RefusedError: NOT_FOUND, the published log has none there.
        """
        published = self._published()
        size = published.log.tree_size
        if not 0 <= leaf_index < size:
            raise RefusedError(Code.NOT_FOUND, f"the published log has {size} entries, counted from 0")
        [leaf] = self._store.read_leaves(leaf_index, leaf_index + 1)
        return EntryPage(show_entry(leaf_index, leaf, logged=published.times.of(leaf_index)), size)

    def did(self, did: str) -> ShownDid:
        """The history of `did`.

        Raises:
            MalformedError: not a did:webvh.
            RefusedError: DID_NOT_FOUND, nothing is published about it.
        """
        published = self._published()
        stored = self._store.entries_about(did_subject(did).key, published.log.tree_size)
        if not stored:
            raise RefusedError(Code.DID_NOT_FOUND)
        kept = self._kept.get(did)
        if kept is not None and len(kept.entries) == len(stored):
            return kept
        entries = [
            SubjectEntry(entry.leaf_index, published.times.of(entry.leaf_index), entry.leaf)
            for entry in stored
        ]
        shown = show_did(did, entries, now=self._clock())
        if shown.trouble is None:
            self._keep(shown)
        return shown

    def accreditations(self, did: str | None = None, vct: str | None = None) -> AccreditationsPage:
        """What `did` has, gave or stands above; without it, all accreditations. For `vct`, or any type."""
        trees = self._book.trees()
        trees = trees if did is None else about(trees, did)
        trees = trees if vct is None else of_type(trees, vct)
        return AccreditationsPage(did, vct, cut(trees, MAX_SHOWN), count(trees), self._clock())

    def type(self, vct: str) -> TypePage:
        """What is published about the type `vct`, if there is anything.

        Raises:
            MalformedError: it cannot be the name of a type.
        """
        return TypePage(vct, self._said_of(vct), self.accreditations(vct=vct))

    def find(self, question: Question) -> Found:
        """What is published that `question` asks for; nothing, if that is so."""
        size = self._size()
        match question:
            case DidQuestion(did):
                is_there = bool(self._store.entries_about(did_subject(did).key, size))
                return Found(dids=(did,) if is_there else ())
            case NameQuestion(name):
                names = tuple(self._store.find_names(name.strip("/"), size, limit=MAX_FOUND))
                is_type = bool(self._said_of(name) or of_type(self._book.trees(), name))
                return Found(names, types=(name,) if is_type else ())
            case IndexQuestion(leaf_index):
                # A name may be a number, too.
                names = tuple(self._store.find_names(str(leaf_index), size, limit=MAX_FOUND))
                return Found(names, (leaf_index,) if leaf_index < size else ())
            case HashQuestion(leaf_hash):
                found = self._store.find_leaf(leaf_hash)
                return Found(entries=() if found is None or found >= size else (found,))

    def _said_of(self, vct: str) -> tuple[LoggedType, ...]:
        published = self._published()
        stored = self._store.entries_about(type_subject(vct).key, published.log.tree_size)
        return logged_types(
            SubjectEntry(entry.leaf_index, published.times.of(entry.leaf_index), entry.leaf)
            for entry in stored
        )

    def _keep(self, shown: ShownDid) -> None:
        # A long history takes a while to verify, and strangers can ask for it as often as they like.
        self._kept[shown.did] = shown
        for oldest in list(self._kept)[:-_MAX_KEPT]:
            self._kept.pop(oldest, None)

    def _size(self) -> int:
        return self._published().log.tree_size
