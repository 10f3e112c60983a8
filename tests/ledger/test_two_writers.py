"""FI-F2: two writers of one log, a backup that was restored, and an old row that was put back."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.cosigners import Cosigners
from ledger.front_end import FrontEnd
from ledger.placement import Logged
from ledger.self_check import check_whole_store
from ledger.sequencer import Sequencer
from ledger.signer import load_memory
from ledger.stored_tree import Publication
from ledger.tree import Tree
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.records import DidRecord
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.merkle import compute_root
from protocol.tlog.note import parse_note
from tests.campaign import Chance, many
from tests.ledger.fake_node import FakeNode, quorum_of, running_nodes
from tests.ledger.shared_ledger import Shared
from tests.ledger.world import World, append, names

SECONDS = 20

Count = Callable[[str, object], None]


def outcome(answer: "Future[Logged]") -> int | Code:
    try:
        return answer.result(SECONDS).leaf_index
    except TallyError as error:
        return error.code


@contextmanager
def sequencing(world: World, nodes: list[FakeNode]) -> Iterator[Sequencer]:
    with world.sequencer(cosigners=Cosigners(quorum_of(nodes, 3), clock=world.clock)) as sequencer:
        yield sequencer


def log(world: World, nodes: list[FakeNode], records: list[DidRecord]) -> None:
    with sequencing(world, nodes) as sequencer:
        for answer in [sequencer.submit(each) for each in records]:
            answer.result(SECONDS)
    world.close()


def refusal(world: World, nodes: list[FakeNode], late: DidRecord) -> Code:
    """Why a ledger writes nothing; it has signed nothing either."""
    before = {path: path.read_bytes() for path in world.folder.glob("last-signed*")}
    try:
        with sequencing(world, nodes) as sequencer, pytest.raises(TallyError) as caught:
            sequencer.submit(late).result(SECONDS)
        code = caught.value.code
    except TallyError as error:
        code = error.code
    world.close()
    assert {path: path.read_bytes() for path in before} == before
    return code


def restore_backups(world: World, folder: Path, count: Count, *, rounds: int) -> None:
    chance, counted = Chance("backups"), Counter[str]()
    records, stranger = iter(names(6 * rounds)), names(9, "stranger")
    with running_nodes(4, world.clock) as nodes:
        for number in range(rounds):
            log(world, nodes, [next(records) for _ in range(1 + chance.below(3))])
            backup = folder / f"backup-{number}"
            shutil.copytree(world.folder, backup)
            added = 1 + chance.below(3)
            log(world, nodes, [next(records) for _ in range(added)])
            restored = World(backup, world.clock)
            match number % 3:
                case 0:
                    what, expected = "database alone", Code.LOG_ROLLBACK
                    for memory in world.folder.glob("last-signed*"):
                        shutil.copy(memory, backup)
                case 1:
                    what, expected = "database and memory", Code.LOG_ROLLBACK
                case _:
                    what, expected = "database and memory, and went on", Code.LOG_FORK
                    append(restored.store(), stranger[: added + chance.below(3)])
            assert refusal(restored, nodes, stranger[8]) is expected
            counted[f"backups of {what} restored, and refused: {expected.value}"] += 1
            shutil.rmtree(backup)
        log(world, nodes, [])
    check_whole_store(world.store())
    for what, times in counted.items():
        count(what, times)


@dataclass
class Rivals:
    """Two sequencers on one database, each with a memory of its own, and what they showed."""

    world: World
    folders: list[Path]
    shown: list[Publication] = field(default_factory=list)
    acknowledged: dict[bytes, int] = field(default_factory=dict)
    refused: Counter[Code] = field(default_factory=Counter)

    def write(self, number: int, records: list[DidRecord], begin: threading.Barrier) -> None:
        rival = World(self.folders[number], self.world.clock, address=str(self.world.database))
        try:
            begin.wait(SECONDS)
            with rival.sequencer() as sequencer:
                answers = [sequencer.submit(each) for each in records]
                found = [outcome(answer) for answer in answers]
                self.shown.append(sequencer.published.log)
        except TallyError as error:
            found = [error.code] * len(records)
        rival.close()
        for each, place in zip(records, found, strict=True):
            if isinstance(place, Code):
                self.refused[place] += 1
            else:
                assert self.acknowledged.setdefault(each.leaf, place) == place

    def check(self) -> None:
        """What was acknowledged is there, and all that was ever shown or signed is the beginning of it."""
        store = self.world.store()
        check_whole_store(store)
        stored = store.read_leaves(0, store.head().tree_size)
        assert all(stored[place] == leaf for leaf, place in self.acknowledged.items())
        assert len(set(stored)) == len(stored)
        signed = [load_memory(folder / "last-signed", self.world.keys.origin) for folder in self.folders]
        for each in [parse_checkpoint(parse_note(shown.note).text) for shown in self.shown] + signed:
            assert compute_root(each.tree_size, store.hash_reader(each.tree_size)) == each.root_hash


def let_two_write(folder: Path, count: Count, *, rounds: int) -> None:
    world = World(folder / "first")
    world.folder.mkdir()
    world.create()
    shutil.copytree(world.folder, folder / "second", ignore=shutil.ignore_patterns("*sqlite*"))
    rivals = Rivals(world, [world.folder, folder / "second"])
    records = names(6 * rounds)
    for number in range(rounds):
        some, begin = records[6 * number : 6 * number + 6], threading.Barrier(2)
        # Two of them are given to both.
        parts = (some[:4], some[2:])
        threads = [
            threading.Thread(target=rivals.write, args=(each, part, begin)) for each, part in enumerate(parts)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rivals.check()
    # Whoever is alone gets all of it logged.
    rivals.write(0, records, threading.Barrier(1))
    assert len(rivals.acknowledged) == len(records)
    rivals.check()
    world.close()
    assert rivals.refused.keys() <= {Code.VAULT_CHANGED, Code.LOG_SELF_CHECK_FAILED, Code.LOG_ROLLBACK}
    count("times two sequencers wrote one log at once; none forked", rounds)
    count("entries acknowledged by them, found once each", len(records))
    for code, times in rivals.refused.items():
        count(f"refusals {code.value}", times)


TAMPERING = {
    "an old row is put back": "epoch = greatest(epoch - 2, 0), holder = 'old', expires = now()",
    "somebody takes it away": "epoch = epoch + 1, holder = 'thief', expires = now()",
    "it was given by a clock that was ahead": "holder = 'gone', expires = now() + interval '1 hour'",
}


def tamper_with_lease(shared: Shared, monkeypatch: pytest.MonkeyPatch, count: Count, *, rounds: int) -> None:
    monkeypatch.setattr("ledger.turns.RENEW_AFTER", timedelta(milliseconds=30))
    fronts, chance = [shared.start() for _ in range(2)], Chance("lease")
    records, refused, changes = names(4 * rounds), Counter[Code](), list(TAMPERING.values())
    places: dict[bytes, int] = {}
    for number in range(rounds):
        left = records[4 * number : 4 * number + 4]
        tampered = False
        while left:
            answers = [(each, chance.one_of(fronts).submit(each)) for each in left]
            if not tampered:
                shared.world.alter(f"UPDATE lease SET {changes[number % len(changes)]}")
                shared.world.alter(f"UPDATE head SET epoch = greatest(epoch - {number % 2}, 0)")
                tampered = True
            found = [(each, outcome(answer)) for each, answer in answers]
            refused.update(place for _, place in found if isinstance(place, Code))
            places |= {each.leaf: place for each, place in found if isinstance(place, int)}
            left = [each for each, place in found if isinstance(place, Code)]
        assert [front.failure for front in fronts] == [None, None]
    store = shared.world.store()
    check_whole_store(store)
    stored = store.read_leaves(0, store.head().tree_size)
    assert sorted(stored) == sorted(each.leaf for each in records)
    assert all(stored[place] == leaf for leaf, place in places.items())
    count("times the lease of two front ends was tampered with", rounds)
    count("entries acknowledged by them, found once each", len(places))
    for code, times in refused.items():
        count(f"refusals {code.value}, tried again", times)


def test_restored_backup_is_refused_whatever_was_restored_with_it(
    world: World, tmp_path_factory: pytest.TempPathFactory, record_property: Count
) -> None:
    restore_backups(world, tmp_path_factory.mktemp("backups"), record_property, rounds=3)


@pytest.mark.stress
def test_a_hundred_restored_backups_are_refused(
    world: World, tmp_path_factory: pytest.TempPathFactory, record_property: Count
) -> None:
    restore_backups(world, tmp_path_factory.mktemp("backups"), record_property, rounds=many(102))


def test_two_sequencers_at_once_make_one_log(tmp_path: Path, record_property: Count) -> None:
    let_two_write(tmp_path, record_property, rounds=3)


@pytest.mark.stress
def test_two_sequencers_at_once_a_hundred_times_make_one_log(tmp_path: Path, record_property: Count) -> None:
    let_two_write(tmp_path, record_property, rounds=many(100))


def test_lease_that_is_tampered_with_costs_nothing(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, record_property: Count
) -> None:
    tamper_with_lease(shared, monkeypatch, record_property, rounds=len(TAMPERING))


@pytest.mark.stress
def test_lease_that_is_tampered_with_a_hundred_times_costs_nothing(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, record_property: Count
) -> None:
    tamper_with_lease(shared, monkeypatch, record_property, rounds=many(100))


def told(front: FrontEnd, record: DidRecord) -> int | Code:
    """What a client is told, who may come before or after the front end has noticed."""
    try:
        answer = front.submit(record)
    except TallyError as error:
        return error.code
    return outcome(answer)


@pytest.mark.parametrize("tree", Tree)
def test_old_row_of_a_head_that_was_put_back_is_refused_by_every_front_end(
    shared: Shared, tree: Tree
) -> None:
    fronts = [shared.start() for _ in range(2)]
    records = names(5)
    for each in records[:3]:
        fronts[0].submit(each).result(SECONDS)
    table = "entry" if tree is Tree.LOG else "index_entry"
    [(size,)] = shared.rows(f"SELECT count(*) FROM {table}")
    stored = shared.world.store() if tree is Tree.LOG else shared.world.store().index
    root = compute_root(size - 1, stored.hash_reader(size - 1))
    shared.world.alter(
        "UPDATE head SET tree_size = ?, root_hash = ? WHERE tree = ?", size - 1, root, str(tree)
    )
    codes = {told(front, each) for front, each in zip(fronts, records[3:], strict=True)}
    assert codes <= {Code.VAULT_CHANGED, Code.LOG_ROLLBACK, Code.LOG_SELF_CHECK_FAILED, Code.LOG_LEASE_LOST}
    for front in fronts:
        assert front.published.log.tree_size == 3
    for number in range(2):
        assert load_memory(shared.folder(number) / "last-signed", shared.world.keys.origin).tree_size >= 3
