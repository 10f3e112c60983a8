"""Several front ends on one PostgreSQL: one writes, and who submits cannot tell which."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert

from ledger.admission import Admission
from ledger.followed_log import FollowedLog
from ledger.front_end import FrontEnd
from ledger.lease import Lease
from ledger.placement import Logged
from ledger.signer import load_signers
from ledger.stored_tree import Head
from ledger.tables import WAITING
from ledger.tree import Tree
from ledger.waiting_room import Left, WaitingRoom
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.records import DidRecord, Record
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import hash_leaf
from tests.ledger.shared_ledger import Shared
from tests.ledger.world import AUTHORITY, NOW, append, create, names, record, update
from tests.postgres import PostgresServer

SECONDS = 20


def wait_until(held: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not held():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


@pytest.fixture
def pair(shared: Shared) -> tuple[FrontEnd, FrontEnd]:
    """One that writes, and one that follows."""
    first = shared.start()
    wait_until(lambda: first.is_writing)
    return first, shared.start()


def result(answer: "Future[Logged]") -> int | Code:
    try:
        return answer.result(SECONDS).leaf_index
    except TallyError as error:
        return error.code


def log(front_end: FrontEnd, *records: Record) -> list[int | Code]:
    return [result(answer) for answer in [front_end.submit(each) for each in records]]


def test_follower_answers_as_the_writer_does_and_shows_what_it_answers(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd]
) -> None:
    first, second = pair
    records = names(6)
    assert log(first, *records[:2]) == [0, 1]
    assert log(second, *records[1:4]) == [1, 2, 3]
    assert not second.is_writing
    assert second.published.log.tree_size == 4
    assert log(first, *records[3:5]) == [3, 4]
    logged = second.submit(records[5]).result(SECONDS)
    assert logged == Logged(5, hash_leaf(records[5].leaf))
    assert (second.published.log, second.published.index) == (first.published.log, first.published.index)
    assert second.published.index_entry == first.published.index_entry
    assert second.published.map.root_hash == first.published.map.root_hash
    wait_until(lambda: shared.waiting() == 0)


def test_follower_refuses_as_the_writer_does(pair: tuple[FrontEnd, FrontEnd]) -> None:
    first, second = pair
    begun = create("university")
    rivals = [record(update(begun.version, ttl=ttl)) for ttl in (60, 90)]
    assert log(second, record(begun), rivals[0]) == [0, 1]
    taken = record(create("university", time=NOW))
    for front_end in (first, second):
        refusals = []
        for rival in (rivals[1], taken):
            with pytest.raises(RefusedError) as caught:
                front_end.submit(rival).result(SECONDS)
            refusals.append((caught.value.code, caught.value.detail))
        assert refusals == [
            (Code.DID_FORK, "another version 2 is logged"),
            (Code.ENTRY_NOT_ADMITTED, "the name is taken"),
        ]


def test_what_two_front_ends_are_given_at_once_is_logged_once(pair: tuple[FrontEnd, FrontEnd]) -> None:
    records = names(100)
    answers = [[front_end.submit(each) for each in records] for front_end in pair]
    places = [[result(answer) for answer in each] for each in answers]
    assert places[0] == places[1]
    assert sorted(places[0]) == list(range(100))


def test_follower_admits_on_top_of_what_another_has_logged(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd]
) -> None:
    first, second = pair
    begun = create("university")
    admission = Admission(shared.world.store(), authority=AUTHORITY)
    log(first, record(begun))
    successor = record(update(begun.version))
    admission.admit(successor, now=NOW)
    assert log(second, successor) == [1]


def test_when_the_writer_stops_the_other_goes_on(shared: Shared) -> None:
    with ExitStack() as stopped:
        first = Shared(shared.world, stopped).start()
        log(first, *names(3))
        shared.numbers.append(0)
        second = shared.start()
        wait_until(lambda: second.published.log.tree_size == 3 if second._log.is_published else False)
    wait_until(lambda: second.is_writing)
    assert log(second, *names(5)) == [0, 1, 2, 3, 4]
    assert first.failure is not None


def test_writer_that_lost_its_turn_loses_nothing_of_what_it_was_given(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    records = names(40)
    log(first, *records[:2])
    reached, go_on = threading.Event(), threading.Event()
    store = first._log.store
    honest = store.append

    def suspended(records: list[DidRecord], *, after: Head, then: Head) -> None:
        reached.set()
        assert go_on.wait(SECONDS)
        honest(records, after=after, then=then)

    monkeypatch.setattr(store, "append", suspended)
    answers = [first.submit(each) for each in records]
    assert reached.wait(SECONDS)
    epoch = store.turn.epoch
    shared.take_lease()
    elsewhere = [second.submit(each) for each in reversed(records)]
    go_on.set()
    places = [result(answer) for answer in answers]
    assert sorted(places) == list(range(40))
    assert [result(answer) for answer in elsewhere] == places[::-1]
    assert first.failure is second.failure is None
    [(now,)] = shared.rows("SELECT epoch FROM lease")
    assert now > epoch
    stored = shared.world.store().read_leaves(0, 40)
    assert [stored[place] for place in places] == [each.leaf for each in records]  # type: ignore[index]


def test_writer_that_cannot_publish_lets_another_try(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine is cut off from the nodes, or has no room on its disk; that of the other is not."""
    first, second = pair
    records = names(3)
    log(first, *records[:2])
    monkeypatch.setattr("ledger.turns.STEP_BACK_AFTER", timedelta(0))

    def cut_off(*_candidates: object, **_within: object) -> None:
        raise UnavailableError(Code.LOG_QUORUM_MISSING)

    monkeypatch.setattr(first._cosigners, "have_cosigned", cut_off)
    assert log(first, records[2]) == [2]
    assert second.is_writing
    assert first.failure is second.failure is None


