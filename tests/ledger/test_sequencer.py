import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from ledger.placement import Logged
from ledger.publisher import REFRESH_AFTER
from ledger.sequencer import MAX_WAITING, Sequencer
from ledger.store import LedgerStore
from ledger.stored_tree import Head, Publication
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.records import DidRecord, Record
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.merkle import EMPTY_ROOT, RightEdge, hash_leaf
from protocol.tlog.policy import VerifiedCheckpoint, verify_checkpoint
from protocol.tlog.tiles import HashTile
from tests.ledger.world import KEYS, NOW, POLICY, Clock, World, create, history, names, record, update

SECONDS = 20


def verified(publication: Publication | None, world: World) -> VerifiedCheckpoint:
    assert publication is not None
    return verify_checkpoint(publication.note, policy=POLICY, now=world.clock())


def root_of(records: Sequence[DidRecord]) -> bytes:
    return RightEdge().append(hash_leaf(record.leaf) for record in records).root_hash()


def log(sequencer: Sequencer, *records: DidRecord) -> list[Logged]:
    return [answer.result(SECONDS) for answer in [sequencer.submit(record) for record in records]]


def refused(sequencer: Sequencer, record: DidRecord) -> TallyError:
    with pytest.raises(TallyError) as caught:
        sequencer.submit(record).result(SECONDS)
    return caught.value


def test_empty_log_is_published_at_once(world: World) -> None:
    with world.sequencer() as sequencer:
        checkpoint = verified(sequencer.published.log, world)
    assert (checkpoint.tree_size, checkpoint.root_hash, checkpoint.time) == (0, EMPTY_ROOT, NOW)


@pytest.mark.both_engines
def test_answer_comes_when_the_record_is_published(world: World) -> None:
    records = [*names(3), *history("university", 1)]
    with world.sequencer() as sequencer:
        for number, each in enumerate(records):
            assert log(sequencer, each) == [Logged(number, hash_leaf(each.leaf))]
            checkpoint = verified(sequencer.published.log, world)
            assert (checkpoint.tree_size, checkpoint.root_hash) == (
                number + 1,
                root_of(records[: number + 1]),
            )
            assert world.store().publication() == sequencer.published.log


@pytest.mark.both_engines
def test_many_at_once_share_commits_and_keep_their_order(world: World) -> None:
    records = names(600)
    store = CountingStore(world.engine)
    with world.sequencer(store) as sequencer:
        logged = log(sequencer, *records)
    assert [answer.leaf_index for answer in logged] == list(range(600))
    assert 3 <= store.appends < 600
    assert verified(world.store().publication(), world).root_hash == root_of(records)


@pytest.mark.both_engines
def test_same_record_from_64_at_once_is_logged_once(world: World) -> None:
    [university] = history("university", 1)
    with world.sequencer() as sequencer, ThreadPoolExecutor(64) as threads:
        start = threading.Barrier(64)

        def submit() -> Logged:
            start.wait()
            return sequencer.submit(university).result(SECONDS)

        answers = [each.result() for each in [threads.submit(submit) for _ in range(64)]]
        assert set(answers) == {Logged(0, hash_leaf(university.leaf))}
        assert sequencer.published.log.tree_size == 1
        assert log(sequencer, university) == answers[:1]
        assert sequencer.published.log.tree_size == 1


@pytest.mark.both_engines
def test_first_of_two_successors_wins_and_the_second_is_refused(world: World) -> None:
    first = create("university")
    rivals = [record(update(first.version, ttl=ttl)) for ttl in (60, 90)]
    with world.sequencer() as sequencer:
        log(sequencer, record(first))
        # Once while the first is written, once after it was.
        answers = [sequencer.submit(rival) for rival in (*rivals, rivals[1])]
        assert answers[0].result(SECONDS).leaf_index == 1
        for answer in answers[1:]:
            with pytest.raises(RefusedError) as caught:
                answer.result(SECONDS)
            assert caught.value.code is Code.DID_FORK
        assert refused(sequencer, rivals[1]).code is Code.DID_FORK
        assert sequencer.published.log.tree_size == 2


