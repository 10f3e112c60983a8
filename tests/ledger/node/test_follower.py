import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.node.follower import MAX_WAITING, Follower
from ledger.node.witness import SignedCheckpoint
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.tlog.fork import parse_fork_evidence, verify_fork_evidence
from tests.ledger.node.followed_log import CopyDesk, FollowedLog, Gate, open_store, wait_until
from tests.ledger.world import OTHER_KEY, append, create, names, record
from tests.webvh_logs import forge_next

SOON = timedelta(milliseconds=1)


def refusal(follower: Follower, signed: SignedCheckpoint) -> TallyError:
    with pytest.raises(TallyError) as caught:
        follower.require(signed)
    return caught.value


@contextmanager
def forked(desk: CopyDesk, tmp_path: Path) -> Iterator[FollowedLog]:
    """Another history, signed with the same key, which the log shows from now on."""
    own, other = desk.log.store, FollowedLog(open_store(tmp_path / "other"))
    desk.log.store = other.store
    yield other
    desk.log.store = own
    other.store.close()


def test_request_waits_until_the_copy_reaches_it(desk: CopyDesk, log: FollowedLog) -> None:
    with desk.follower() as follower:
        for end in (1, 300, 301):
            target = log.log(names(end - desk.copy.tree_size, f"to-{end}"))
            follower.require(target)
            assert desk.copy.tree_size == end
        assert follower.trouble is None


def test_inadmissible_entry_stays_the_trouble_while_the_log_shows_only_what_lies_before(
    desk: CopyDesk, log: FollowedLog
) -> None:
    log.publish(names(1))
    foreign = log.log([record(create("city", host="other.localhost"))])
    desk.interval = SOON

    def look_on(follower: Follower) -> Code | None:
        """What is wrong after the published state was looked at several times more."""
        looked = len(log.read)
        wait_until(lambda: len(log.read) > looked + 5)
        return None if follower.trouble is None else follower.trouble.code

    with desk.follower() as follower:
        assert refusal(follower, foreign).code is Code.LOG_ENTRY_INADMISSIBLE
        assert look_on(follower) is Code.LOG_ENTRY_INADMISSIBLE
    # Also after a restart, when nobody asks.
    desk.reopen()
    with desk.follower() as follower:
        assert look_on(follower) is Code.LOG_ENTRY_INADMISSIBLE
    # Until the copy has passed it.
    append(desk.store, names(1, "instead"))
    desk.reopen()
    with desk.follower() as follower:
        assert look_on(follower) is None
    assert desk.trouble is None


def test_several_requests_at_once_are_all_answered(desk: CopyDesk, log: FollowedLog) -> None:
    targets = [log.log(names(3, f"batch-{number}")) for number in range(MAX_WAITING)]
    reached: list[int] = []

    def ask(target: SignedCheckpoint) -> None:
        follower.require(target)
        reached.append(target.tree_size)

    with desk.follower() as follower:
        threads = [threading.Thread(target=ask, args=(target,)) for target in targets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(reached) == [target.tree_size for target in targets]


def test_slow_log_is_not_waited_for_and_copied_all_the_same(desk: CopyDesk, log: FollowedLog) -> None:
    target = log.log(names(3))
    log.change = gate = Gate()
    desk.patience = SOON
    with desk.follower() as follower:
        error = refusal(follower, target)
        assert isinstance(error, UnavailableError)
        assert (error.code, error.detail) == (Code.NODE_BEHIND, "0 of 3 entries")
        gate.open()
        wait_until(lambda: desk.copy.tree_size == 3)
        follower.require(target)


def test_more_requests_than_may_wait_are_told_to_come_again(desk: CopyDesk, log: FollowedLog) -> None:
    target = log.log(names(3))
    log.change = gate = Gate()
    waiting = threading.Semaphore(0)

    def ask() -> None:
        waiting.release()
        follower.require(target)

    with desk.follower() as follower:
        threads = [threading.Thread(target=ask) for _ in range(MAX_WAITING)]
        for thread in threads:
            thread.start()
        for _ in threads:
            waiting.acquire()
        gate.reached.wait(30)
        wait_until(lambda: follower.waiting == MAX_WAITING)
        assert refusal(follower, target).code is Code.NETWORK_BUSY
        gate.open()
        for thread in threads:
            thread.join()
    assert desk.copy.tree_size == 3


def test_what_is_published_is_copied_unasked(desk: CopyDesk, log: FollowedLog) -> None:
    log.publish(names(300))
    desk.interval = SOON
    with desk.follower() as follower:
        wait_until(lambda: desk.copy.tree_size == 300)
        log.publish(names(2, "more"))
        wait_until(lambda: desk.copy.tree_size == 302)
        assert follower.trouble is None


def test_log_that_vanishes_is_a_trouble_until_it_is_back(desk: CopyDesk, log: FollowedLog) -> None:
    log.publish(names(3))
    log.gone = True
    desk.interval = SOON
    with desk.follower() as follower:
        wait_until(lambda: desk.trouble is not None)
        note = desk.trouble
        assert note is not None
        assert (note.code, note.since) == (Code.NETWORK_LEDGER_UNREACHABLE, desk.clock.time)
        assert follower.trouble is not None
        log.gone = False
        wait_until(lambda: desk.copy.tree_size == 3 and desk.trouble is None)
        wait_until(lambda: follower.trouble is None)


def test_log_that_vanishes_midway_fails_the_request(desk: CopyDesk, log: FollowedLog) -> None:
    target = log.log(names(300))

    def vanish(path: str, data: bytes) -> bytes:
        if path.startswith("tile/entries/001"):
            raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE)
        return data

    log.change = vanish
    with desk.follower() as follower:
        assert refusal(follower, target).code is Code.NETWORK_LEDGER_UNREACHABLE
        assert desk.copy.tree_size == 256


