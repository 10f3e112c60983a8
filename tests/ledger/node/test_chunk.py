from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.node.chunk import AdmittedChunk, ChunkAdmission
from protocol.codes import Code
from protocol.records import DidRecord
from tests.ledger.world import (
    AUTHORITY,
    NOW,
    OTHER_KEY,
    START,
    World,
    append,
    create,
    history,
    names,
    record,
    update,
)
from tests.webvh_logs import forge_next

UNIVERSITY = create("university")


def admit(world: World, records: list[DidRecord]) -> AdmittedChunk:
    admission = ChunkAdmission(world.store(), authority=AUTHORITY)
    first = world.store().head().tree_size
    return admission.admit([each.leaf for each in records], first_index=first, now=NOW)


def refusal(world: World, records: list[DidRecord]) -> tuple[int, str]:
    """How many were admitted, and what was said of the one after them."""
    chunk = admit(world, records)
    assert chunk.refusal is not None
    assert chunk.refusal.code is Code.LOG_ENTRY_INADMISSIBLE
    return len(chunk.records), chunk.refusal.detail


def test_dids_that_are_made_and_go_on_in_one_chunk_are_admitted(world: World) -> None:
    city, shop = history("city", 3), history("shop", 2)
    mixed = [city[0], shop[0], city[1], *names(3), shop[1], city[2]]
    assert admit(world, mixed) == AdmittedChunk(tuple(mixed))


def test_did_that_began_in_an_earlier_chunk_goes_on(world: World) -> None:
    versions = history("city", 5)
    append(world.store(), versions[:2])
    admission = ChunkAdmission(world.store(), authority=AUTHORITY)
    chunk = admission.admit([each.leaf for each in versions[2:4]], first_index=2, now=NOW)
    assert chunk == AdmittedChunk(tuple(versions[2:4]))
    append(world.store(), versions[2:4])
    assert admission.admit([versions[4].leaf], first_index=4, now=NOW).refusal is None


def test_history_is_replayed_once_for_as_many_chunks_as_continue_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = history("city", 6)
    append(world.store(), versions[:3])
    admission = ChunkAdmission(world.store(), authority=AUTHORITY)
    assert admission.admit([versions[3].leaf], first_index=3, now=NOW).refusal is None
    append(world.store(), versions[3:4])
    monkeypatch.setattr("ledger.admission.replay", None)
    assert admission.admit([each.leaf for each in versions[4:]], first_index=4, now=NOW).refusal is None


def _rival_in_chunk(_world: World) -> list[DidRecord]:
    return [record(UNIVERSITY), *(record(update(UNIVERSITY.version, ttl=ttl)) for ttl in (60, 61))]


def _rival_of_logged(world: World) -> list[DidRecord]:
    versions = history("university", 2)
    append(world.store(), versions)
    return [*names(2), record(update(UNIVERSITY.version, ttl=61))]


def _logged_again(world: World) -> list[DidRecord]:
    append(world.store(), history("university", 1))
    return [*names(2), record(UNIVERSITY)]


def _repeated(_world: World) -> list[DidRecord]:
    return [record(UNIVERSITY), *names(1), record(UNIVERSITY)]


def _skips(_world: World) -> list[DidRecord]:
    first, _, third = history("university", 3)
    return [first, *names(1), third]


def _nothing_before(_world: World) -> list[DidRecord]:
    return [*names(2), history("university", 2)[1]]


def _name_in_chunk(_world: World) -> list[DidRecord]:
    return [record(UNIVERSITY), *names(1), record(create("university", time=START + timedelta(hours=1)))]


def _name_logged(world: World) -> list[DidRecord]:
    append(world.store(), [record(UNIVERSITY)])
    return [*names(2), record(create("university", time=START + timedelta(hours=1)))]


def _stolen(_world: World) -> list[DidRecord]:
    forged = forge_next(UNIVERSITY.version, keys=(OTHER_KEY,))
    return [record(UNIVERSITY), *names(1), replace(names(1)[0], leaf=forged.encode())]


def _elsewhere(_world: World) -> list[DidRecord]:
    return [*names(2), record(create("university", host="other.localhost"))]


def _not_canonical(_world: World) -> list[DidRecord]:
    good = record(UNIVERSITY)
    return [*names(2), replace(good, leaf=good.leaf + b" ")]


def _in_the_future(_world: World) -> list[DidRecord]:
    return [*names(2), record(create("university", time=NOW + timedelta(hours=1)))]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_rival_in_chunk, Code.DID_FORK),
        (_rival_of_logged, Code.DID_FORK),
        (_logged_again, Code.DID_FORK),
        (_repeated, Code.DID_FORK),
        (_skips, Code.ENTRY_NOT_ADMITTED),
        (_nothing_before, Code.ENTRY_NOT_ADMITTED),
        (_name_in_chunk, Code.ENTRY_NOT_ADMITTED),
        (_name_logged, Code.ENTRY_NOT_ADMITTED),
        (_stolen, Code.DID_KEY_NOT_AUTHORIZED),
        (_elsewhere, Code.ENTRY_NOT_ADMITTED),
        (_not_canonical, Code.FORMAT_INVALID),
        (_in_the_future, Code.DID_TIME_INVALID),
    ],
)
def test_chunk_ends_before_the_first_entry_that_is_not_admissible(
    world: World, make: Callable[[World], list[DidRecord]], code: Code
) -> None:
    records = make(world)
    first = world.store().head().tree_size
    count, detail = refusal(world, [*records, *names(1, "after")])
    assert count == 2
    assert detail.startswith(f"entry {first + 2}: {code.value}")