@pytest.mark.both_engines
def test_name_that_is_taken_is_refused(world: World) -> None:
    mine = record(create("university"))
    theirs = record(create("university", time=NOW))
    assert mine.did.scid != theirs.did.scid
    with world.sequencer() as sequencer:
        answers = [sequencer.submit(mine), sequencer.submit(theirs)]
        assert answers[0].result(SECONDS).leaf_index == 0
        with pytest.raises(RefusedError) as caught:
            answers[1].result(SECONDS)
        assert caught.value.code is Code.ENTRY_NOT_ADMITTED
        assert refused(sequencer, theirs).code is Code.ENTRY_NOT_ADMITTED
        assert log(sequencer, *history("other", 1))[0].leaf_index == 1


def test_log_goes_on_where_it_stopped(world: World) -> None:
    records = names(300)
    for begin, end in [(0, 3), (3, 257), (257, 300)]:
        with world.sequencer() as sequencer:
            assert sequencer.published.log.tree_size == begin
            log(sequencer, *records[begin:end])
    checkpoint = verified(world.store().publication(), world)
    assert (checkpoint.tree_size, checkpoint.root_hash) == (300, root_of(records))


def test_stopping_finishes_what_was_submitted_and_refuses_the_rest(world: World) -> None:
    with world.sequencer() as sequencer:
        answers = [sequencer.submit(each) for each in names(300)]
    assert [answer.result(0).leaf_index for answer in answers] == list(range(300))
    with pytest.raises(UnavailableError) as caught:
        sequencer.submit(names(1)[0])
    assert caught.value.code is Code.NETWORK_BUSY


def test_submission_behind_the_end_is_refused(world: World) -> None:
    store = CountingStore(world.engine)
    reached, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert go_on.wait(SECONDS)

    store.before_append = wait
    first, late = names(2)
    with world.sequencer(store) as sequencer:
        logged = sequencer.submit(first)
        assert reached.wait(SECONDS)
        stopping = threading.Thread(target=sequencer.__exit__)
        stopping.start()
        while sequencer._queue.empty():
            pass
        assert refused(sequencer, late).code is Code.NETWORK_BUSY
        go_on.set()
        stopping.join()
        assert logged.result(0).leaf_index == 0


def test_checkpoint_of_age_is_signed_anew_on_demand(world: World) -> None:
    with world.sequencer() as sequencer:
        log(sequencer, *names(2))
        assert not sequencer.needs_refresh()
        world.clock.time = NOW + REFRESH_AFTER
        assert sequencer.needs_refresh()
        sequencer.refresh().result(SECONDS)
        assert not sequencer.needs_refresh()
        checkpoint = verified(sequencer.published.log, world)
    assert (checkpoint.tree_size, checkpoint.time) == (2, NOW + REFRESH_AFTER)


def test_checkpoint_of_age_is_signed_anew_without_any_demand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.publisher._SHORTEST_WAIT", timedelta(milliseconds=1))
    published = threading.Semaphore(0)

    class Watched(CountingStore):
        def publish(self, publication: Publication, index: Publication | None = None) -> None:
            super().publish(publication, index)
            published.release()

    class Hurrying(Clock):
        def __call__(self) -> datetime:
            self.time += REFRESH_AFTER
            return self.time

    world.clock = Hurrying()
    with world.sequencer(Watched(world.engine)) as sequencer:
        for _ in range(5):
            assert published.acquire(timeout=SECONDS)
        assert sequencer.published.log.time > NOW + 4 * REFRESH_AFTER


