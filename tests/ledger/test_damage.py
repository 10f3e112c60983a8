"""FI-C2: a bit that flipped in the files of the database never goes unnoticed when the ledger starts."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.approvals.store import KnownApprover, WitnessProof
from ledger.client import TOKEN_PREFIX
from ledger.store import NewestVersion, StoredEntry
from ledger.waiting_room import WaitingRoom
from protocol.codes import Code
from protocol.did.webvh.witness import create_witness_proof
from protocol.errors import TallyError, UnavailableError
from protocol.records import DidRecord
from protocol.tlog.merkle import hash_leaf
from storage.management_key import create_management_key, verify_management_key
from tests.campaign import Chance, many
from tests.ledger.world import KEY, NOW, World, history, names

DATABASE, JOURNAL = "ledger.sqlite", "ledger.sqlite-wal"
NOTICED = {
    Code.DATABASE_DAMAGED,
    Code.LOG_ROLLBACK,
    Code.LOG_SELF_CHECK_FAILED,
    Code.NOT_INITIALIZED,
}
RECORDS = [*names(36), *history("university", 4)]
TOKEN, TOKEN_KEY = create_management_key(TOKEN_PREFIX)
APPROVER = KnownApprover("did:key:z6Mk", "what it stated", 40)

Count = Callable[[str, object], None]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a ledger that was stopped well, and of one that died with everything in its journal; there
    is something in every table.
    """
    shelf = tmp_path_factory.mktemp("shelf")
    world = World(shelf / "stopped")
    world.folder.mkdir()
    world.create()
    store = world.store()
    store.add_token(TOKEN_KEY)
    WaitingRoom(world.engine).enter([each.leaf for each in RECORDS[:2]])
    store.approvals.add_approver("cosigner", APPROVER)
    store.approvals.add_proofs("cosigner", APPROVER.did, [approval()], collected=40, shown={scid(): 4})
    with world.sequencer() as sequencer:
        for answer in [sequencer.submit(each) for each in RECORDS]:
            answer.result(60)
        shutil.copytree(world.folder, shelf / "died", ignore=shutil.ignore_patterns("*-shm"))
    world.close()
    return shelf


def scid() -> str:
    return RECORDS[-1].did.scid


def approval() -> WitnessProof:
    version_id = RECORDS[-1].entry.version_id
    return WitnessProof(scid(), 4, version_id, create_witness_proof(version_id, key=KEY, created=NOW))


def looked_up(world: World) -> Iterator[tuple[str, Callable[[], object], object]]:
    """All that is looked up in the database of a ledger: what it is, how it is asked, and what is right."""
    store, size = world.store(), len(RECORDS)
    yield "the log", lambda: store.read_leaves(0, size), [each.leaf for each in RECORDS]
    dids = sorted({each.did.did for each in RECORDS})
    yield "DIDs", lambda: sorted(store.dids()), dids
    yield "names", lambda: sorted(store.find_names("", size, limit=99)), dids
    yield "tokens", lambda: verify(world), TOKEN_KEY.id
    yield "approvers", store.approvals.approvers, {"cosigner": APPROVER}
    yield "approvals", lambda: store.approvals.proofs_of(scid()), {APPROVER.did: [approval()]}
    for index, each in enumerate(RECORDS):
        own = [(at, other.leaf) for at, other in enumerate(RECORDS) if other.did == each.did]
        yield from _about(world, each, index, own)


def _about(
    world: World, each: DidRecord, index: int, own: list[tuple[int, bytes]]
) -> Iterator[tuple[str, Callable[[], object], object]]:
    store, (newest, leaf) = world.store(), own[-1]
    did, leaf_hash = each.did, hash_leaf(each.leaf)
    version = (did.scid, each.entry.number)

    def pairs(found: list[StoredEntry]) -> list[tuple[int, bytes]]:
        return [(entry.leaf_index, entry.leaf) for entry in found]

    yield "leaves", lambda: store.find_leaf(leaf_hash), index
    yield "subjects", lambda: pairs(store.entries_about(each.subject.key, len(RECORDS))), own
    yield "histories", lambda: pairs(store.history(did.scid)), own
    yield "versions", lambda: store.find_versions([version]), {version: (index, leaf_hash)}
    yield (
        "newest versions",
        lambda: store.find_newest(did.scid),
        NewestVersion(newest - own[0][0] + 1, hash_leaf(leaf)),
    )
    yield "names of DIDs", lambda: store.find_did(did.did), did.scid
    yield "paths", lambda: store.find_paths([did.log_path()]), {did.log_path(): did.scid}


