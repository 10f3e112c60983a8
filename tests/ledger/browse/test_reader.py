"""What is shown of a ledger from outside was verified, whoever serves it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ledger.browse.bundle import verify_bundle
from ledger.browse.entry import ShownEntry
from ledger.browse.question import DidQuestion, HashQuestion, IndexQuestion, NameQuestion
from ledger.browse.reader import LedgerReader, ProvenDid
from ledger.client import LedgerClient
from ledger.fetch import Fetched
from ledger.memory import CheckpointMemory
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError, VerificationError
from protocol.records import DidRecord, Record
from protocol.tlog.merkle import hash_leaf
from protocol.tlog.policy import verify_checkpoint
from protocol.tlog.tiles import EntryBundle, HashTile
from tests.ledger.browse.hostile import hostile_accreditations
from tests.ledger.browse.stage import reading, served
from tests.ledger.static_log import LEDGER, StaticLog
from tests.ledger.world import NOW, POLICY, URL, World, create, names, record, update

LEAVES = [each.leaf for each in names(300)]


class LyingLog(StaticLog):
    """Answers what it is told to, beside the files of a log."""

    def __init__(self, leaves: list[bytes]) -> None:
        super().__init__(leaves)
        self.answers: dict[str, Fetched] = {}

    def fetch(self, url: str, **_options: object) -> Fetched:
        return self.answers.get(url.removeprefix(f"{URL}/"), Fetched(404, "", b""))


def reader_of(log: StaticLog, folder: Path) -> LedgerReader:
    client = LedgerClient(LEDGER, fetcher=log, memory=CheckpointMemory(folder))
    return LedgerReader(client, fetcher=log, clock=lambda: NOW)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 300])
def test_every_entry_is_read_once_and_none_before_it_is_proven(size: int, tmp_path: Path) -> None:
    reader = reader_of(StaticLog(LEAVES[:size]), tmp_path)
    assert reader.head().tree_size == size
    shown: list[ShownEntry] = []
    while more := reader.entries(shown[-1].leaf_index if shown else size):
        shown += more
    assert [entry.leaf for entry in reversed(shown)] == LEAVES[:size]
    assert [entry.leaf_index for entry in reversed(shown)] == list(range(size))


@pytest.mark.parametrize(("size", "index"), [(1, 0), (5, 0), (256, 0), (300, 0), (300, 1), (257, 1)])
def test_bundle_with_another_entry_anywhere_is_refused(size: int, index: int) -> None:
    log = StaticLog(LEAVES[:size])
    checkpoint = verify_checkpoint(log.note, policy=POLICY, now=NOW)
    bundle = EntryBundle(index, min(256, size - 256 * index))
    leaves = LEAVES[256 * index : 256 * index + bundle.width]

    def read_tiles(tiles: Sequence[HashTile]) -> list[bytes]:
        return [log.files[tile.path] for tile in tiles]

    verify_bundle(leaves, bundle, checkpoint=checkpoint, read_tiles=read_tiles)
    for place in {0, 1, bundle.width // 2, bundle.width - 1} & set(range(bundle.width)):
        altered = [*leaves[:place], b"{}", *leaves[place + 1 :]]
        with pytest.raises(VerificationError) as refusal:
            verify_bundle(altered, bundle, checkpoint=checkpoint, read_tiles=read_tiles)
        assert refusal.value.code is Code.LOG_PROOF_INVALID


def test_entries_of_another_log_are_refused(tmp_path: Path) -> None:
    log = StaticLog(LEAVES[:4])
    other = StaticLog([*LEAVES[:3], LEAVES[9]])
    log.files |= {path: data for path, data in other.files.items() if path != "checkpoint"}
    reader = reader_of(log, tmp_path)
    with pytest.raises(VerificationError):
        reader.entry(0)


def test_log_that_became_shorter_is_refused(tmp_path: Path) -> None:
    reader_of(StaticLog(LEAVES[:4]), tmp_path).head()
    with pytest.raises(VerificationError) as refusal:
        reader_of(StaticLog(LEAVES[:3]), tmp_path).head()
    assert refusal.value.code is Code.LOG_ROLLBACK


def test_ledger_that_shows_another_entry_for_a_hash_is_refused(tmp_path: Path) -> None:
    log = LyingLog(LEAVES[:4])
    wanted = hash_leaf(LEAVES[2])
    text = f"c2sp.org/tlog-proof@v1\nindex 1\n\n{log.note}"
    log.answers[f"proof/{wanted.hex()}"] = Fetched(200, "text/plain", text.encode())
    with pytest.raises(VerificationError) as refusal:
        reader_of(log, tmp_path).find(HashQuestion(wanted))
    assert refusal.value.code is Code.LOG_PROOF_INVALID


def test_what_the_ledger_does_not_know_or_cannot_say_is_told(tmp_path: Path) -> None:
    log = LyingLog(LEAVES[:4])
    log.answers["broken/did.jsonl"] = Fetched(500, "", b"")
    reader = reader_of(log, tmp_path)
    for question, detail in (
        (NameQuestion("nobody"), "the ledger says so, and gives no proof of it"),
        (HashQuestion(bytes(32)), "the ledger says so, and gives no proof of it"),
        (IndexQuestion(4), "the log has 4 entries, counted from 0"),
    ):
        with pytest.raises(RefusedError) as refusal:
            reader.find(question)
        assert (refusal.value.code, refusal.value.detail) == (Code.NOT_FOUND, detail)
    with pytest.raises(UnavailableError) as trouble:
        reader.find(NameQuestion("broken"))
    assert trouble.value.code is Code.NETWORK_STATUS


Town = tuple[World, LedgerReader, list[DidRecord]]


def university(port: int) -> list[DidRecord]:
    first = create("university", port=port)
    return [record(first), record(update(first.version)), *names(3, port=port)]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with (
        served(tmp_path, university) as world,
        reading(world, tmp_path / "seen") as reader,
    ):
        yield world, reader, university(world.port)


def test_did_is_found_by_itself_and_by_its_name_with_all_its_versions(
    town: Town,
) -> None:
    _, reader, records = town
    did = records[0].did.did
    for question in (DidQuestion(did), NameQuestion("university")):
        found = reader.find(question)
        assert isinstance(found, ProvenDid)
        assert (found.time, found.shown.did, found.shown.trouble) == (NOW, did, None)
        assert [entry.leaf_index for entry in found.shown.entries] == [0, 1]
        assert [entry.logged for entry in found.shown.entries] == [NOW, NOW]
    with pytest.raises(UnavailableError) as refusal:
        reader.did(did.replace("university", "city"))
    assert refusal.value.code is Code.DID_NOT_FOUND


def test_entry_is_found_by_its_place_and_by_its_hash_also_when_it_is_new(
    town: Town,
) -> None:
    _, reader, records = town
    for index in (0, 4):
        for question in (HashQuestion(hash_leaf(records[index].leaf)), IndexQuestion(index)):
            found = reader.find(question)
            assert isinstance(found, ShownEntry)
            assert (found.leaf_index, found.leaf) == (index, records[index].leaf)


def test_did_that_does_not_live_under_the_name_is_refused(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reader, _ = town
    ask = LedgerReader._ask
    monkeypatch.setattr(
        LedgerReader, "_ask", lambda self, path, *rest: ask(self, path.replace("city", "university"), *rest)
    )
    with pytest.raises(VerificationError) as refusal:
        reader.find(NameQuestion("city"))
    assert refusal.value.code is Code.DID_SCID_MISMATCH


def mill_at(port: int) -> list[Record]:
    university = create("university", port=port)
    return [record(university), *hostile_accreditations(university.version.did, port=port)]


def test_accreditation_that_its_ledger_invents_is_shown_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, mill_at) as world, reading(world, tmp_path / "seen") as reader:
        shown = reader.accreditations()
        assert [tree.link.withdrawn is None for tree in shown.found.trees].count(False) == 1
        # The list of whom to look at is all that is believed, and it proves nothing.
        stranger = names(1, "stranger", port=world.port)[0].did.did
        monkeypatch.setattr(LedgerClient, "list_accredited", lambda *_, **__: [stranger])
        assert reader.accreditations().found.trees == ()
        university = shown.found.trees[0].record.accredited
        assert reader.accreditations(university).found.trees == shown.found.trees
        assert reader.accreditations(stranger).found.trees == ()
        with pytest.raises(RefusedError) as refusal:
            reader.type("urn:nothing:1")
        assert refusal.value.code is Code.NOT_FOUND