class CountingStore(LedgerStore):
    """A store whose steps a test can watch and disturb."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.appends = 0
        self.before_append: Callable[[], None] = lambda: None
        self.after_append: Callable[[], None] = lambda: None

    def append(self, records: Sequence[Record], *, after: Head, then: Head) -> None:
        self.appends += 1
        self.before_append()
        super().append(records, after=after, then=then)
        self.after_append()


@pytest.mark.both_engines
def test_second_writer_is_noticed_by_the_head_and_stops_the_log(world: World) -> None:
    store = CountingStore(world.engine)
    with world.sequencer(store) as sequencer:
        log(sequencer, *names(2))
        before = sequencer.published.log
        other = names(1, "other")
        store.before_append = lambda: world.store().append(
            other, after=world.store().head(), then=Head(3, bytes(32))
        )
        assert refused(sequencer, names(3)[2]).code is Code.VAULT_CHANGED
        assert refused(sequencer, names(4)[3]).code is Code.VAULT_CHANGED
        assert sequencer.failure is not None
        assert sequencer.published.log == before
    assert store.appends == 2


@pytest.mark.both_engines
def test_head_that_moved_back_is_told_as_what_it_is(world: World) -> None:
    """As when a standby took over that did not have the last entries yet."""
    with world.sequencer() as sequencer:
        log(sequencer, *names(3))
        world.alter("UPDATE head SET tree_size = 2 WHERE tree = ?", "log")
        assert refused(sequencer, names(4)[3]).code is Code.LOG_ROLLBACK
        assert sequencer.failure is not None


@pytest.mark.parametrize("logged", [1, 2, 255, 256, 257])
@pytest.mark.parametrize("what", ["leaf", "tile"])
def test_bit_that_flips_between_append_and_signature_stops_the_log(
    world: World, logged: int, what: str
) -> None:
    """NT-L32, FI-C3."""
    records = names(logged + 1)
    store = CountingStore(world.engine)

    def flip() -> None:
        if what == "leaf":
            leaf = bytearray(records[logged].leaf)
            leaf[100] ^= 1
            world.alter("UPDATE entry SET leaf = ? WHERE leaf_index = ?", bytes(leaf), logged)
        else:
            hashes = bytearray(world.store().read_tiles([tile_of(logged)])[0])
            hashes[-1] ^= 1
            world.alter(
                "UPDATE tile SET hashes = ? WHERE level = 0 AND tile_index = ?",
                bytes(hashes),
                logged // 256,
            )

    with world.sequencer(store) as sequencer:
        log(sequencer, *records[:logged])
        before = sequencer.published.log
        store.after_append = flip
        assert refused(sequencer, records[logged]).code is Code.LOG_SELF_CHECK_FAILED
        assert refused(sequencer, records[0]).code is Code.LOG_SELF_CHECK_FAILED
        assert sequencer.published.log == before
        assert sequencer.failure is not None
    assert world.signer().last_signed.tree_size == logged
    with pytest.raises(UnavailableError) as caught, world.sequencer():
        pass
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def tile_of(leaf_index: int) -> HashTile:
    return HashTile(0, leaf_index // 256, leaf_index % 256 + 1)


def test_damage_under_the_last_signature_is_noticed_at_the_start(world: World) -> None:
    with world.sequencer() as sequencer:
        log(sequencer, *names(300))
    [hashes] = world.store().read_tiles([HashTile(1, 0, 1)])
    world.alter("UPDATE tile SET hashes = ? WHERE level = 1", bytes([hashes[0] ^ 1]) + hashes[1:])
    with pytest.raises(UnavailableError) as caught, world.sequencer():
        pass
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_damage_above_the_entries_is_noticed_before_signing(world: World) -> None:
    store = CountingStore(world.engine)
    with world.sequencer(store) as sequencer:
        log(sequencer, *names(300))
        store.after_append = lambda: world.alter("UPDATE tile SET hashes = ? WHERE level = 1", bytes(32))
        assert refused(sequencer, names(301)[300]).code is Code.LOG_SELF_CHECK_FAILED


def test_memory_of_another_tree_is_noticed_at_the_start(world: World) -> None:
    with world.sequencer() as sequencer:
        log(sequencer, *names(3))
    world.memory.write_text(encode_checkpoint(Checkpoint(KEYS.origin, 3, bytes(32))))
    with pytest.raises(UnavailableError) as caught, world.sequencer():
        pass
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_restored_old_database_is_noticed_at_the_start(world: World) -> None:
    with world.sequencer() as sequencer:
        log(sequencer, *names(3))
    world.alter("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = world.database.read_bytes()
    with world.sequencer() as sequencer:
        log(sequencer, *names(5))
    world.close()
    for file in world.folder.glob("ledger.sqlite*"):
        file.unlink()
    world.database.write_bytes(backup)
    with pytest.raises(RefusedError) as caught, world.sequencer():
        pass
    assert caught.value.code is Code.LOG_ROLLBACK


@pytest.mark.both_engines
def test_entries_of_a_writer_that_died_before_signing_are_signed_at_the_next_start(world: World) -> None:
    records = names(5)
    edge = RightEdge().append(hash_leaf(each.leaf) for each in records)
    world.store().append(records, after=Head(0, EMPTY_ROOT), then=Head(5, edge.root_hash()))
    with world.sequencer() as sequencer:
        checkpoint = verified(sequencer.published.log, world)
        assert log(sequencer, records[3])[0].leaf_index == 3
    assert (checkpoint.tree_size, checkpoint.root_hash) == (5, edge.root_hash())


@pytest.mark.parametrize("code", [Code.DISK_FULL, Code.DATABASE_BUSY, Code.DATABASE_UNAVAILABLE])
@pytest.mark.parametrize("committed", [False, True])
def test_log_recovers_from_a_full_disk_and_a_busy_database(
    world: World, code: Code, committed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    store = CountingStore(world.engine)

    def fail() -> None:
        raise UnavailableError(code)

    records = names(3)
    with world.sequencer(store) as sequencer:
        log(sequencer, records[0])
        if committed:
            store.after_append = fail
        else:
            store.before_append = fail
        assert refused(sequencer, records[1]).code is code
        assert refused(sequencer, records[2]).code is code
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert sequencer.failure is None
        assert sequencer.trouble is not None
        store.after_append = store.before_append = lambda: None
        # Whether it was committed or not: submitting it again gives it one place.
        assert [answer.leaf_index for answer in log(sequencer, *records)] == [0, 1, 2]
        assert sequencer.trouble is None
        assert verified(sequencer.published.log, world).root_hash == root_of(records)


def test_trouble_of_the_database_is_over_before_somebody_submits_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a proxy that sends nobody to a server in trouble would keep it there."""
    monkeypatch.setattr("ledger.publisher._PAUSE_SECONDS", 0.1)
    store = CountingStore(world.engine)

    def fail() -> None:
        raise UnavailableError(Code.DATABASE_BUSY)

    store.before_append = fail
    with world.sequencer(store) as sequencer:
        assert refused(sequencer, names(1)[0]).code is Code.DATABASE_BUSY
        assert sequencer.trouble is not None
        end = time.monotonic() + 10
        while sequencer.trouble is not None:
            assert time.monotonic() < end
            threading.Event().wait(0.005)