def test_writer_that_was_overtaken_under_its_own_epoch_gives_its_turn_away_and_goes_on(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd]
) -> None:
    """Two have one epoch where old rows of the lease and of the heads were put back."""
    first, second = pair
    records = names(3)
    assert log(first, records[0]) == [0]
    rival = shared.world.store()
    [(rival.turn.epoch,)] = shared.rows("SELECT epoch FROM lease")
    append(rival, [records[1]])
    assert log(first, records[2]) == log(second, records[2]) == [2]
    assert log(first, records[1]) == [1]
    assert first.failure is second.failure is None


def test_entry_that_was_committed_and_not_published_keeps_its_place(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _second = pair
    records = names(3)
    log(first, *records[:2])
    honest = first._log.store.publish

    def late(*publications: object) -> None:
        shared.take_lease()
        honest(*publications)  # type: ignore[arg-type]

    monkeypatch.setattr(first._log.store, "publish", late)
    answer = first.submit(records[2])
    wait_until(lambda: shared.world.store().head().tree_size == 3)
    monkeypatch.undo()
    assert result(answer) == 2
    assert shared.world.store().head().tree_size == 3


def test_follower_remembers_beside_its_key_what_another_has_published(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd]
) -> None:
    first, second = pair
    log(first, *names(3))
    wait_until(lambda: second._log.is_published and second.published.log.tree_size == 3)
    signers = [load_signers(shared.world.keys, shared.folder(number)) for number in range(2)]
    assert signers[0].log.last_signed == signers[1].log.last_signed
    assert signers[0].index.last_signed == signers[1].index.last_signed
    assert signers[1].log.last_signed.tree_size == 3
    assert second.signed_size(Tree.LOG) == first.signed_size(Tree.LOG) == 3
    assert second.signed_size(Tree.INDEX) == first.signed_size(Tree.INDEX)


def test_follower_shows_nothing_beside_what_it_has_signed_itself(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd]
) -> None:
    """It signed more than anybody published, and the server that took over did not have it yet."""
    first, second = pair
    log(first, *names(1))
    wait_until(lambda: second._log.is_published and second.published.log.tree_size == 1)
    signer = second._log.signers.log
    signer.remember(Checkpoint(signer.origin, 9, bytes(32)))
    log(first, *names(3))
    wait_until(lambda: second.failure is not None)
    assert second.failure.code is Code.LOG_SELF_CHECK_FAILED  # type: ignore[union-attr]
    assert second.published.log.tree_size == 1


def test_every_front_end_notices_a_database_that_shows_less_than_it_did(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd]
) -> None:
    first, second = pair
    shared.world.alter("CREATE TABLE kept AS SELECT * FROM checkpoint")
    wait_until(lambda: len(shared.rows("SELECT 1 FROM kept")) == 2 or keep(shared))
    log(first, *names(3))
    wait_until(lambda: second._log.is_published and second.published.log.tree_size == 3)
    with shared.world.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM checkpoint")
        connection.exec_driver_sql("INSERT INTO checkpoint SELECT * FROM kept")
    for front_end in (first, second):
        wait_until(lambda each=front_end: each.failure is not None)  # type: ignore[misc]
        with pytest.raises(RefusedError) as caught:
            front_end.submit(names(4)[3])
        assert caught.value.code is Code.LOG_ROLLBACK
        # It still shows what it knows.
        assert front_end.published.log.tree_size == 3


