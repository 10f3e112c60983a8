import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from doors.clock import stopwatch
from ledger.self_check import check_whole_log
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.records import DidRecord
from tests.ledger.node.followed_log import CopyDesk, FollowedLog, open_store, sign
from tests.ledger.world import OTHER_KEY, create, history, names, record
from tests.webvh_logs import forge_next


@pytest.fixture(scope="module")
def many() -> list[DidRecord]:
    """Records that fill two bundles and begin a third."""
    return [*history("university", 3), *names(597)]


def code_of(desk: CopyDesk, size: int, root: bytes | None = None) -> Code:
    with pytest.raises(TallyError) as caught:
        desk.fill(sign(size, root or desk.log.store.head().root_hash))
    return caught.value.code


@pytest.mark.both_engines
def test_copy_is_the_log_entry_by_entry_and_tile_by_tile(
    desk: CopyDesk, log: FollowedLog, many: list[DidRecord]
) -> None:
    target = log.log(many)
    desk.fill(target)
    assert desk.copy.tree_size == 600
    assert desk.leaves == [each.leaf for each in many]
    assert desk.store.head() == log.store.head()
    check_whole_log(desk.store)
    desk.copy.verify_holds(target)
    assert desk.store.dids() == log.store.dids()


@pytest.mark.parametrize("sizes", [(1, 2, 3), (255, 256, 257), (100, 356, 512, 600)])
def test_log_that_grows_is_followed_from_any_size_to_any(
    desk: CopyDesk, log: FollowedLog, many: list[DidRecord], sizes: tuple[int, ...]
) -> None:
    for begin, end in zip((0, *sizes), sizes, strict=False):
        target = log.log(many[begin:end])
        desk.fill(target)
        desk.copy.verify_holds(target)
    assert desk.leaves == [each.leaf for each in many[: sizes[-1]]]


def test_copy_ahead_of_a_checkpoint_holds_it_too(
    desk: CopyDesk, log: FollowedLog, many: list[DidRecord]
) -> None:
    early, late = log.log(many[:300]), log.log(many[300:])
    desk.fill(late)
    desk.copy.verify_holds(early)
    with pytest.raises(VerificationError) as caught:
        desk.copy.verify_holds(sign(300, late.root_hash))
    assert caught.value.code is Code.LOG_FORK


def test_copy_behind_a_checkpoint_does_not_know(desk: CopyDesk, log: FollowedLog) -> None:
    target = log.log(names(2))
    with pytest.raises(UnavailableError) as caught:
        desk.copy.verify_holds(target)
    assert (caught.value.code, caught.value.detail) == (Code.NODE_BEHIND, "0 of 2 entries")


def test_each_tile_is_read_once_on_the_way_to_one_checkpoint(
    desk: CopyDesk, log: FollowedLog, many: list[DidRecord]
) -> None:
    target = log.log(many)
    log.read.clear()
    desk.fill(target)
    tiles = [path for path in log.read if "entries" not in path]
    assert len(tiles) == len(set(tiles)) > 0


@pytest.mark.both_engines
def test_copy_goes_on_after_a_restart(desk: CopyDesk, log: FollowedLog, many: list[DidRecord]) -> None:
    target = log.log(many)
    desk.copy.extend(target)
    desk.reopen()
    assert desk.copy.tree_size == 256
    desk.fill(target)
    desk.copy.verify_holds(target)


def test_wrong_entry_is_not_stored_and_the_right_one_is_taken_later(desk: CopyDesk, log: FollowedLog) -> None:
    good = names(3)
    target = log.log(good)
    log.change = lambda path, data: good[0].leaf if "entries" in path else data
    assert code_of(desk, 3) is Code.LOG_TILE_INVALID
    assert desk.leaves == []
    log.change = lambda _path, data: data
    desk.fill(target)
    assert len(desk.leaves) == 3


@pytest.mark.parametrize("begun", [0, 256])
def test_wrong_tiles_prove_nothing_and_the_right_ones_are_read_later(
    desk: CopyDesk, log: FollowedLog, many: list[DidRecord], begun: int
) -> None:
    target = log.log(many)
    while desk.copy.tree_size < begun:
        desk.copy.extend(target)
    desk.reopen()
    log.change = lambda path, data: data if "entries" in path else bytes(len(data))
    # To a copy that holds something they look like the tiles of another history.
    expected = Code.LOG_CONSISTENCY_INVALID if begun else Code.LOG_TILE_INVALID
    assert code_of(desk, 600) is expected
    log.change = lambda path, data: data if "entries" in path else data[1:]
    assert code_of(desk, 600) is Code.LOG_TILE_INVALID
    assert desk.copy.tree_size == begun
    log.change = lambda _path, data: data
    desk.fill(target)
    desk.copy.verify_holds(target)