@pytest.mark.both_engines
def test_inadmissible_entry_is_refused_noted_and_never_passed(desk: CopyDesk, log: FollowedLog) -> None:
    first = create("university")
    stolen = replace(names(1, "x")[0], leaf=forge_next(first.version, keys=(OTHER_KEY,)).encode())
    good = log.log([record(first)])
    bad = log.log([stolen, *names(2)])
    with desk.follower() as follower:
        for target in (bad, log.log(names(300, "later"))):
            error = refusal(follower, target)
            assert isinstance(error, VerificationError)
            assert error.code is Code.LOG_ENTRY_INADMISSIBLE
            assert error.detail.startswith("entry 1: did_key_not_authorized")
        follower.require(good)
        wait_until(lambda: desk.trouble is not None)
    note = desk.trouble
    assert note is not None
    assert note.code is Code.LOG_ENTRY_INADMISSIBLE
    assert desk.copy.tree_size == 1
    assert desk.kept == []


@pytest.mark.parametrize(("ours", "theirs"), [(3, 3), (3, 300), (300, 3), (256, 512)])
def test_second_history_is_kept_as_proof_and_changes_nothing(
    desk: CopyDesk, log: FollowedLog, tmp_path: Path, ours: int, theirs: int
) -> None:
    first = log.log(names(ours))
    with desk.follower() as follower:
        follower.require(first)
        with forked(desk, tmp_path) as other:
            second = other.log(names(theirs, "other"))
            for _ in range(2):
                error = refusal(follower, second)
                assert isinstance(error, VerificationError)
                assert error.code in (Code.LOG_FORK, Code.LOG_CONSISTENCY_INVALID)
            [file] = desk.kept
        follower.require(log.log(names(2, "more")))
    fork = verify_fork_evidence(parse_fork_evidence(file.read_text()))
    assert {fork.smaller, fork.larger} == {first.checkpoint, second.checkpoint}
    assert desk.copy.tree_size == ours + 2


def test_published_second_history_is_noticed_unasked(
    desk: CopyDesk, log: FollowedLog, tmp_path: Path
) -> None:
    log.publish(names(5))
    desk.interval = SOON
    with desk.follower():
        wait_until(lambda: desk.copy.tree_size == 5 and not desk.kept)
        wait_until(lambda: (desk.folder / "evidence").exists() and any((desk.folder / "evidence").iterdir()))
        with forked(desk, tmp_path) as other:
            log.published = other.publish(names(4, "other"))
            wait_until(lambda: len(desk.kept) == 1)
            wait_until(lambda: desk.trouble is not None)
    assert desk.copy.tree_size == 5


def test_older_state_of_the_own_branch_is_no_contradiction(desk: CopyDesk, log: FollowedLog) -> None:
    early = log.log(names(3))
    late = log.log(names(3, "late"))
    with desk.follower() as follower:
        follower.require(late)
        follower.require(early)
        assert follower.trouble is None
    assert desk.kept == []


def test_checkpoint_of_a_stranger_is_no_evidence(desk: CopyDesk, log: FollowedLog) -> None:
    published = log.publish(names(3))
    log.published = replace(published, note=published.note.replace("\n3\n", "\n2\n"))
    desk.interval = SOON
    with desk.follower():
        wait_until(lambda: desk.trouble is not None)
    note = desk.trouble
    assert note is not None
    assert note.code is Code.LOG_SIGNATURE_INVALID
    assert desk.kept == []
    assert desk.copy.tree_size == 0


def test_mistake_of_this_program_is_told_and_does_not_end_the_follower(
    desk: CopyDesk, log: FollowedLog, caplog: pytest.LogCaptureFixture
) -> None:
    target = log.log(names(3))

    def fail(_path: str, _data: bytes) -> bytes:
        raise RuntimeError

    log.change = fail
    with desk.follower() as follower:
        assert refusal(follower, target).code is Code.INTERNAL_ERROR
        log.change = lambda _path, data: data
        follower.require(target)
    assert "internal_error in the follower" in caplog.text


def test_follower_that_stops_answers_who_waits(desk: CopyDesk, log: FollowedLog) -> None:
    target = log.log(names(600))
    log.change = gate = Gate()
    answers: list[Code | None] = []

    def ask() -> None:
        with suppress(TallyError):
            follower.require(target)
            answers.append(None)
            return
        answers.append(Code.NETWORK_BUSY)

    with desk.follower() as follower:
        thread = threading.Thread(target=ask)
        thread.start()
        gate.reached.wait(30)
        follower.stop()
        gate.open()
    thread.join()
    assert answers == [Code.NETWORK_BUSY]
    assert desk.copy.tree_size == 256
