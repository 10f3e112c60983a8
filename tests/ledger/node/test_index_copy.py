"""A node computes the index log itself before it vouches for it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from ledger.index import LedgerIndex
from ledger.log_files import LogFiles
from ledger.node.index_copy import IndexCopy
from ledger.node.witness import SignedCheckpoint
from ledger.stored_tree import Head, StoredTree
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.index.leaf import IndexEntry, encode_index_entry, index_origin
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import RightEdge, hash_leaf
from protocol.tlog.tiles import EntryBundle, HashTile
from tests.ledger.node.followed_log import CopyDesk, FollowedLog
from tests.ledger.world import AUTHORITY, NOW, append, names

PATIENCE = timedelta(seconds=10)


class IndexFiles(LogFiles):
    """The operator's index log, whose files are changed on their way to the reader."""

    def __init__(self, tree: StoredTree) -> None:
        self.tree = tree
        self.change: Callable[[bytes], bytes] = lambda leaf: leaf

    def read_tiles(self, tiles: Sequence[HashTile]) -> list[bytes]:
        return self.tree.read_tiles(tiles)

    def read_bundle(self, bundle: EntryBundle) -> tuple[bytes, ...]:
        return tuple(map(self.change, self.tree.read_bundle(bundle)))


class Operator:
    """Logs, and states the index of each size, with what is in `log`."""

    def __init__(self, log: FollowedLog) -> None:
        self._log = log
        self.time = NOW
        self._index = LedgerIndex(log.store, AUTHORITY, published_size=0)
        self.files = IndexFiles(log.store.index)

    def state(self, count: int, prefix: str) -> SignedCheckpoint:
        """Log so many new DIDs, and sign the index log as it is then."""
        head = append(self._log.store, names(count, prefix))
        return signed(self._index.state(head, now=self.time))

    def lie(self) -> SignedCheckpoint:
        """State that the map is another than it is."""
        store, log = self._log.store.index, self._log.store.head()
        head = store.head()
        leaf = encode_index_entry(IndexEntry(AUTHORITY, log.tree_size, NOW, log.root_hash, bytes(32)))
        edge = RightEdge.load(head.tree_size, store.hash_reader(head.tree_size)).append([hash_leaf(leaf)])
        then = Head.of(edge)
        self._log.store.index.append([leaf], after=head, then=then)
        return signed(then)


def signed(head: Head) -> SignedCheckpoint:
    # Whose signature it bears was checked before.
    return SignedCheckpoint(Checkpoint(index_origin(AUTHORITY), head.tree_size, head.root_hash), "")


@pytest.fixture
def operator(log: FollowedLog) -> Operator:
    return Operator(log)


@pytest.fixture
def index_copy(desk: CopyDesk, operator: Operator) -> IndexCopy:
    return open_copy(desk, operator)


def open_copy(
    desk: CopyDesk,
    operator: Operator,
    *,
    patience: timedelta = PATIENCE,
    last_cosigned: Callable[[], datetime | None] = lambda: None,
) -> IndexCopy:
    size = desk.store.index.head().tree_size
    index = LedgerIndex(desk.store, AUTHORITY, published_size=size)
    return IndexCopy(
        index,
        desk.copy,
        operator.files,
        last_cosigned=last_cosigned,
        patience=patience,
        clock=lambda: NOW,
    )


def copy_log(desk: CopyDesk) -> None:
    desk.fill(desk.log.publish())


def refusal(index_copy: IndexCopy, wanted: SignedCheckpoint) -> TallyError:
    with pytest.raises(TallyError) as caught:
        index_copy.require(wanted)
    return caught.value


def test_index_that_follows_from_the_copy_is_vouched_for(
    desk: CopyDesk, operator: Operator, index_copy: IndexCopy
) -> None:
    for number in range(3):
        wanted = operator.state(5, f"batch-{number}")
        copy_log(desk)
        for _ in range(2):
            index_copy.require(wanted)
            assert desk.store.index.head() == Head(wanted.tree_size, wanted.root_hash)


def test_earlier_state_of_the_index_is_vouched_for_again(
    desk: CopyDesk, operator: Operator, index_copy: IndexCopy
) -> None:
    early, late = operator.state(2, "early"), operator.state(2, "late")
    copy_log(desk)
    index_copy.require(late)
    index_copy.require(early)