def test_other_branch_is_not_copied(desk: CopyDesk, log: FollowedLog, tmp_path: Path) -> None:
    desk.fill(log.log(names(3)))
    other = FollowedLog(open_store(tmp_path / "other"))
    longer = other.log(names(5, "other"))
    desk.log.store.close()
    desk.log.store = other.store
    with pytest.raises(VerificationError) as caught:
        desk.copy.extend(longer)
    assert caught.value.code is Code.LOG_CONSISTENCY_INVALID
    assert desk.leaves == [each.leaf for each in names(3)]


@pytest.mark.both_engines
def test_entry_that_was_never_admissible_ends_the_copy(desk: CopyDesk, log: FollowedLog) -> None:
    first = create("university")
    stolen = replace(names(1, "x")[0], leaf=forge_next(first.version, keys=(OTHER_KEY,)).encode())
    target = log.log([record(first), *names(2), stolen, *names(2, "after")])
    assert code_of(desk, 6) is Code.LOG_ENTRY_INADMISSIBLE
    # What stands before it is copied, and it is asked for again and again.
    assert desk.copy.tree_size == 3
    assert code_of(desk, 6) is Code.LOG_ENTRY_INADMISSIBLE
    with pytest.raises(UnavailableError):
        desk.copy.verify_holds(target)


def test_entry_that_was_too_early_for_a_slow_clock_is_taken_when_it_is_time(
    desk: CopyDesk, log: FollowedLog
) -> None:
    right = desk.clock.time
    target = log.log([record(create("university", time=right))])
    desk.clock.time = right.replace(year=2025)
    assert code_of(desk, 1) is Code.LOG_ENTRY_INADMISSIBLE
    desk.clock.time = right
    desk.fill(target)
    desk.copy.verify_holds(target)


def test_log_that_vanishes_midway_leaves_a_whole_chunk(
    desk: CopyDesk, log: FollowedLog, many: list[DidRecord]
) -> None:
    target = log.log(many)
    desk.copy.extend(target)
    log.gone = True
    assert code_of(desk, 600) is Code.NETWORK_LEDGER_UNREACHABLE
    check_whole_log(desk.store)
    assert desk.copy.tree_size == 256
    log.gone = False
    desk.fill(target)
    desk.copy.verify_holds(target)


def test_full_disk_stores_nothing_of_a_chunk_and_is_recovered_from(
    desk: CopyDesk, log: FollowedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = log.log(names(5))

    def full(*_arguments: object, **_options: object) -> None:
        raise UnavailableError(Code.DISK_FULL)

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "append", full)
        assert code_of(desk, 5) is Code.DISK_FULL
    assert desk.leaves == []
    desk.fill(target)
    assert len(desk.leaves) == 5


def test_stored_entry_that_changed_on_its_way_to_the_disk_ends_everything(
    desk: CopyDesk, log: FollowedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FI-C3: what is vouched for was read back from the disk."""
    target = log.log(names(5))
    append = desk.store.append

    def spoil(*arguments: object, **options: object) -> None:
        append(*arguments, **options)  # type: ignore[arg-type]
        with closing(sqlite3.connect(desk.folder / "node.sqlite")) as database, database:
            database.execute("UPDATE entry SET leaf = ? WHERE leaf_index = 3", (b"x",))

    monkeypatch.setattr(desk.store, "append", spoil)
    assert code_of(desk, 5) is Code.LOG_SELF_CHECK_FAILED
    for again in (desk.copy.extend, desk.copy.verify_holds):
        with pytest.raises(UnavailableError) as caught:
            again(target)
        assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


@pytest.mark.both_engines
def test_what_another_writer_stored_by_the_same_rules_is_taken_up(desk: CopyDesk, log: FollowedLog) -> None:
    early, late = log.log(names(5)), log.log(names(2, "late"))
    other = CopyDesk(desk.folder, log, address=desk.address)
    other.copy.extend(early)
    desk.copy.extend(early)
    assert desk.copy.tree_size == 5
    desk.fill(late)
    desk.copy.verify_holds(late)
    other.close()


@pytest.mark.stress
def test_copy_catches_up_with_thousands_of_entries(
    desk: CopyDesk, log: FollowedLog, record_property: Callable[[str, object], None]
) -> None:
    target = log.log(names(5000))
    begin = stopwatch()
    desk.fill(target)
    record_property("entries copied and checked in a second", round(5000 / (stopwatch() - begin)))
    desk.copy.verify_holds(target)
    check_whole_log(desk.store)