def verify(world: World) -> str:
    found = verify_management_key(
        TOKEN, prefix=TOKEN_PREFIX, find=world.store().find_token, code=Code.WRITER_NOT_AUTHORIZED
    )
    return found.id


def start(folder: Path) -> str:
    """What a ledger in `folder` does: it says why it does not start, or answers everything rightly, but for
    what it refuses to answer.
    """
    world = World(folder)
    refused = set()
    try:
        with world.sequencer() as sequencer:
            assert sequencer.published.log.tree_size == len(RECORDS)
            for what, ask, right in looked_up(world):
                try:
                    said = ask()
                except TallyError as error:
                    refused.add(f"refusals {error.code.value} of {what}")
                else:
                    assert said == right, what
    except TallyError as error:
        if error.code not in NOTICED:
            raise
        return f"refusals to start: {error.code.value}"
    finally:
        world.close()
    return min(refused, default="starts with the very same log, and all else")


def flip_again_and_again(shelf: Path, place: Path, name: str, count: Count, *, flips: int) -> None:
    good, chance = (shelf / name).read_bytes(), Chance(f"{shelf.name} {name}")
    outcomes: Counter[str] = Counter()
    for _ in range(flips):
        offset, bit = chance.below(len(good)), chance.below(8)
        shutil.copytree(shelf, place)
        flipped = bytes([good[offset] ^ (1 << bit)])
        (place / name).write_bytes(good[:offset] + flipped + good[offset + 1 :])
        outcomes[start(place)] += 1
        shutil.rmtree(place)
    # Of a ledger that died all is in the journal, and nothing in the main file counts.
    assert len(outcomes) > 1 or (shelf.name, name) == ("died", DATABASE)
    count(f"bits flipped in {name} of a ledger that {shelf.name}; none unnoticed", flips)
    for outcome, times in outcomes.items():
        count(outcome, times)


@pytest.mark.parametrize(("ledger", "name"), [("stopped", DATABASE), ("died", JOURNAL)])
def test_flipped_bit_is_noticed_at_the_start(
    shelf: Path, tmp_path: Path, record_property: Count, ledger: str, name: str
) -> None:
    flip_again_and_again(shelf / ledger, tmp_path / "place", name, record_property, flips=16)


@pytest.mark.stress
@pytest.mark.parametrize(("ledger", "name"), [("stopped", DATABASE), ("died", DATABASE), ("died", JOURNAL)])
def test_each_of_thousands_of_flipped_bits_is_noticed_at_the_start(
    shelf: Path, tmp_path: Path, record_property: Count, ledger: str, name: str
) -> None:
    flip_again_and_again(shelf / ledger, tmp_path / "place", name, record_property, flips=many(2_500))


@pytest.mark.parametrize("ledger", ["stopped", "died"])
def test_files_without_a_flipped_bit_are_accepted(shelf: Path, tmp_path: Path, ledger: str) -> None:
    shutil.copytree(shelf / ledger, tmp_path / "place")
    assert start(tmp_path / "place").startswith("starts")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approver SET did = 'did:key:z6Ml'",
        "UPDATE approver SET statement = 'what it stated.'",
        "UPDATE approver SET collected = 41",
        "UPDATE witness_proof SET version_id = '4-x'",
        "UPDATE witness_proof SET proof = replace(proof, 'z', 'y')",
        "UPDATE witness_proof SET digest = zeroblob(32)",
    ],
)
def test_word_of_a_node_that_changed_where_it_is_stored_is_not_passed_on(
    shelf: Path, tmp_path: Path, statement: str
) -> None:
    shutil.copytree(shelf / "stopped", tmp_path / "place")
    world = World(tmp_path / "place")
    world.alter(statement)
    asked = world.store().approvals
    with pytest.raises(UnavailableError) as caught:
        _ = asked.approvers(), asked.proofs_of(scid())
    assert caught.value.code is Code.DATABASE_DAMAGED
    world.close()