@pytest.mark.parametrize("error", [UnavailableError(Code.DISK_ERROR), ZeroDivisionError()])
def test_log_in_doubt_stops(world: World, error: Exception) -> None:
    store = CountingStore(world.engine)

    def fail() -> None:
        raise error

    with world.sequencer(store) as sequencer:
        log(sequencer, *names(1))
        store.before_append = fail
        expected = error.code if isinstance(error, TallyError) else Code.INTERNAL_ERROR
        assert refused(sequencer, names(2)[1]).code is expected
        store.before_append = lambda: None
        assert refused(sequencer, names(2)[1]).code is expected
        with pytest.raises(TallyError):
            sequencer.refresh().result(SECONDS)
        assert sequencer.published.log.tree_size == 1


def test_more_submissions_than_can_wait_are_refused(world: World) -> None:
    store = CountingStore(world.engine)
    reached, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert go_on.wait(SECONDS)

    store.before_append = wait
    [university] = history("university", 1)
    with world.sequencer(store) as sequencer:
        answers = [sequencer.submit(university)]
        assert reached.wait(SECONDS)
        answers += [sequencer.submit(university) for _ in range(MAX_WAITING)]
        with pytest.raises(UnavailableError) as caught:
            sequencer.submit(university)
        assert caught.value.code is Code.NETWORK_BUSY
        go_on.set()
        assert {answer.result(SECONDS).leaf_index for answer in answers} == {0}


def test_waiter_that_gives_up_does_not_disturb_the_log(world: World) -> None:
    with world.sequencer() as sequencer:
        answer = sequencer.submit(names(1)[0])
        assert not answer.cancel()
        assert answer.result(SECONDS).leaf_index == 0
        assert log(sequencer, *names(2))[1].leaf_index == 1


def test_times_on_the_ledger_are_the_clocks(world: World) -> None:
    world.clock.time = NOW + timedelta(days=1, milliseconds=500)
    with world.sequencer() as sequencer:
        assert sequencer.published.log.time == NOW + timedelta(days=1)
    assert KEYS.origin in sequencer.published.log.note