def test_index_goes_on_after_a_restart(desk: CopyDesk, operator: Operator) -> None:
    first = operator.state(3, "first")
    copy_log(desk)
    open_copy(desk, operator).require(first)
    second = operator.state(3, "second")
    copy_log(desk)
    open_copy(desk, operator).require(second)


def test_index_ahead_of_the_copy_is_not_known_yet(
    desk: CopyDesk, operator: Operator, index_copy: IndexCopy
) -> None:
    wanted = operator.state(3, "first")
    error = refusal(index_copy, wanted)
    assert isinstance(error, UnavailableError)
    assert error.code is Code.NODE_BEHIND
    copy_log(desk)
    index_copy.require(wanted)


def test_false_statement_is_never_vouched_for(
    desk: CopyDesk, operator: Operator, index_copy: IndexCopy
) -> None:
    honest = operator.state(3, "first")
    append(desk.log.store, names(1, "hidden"))
    false = operator.lie()
    copy_log(desk)
    for _ in range(2):
        error = refusal(index_copy, false)
        assert isinstance(error, VerificationError)
        assert error.code is Code.INDEX_ENTRY_INVALID
    index_copy.require(honest)


def test_entry_that_was_changed_on_its_way_is_not_stored(
    desk: CopyDesk, operator: Operator, index_copy: IndexCopy
) -> None:
    wanted = operator.state(3, "first")
    copy_log(desk)
    operator.files.change = lambda leaf: leaf + b" "
    assert refusal(index_copy, wanted).code is Code.LOG_TILE_INVALID
    assert desk.store.index.head().tree_size == 0
    operator.files.change = lambda leaf: leaf
    index_copy.require(wanted)


def test_other_index_log_of_the_same_size_is_a_fork(
    desk: CopyDesk, operator: Operator, index_copy: IndexCopy
) -> None:
    wanted = operator.state(3, "first")
    copy_log(desk)
    index_copy.require(wanted)
    assert refusal(index_copy, signed(Head(wanted.tree_size, bytes(32)))).code is Code.LOG_FORK


def test_larger_index_log_that_does_not_begin_with_the_copied_one_is_not_followed(
    desk: CopyDesk, operator: Operator, index_copy: IndexCopy
) -> None:
    first = operator.state(3, "first")
    copy_log(desk)
    index_copy.require(first)
    operator.state(3, "second")
    copy_log(desk)
    error = refusal(index_copy, signed(Head(2, bytes(32))))
    assert error.code is Code.LOG_CONSISTENCY_INVALID
    assert desk.store.index.head().tree_size == 1


def test_request_does_not_wait_for_more_than_it_has_patience(desk: CopyDesk, operator: Operator) -> None:
    operator.state(1, "first")
    operator.state(1, "second")
    wanted = operator.state(1, "third")
    copy_log(desk)
    impatient = open_copy(desk, operator, patience=timedelta(0))
    error = refusal(impatient, wanted)
    assert (error.code, error.detail) == (Code.NODE_BEHIND, "0 of 3 entries of the index")
    open_copy(desk, operator).require(wanted)


MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("stated", "cosigned", "held"),
    [
        (NOW + 5 * MINUTES, None, True),
        (NOW + 6 * MINUTES, None, False),
        (NOW - 300 * MINUTES, None, True),
        (NOW - 65 * MINUTES, NOW - 60 * MINUTES, True),
        (NOW - 66 * MINUTES, NOW - 60 * MINUTES, False),
    ],
)
def test_time_at_which_an_entry_was_not_there_is_refused(
    desk: CopyDesk, operator: Operator, stated: datetime, cosigned: datetime | None, held: bool
) -> None:
    index_copy = open_copy(desk, operator, last_cosigned=lambda: cosigned)
    operator.time = stated
    wanted = operator.state(3, "first")
    copy_log(desk)
    if held:
        index_copy.require(wanted)
    else:
        assert refusal(index_copy, wanted).code is Code.INDEX_ENTRY_INVALID
        assert desk.store.index.head().tree_size == 0
