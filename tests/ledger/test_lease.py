"""The lease: it decides who tries to write, and the epoch in the head who may."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.lease import Lease
from ledger.store import LedgerStore
from ledger.stored_tree import Publication
from protocol.codes import Code
from protocol.errors import TallyError
from tests.ledger.world import NOW, World, append, names
from tests.postgres import PostgresServer
from tests.processes import ROOT
from tests.racing import race


@pytest.fixture
def world(tmp_path: Path, postgres: PostgresServer) -> Iterator[World]:
    world = World(tmp_path, address=postgres.new_database())
    world.create()
    yield world
    world.close()


def lease(store: LedgerStore, holder: str) -> Lease:
    return Lease(store.engine, store.turn, holder=holder)


def expire(world: World) -> None:
    world.alter("UPDATE lease SET expires = now() - interval '1 second'")


def code_of(action: Callable[[], object]) -> Code:
    with pytest.raises(TallyError) as caught:
        action()
    return caught.value.code


def test_lease_is_had_by_one_until_it_expires_or_is_given_back(world: World) -> None:
    first, second = (lease(world.store(), name) for name in ("first", "second"))
    assert first.take()
    assert not second.take()
    expire(world)
    # Whoever comes late to renew it, before anybody missed it, still has it.
    assert first.renew()
    assert not second.take()
    expire(world)
    assert second.take()
    assert not first.renew()
    second.give_back()
    assert first.take()
    assert not second.renew()


def test_lease_given_by_a_server_whose_clock_was_ahead_is_free(world: World) -> None:
    first, second = (lease(world.store(), name) for name in ("first", "second"))
    assert first.take()
    world.alter("UPDATE lease SET expires = now() + interval '1 hour'")
    assert second.take()
    assert not first.renew()


def test_holder_that_gives_back_what_it_lost_changes_nothing(world: World) -> None:
    first, second = (lease(world.store(), name) for name in ("first", "second"))
    assert first.take()
    expire(world)
    assert second.take()
    first.give_back()
    assert second.renew()
    assert not first.take()


def test_lease_whose_old_row_was_put_back_is_taken_under_a_new_epoch(world: World) -> None:
    """FI-F2."""
    stores = [world.store() for _ in range(3)]
    for number, store in enumerate(stores):
        expire(world)
        if number == 2:
            world.alter("UPDATE lease SET epoch = 1, holder = '0'")
        assert lease(store, str(number)).take()
    assert [store.turn.epoch for store in stores] == [1, 2, 3]
    assert code_of(lambda: append(stores[1], names(1))) is Code.LOG_LEASE_LOST
    assert code_of(lambda: append(stores[0], names(1))) is Code.LOG_LEASE_LOST
    append(stores[2], names(1))


@pytest.mark.parametrize("interruption", ["SIGKILL", "SIGSTOP"])
def test_lease_whose_taker_is_interrupted_before_the_commit_goes_to_another(
    world: World, interruption: str
) -> None:
    assert world.address is not None
    command = [sys.executable, "-m", "tests.ledger.interrupted_lease", world.address, interruption]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as interrupted:
        assert interrupted.stdout is not None
        assert interrupted.stdout.readline() == "about to commit\n"
        store = world.store()
        # It waits for the row, and not longer than the server lets a transaction lie.
        assert lease(store, "other").take()
        assert store.turn.epoch == 1
        append(store, names(1))
        if interruption == "SIGSTOP":
            interrupted.send_signal(signal.SIGCONT)
            assert interrupted.stdout.readline().strip() in (
                Code.DATABASE_BUSY.value,
                Code.DATABASE_UNAVAILABLE.value,
            )
    store.require_turn()
    assert store.head().tree_size == 1


def test_of_eight_that_try_at_once_one_has_it(world: World) -> None:
    leases = [lease(world.store(), str(number)) for number in range(8)]
    taken = race(world.engine, *[each.take for each in leases])
    assert sorted(map(bool, taken)) == [False] * 7 + [True]


def test_writer_whose_turn_went_to_another_changes_nothing(world: World) -> None:
    old, new = world.store(), world.store()
    records = names(2)
    assert lease(old, "old").take()
    append(old, records[:1])
    before = old.head()
    note = Publication(1, NOW, "note")
    expire(world)
    assert lease(new, "new").take()
    assert code_of(lambda: append(old, records[1:])) is Code.LOG_LEASE_LOST
    assert (
        code_of(lambda: old.index.append([b"x"], after=old.index.head(), then=before)) is Code.LOG_LEASE_LOST
    )
    assert code_of(lambda: old.publish(note, note)) is Code.LOG_LEASE_LOST
    assert code_of(old.require_turn) is Code.LOG_LEASE_LOST
    assert code_of(old.index.require_turn) is Code.LOG_LEASE_LOST
    assert (new.head(), new.publications()) == (before, None)
    append(new, records[1:])
    new.publish(note, note)
    new.require_turn()
    assert new.head().tree_size == 2


def test_other_writer_in_the_same_turn_is_still_told_that_the_head_moved(world: World) -> None:
    store, same = world.store(), world.store()
    assert lease(store, "first").take()
    same.turn.epoch = store.turn.epoch
    before = store.head()
    then = append(store, names(1))
    assert code_of(lambda: same.append(names(1), after=before, then=then)) is Code.VAULT_CHANGED


def test_ledger_on_sqlite_always_has_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.create()
    store = world.store()
    first = lease(store, "first")
    assert not first.is_shared
    assert first.take()
    assert first.renew()
    first.give_back()
    assert first.renew()
    append(store, names(1))
    world.close()