def keep(shared: Shared) -> bool:
    shared.world.alter("DELETE FROM kept")
    shared.world.alter("INSERT INTO kept SELECT * FROM checkpoint")
    return False


def test_front_end_without_its_database_refuses_as_the_writer_does_and_goes_on(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd], postgres: PostgresServer
) -> None:
    records = names(4)
    log(pair[1], *records[:2])
    postgres.crash()
    try:
        for front_end in pair:
            assert log(front_end, records[2]) == [Code.DATABASE_UNAVAILABLE]
            assert front_end.failure is None
    finally:
        postgres.start()
    for front_end in pair:
        assert log(front_end, *records) == [0, 1, 2, 3]


def test_entry_that_changed_while_it_waited_is_not_logged_and_its_submitter_told(
    shared: Shared, pair: tuple[FrontEnd, FrontEnd]
) -> None:
    records = names(2)
    room = WaitingRoom(shared.world.engine)
    # A bit of the proof: it reads well, and no node would ever cosign it.
    leaf = records[0].leaf.replace(b'"proofValue":"z', b'"proofValue":"z2', 1)
    with shared.world.engine.begin() as connection:
        wrong = {"leaf": leaf, "leaf_hash": hash_leaf(records[0].leaf)}
        ticket = connection.execute(insert(WAITING).values(**wrong).returning(WAITING.c.ticket)).scalar_one()
    wait_until(lambda: ticket in room.answers([ticket]))
    outcome = room.answers([ticket])[ticket]
    assert isinstance(outcome, UnavailableError)
    assert outcome.code is Code.LOG_SELF_CHECK_FAILED
    assert log(pair[1], *records) == [0, 1]
    assert shared.world.store().head().tree_size == 2


def test_answer_that_changed_while_it_waited_acknowledges_nothing(
    pair: tuple[FrontEnd, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = names(3)
    log(pair[0], *records[:2])
    honest = WaitingRoom.answer

    def flip(room: WaitingRoom, outcomes: dict[int, Logged]) -> None:
        honest(
            room, {ticket: replace(each, leaf_index=each.leaf_index ^ 1) for ticket, each in outcomes.items()}
        )

    monkeypatch.setattr(WaitingRoom, "answer", flip)
    assert log(pair[1], records[0]) == [Code.LOG_SELF_CHECK_FAILED]
    monkeypatch.undo()
    assert log(pair[1], *records) == [0, 1, 2]


def test_submission_that_nobody_takes_up_is_refused_after_a_while(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.left_submissions.WAIT_FOR_WRITER", timedelta(0))
    monkeypatch.setattr(Lease, "take", lambda _self: False)
    front_end = shared.start()
    with pytest.raises(UnavailableError) as caught:
        front_end.submit(names(1)[0]).result(SECONDS)
    assert caught.value.code is Code.NETWORK_BUSY
    assert "no front end" in caught.value.detail


def test_answer_that_nobody_comes_for_is_swept_out(shared: Shared) -> None:
    room = WaitingRoom(shared.world.engine)
    leaves = [each.leaf for each in names(3)]
    tickets = room.enter(leaves)
    left = room.waiting(without=[tickets[0]], limit=1)
    assert left == {tickets[1]: Left(leaves[1], hash_leaf(leaves[1]))}
    assert left[tickets[1]].record().leaf == leaves[1]
    room.answer({tickets[0]: Logged(7, hash_leaf(leaves[0])), tickets[1]: RefusedError(Code.DID_FORK, "no")})
    assert room.waiting(without=(), limit=9).keys() == {tickets[2]}
    found = room.answers(tickets)
    assert found[tickets[0]] == Logged(7, hash_leaf(leaves[0]))
    error = found[tickets[1]]
    assert isinstance(error, RefusedError)
    assert (error.code, error.detail) == (Code.DID_FORK, "no")
    assert tickets[2] not in found
    shared.world.alter("UPDATE waiting SET answered = now() - interval '1 hour' WHERE leaf_index = 7")
    room.answer({})
    assert room.answers(tickets).keys() == {tickets[1]}
    room.leave(tickets)
    assert shared.waiting() == 0


def test_front_end_that_was_never_begun_has_signed_nothing(shared: Shared) -> None:
    with shared.world.front_end() as front_end:
        with pytest.raises(UnavailableError) as caught:
            _ = front_end.published
        assert caught.value.code is Code.LOG_UNPUBLISHED
        waiting = front_end.submit(names(1)[0])
    assert result(waiting) is Code.NETWORK_BUSY
    assert FollowedLog(shared.world.store(), shared.world.signers()).signers.log.last_signed.tree_size == 0
