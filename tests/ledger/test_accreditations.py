"""Accreditations as trees, and the list of whom to look at, whoever makes it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest

import ledger.http
from doors.server import listen
from ledger.accreditation_book import AccreditationBook
from ledger.accreditations import (
    LoggedRecord,
    Standing,
    about,
    chains_of,
    dids_of,
    of_type,
    plant_trees,
    prune,
    read_logged,
    verify_above,
)
from ledger.accredited import read_accreditations
from ledger.client import LedgerClient
from ledger.front_end import FrontEnd
from ledger.memory import CheckpointMemory
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, encode_json
from protocol.errors import MalformedError, VerificationError
from protocol.index.proof import SubjectEntry, VerifiedRecords
from protocol.index.subject import Subject
from protocol.records import Record
from protocol.records.accreditation import create_withdrawal
from protocol.records.timestamp import create_timestamp
from tests.browser import Browser
from tests.ledger.static_log import LEDGER, Files
from tests.ledger.world import NOW, World, record
from tests.protocol.test_accreditation import CHAIN, reader
from tests.signed_records import (
    BEGIN,
    BELOW,
    BOTH,
    DEGREE,
    DIPLOMA,
    END,
    MIDDLE_DID,
    NAMES,
    ROOT_DID,
    SCHOOL_DID,
    STRANGER_DID,
    TOP,
    accreditation,
    signer,
)

WITHDRAWAL = create_withdrawal(TOP, signer=signer(ROOT_DID), reason=None, time=NOW)
OTHER = accreditation(STRANGER_DID, SCHOOL_DID, types=(DIPLOMA,))


def entries(*records: Record, begin: int = 4) -> tuple[LoggedRecord, ...]:
    """The records as they stand in a log, a minute apart."""
    return read_logged(
        SubjectEntry(index, NOW + timedelta(minutes=index), each.leaf)
        for index, each in enumerate(records, start=begin)
    )


def test_trees_are_the_same_in_whatever_order_the_entries_come() -> None:
    logged = entries(TOP, BELOW, OTHER, create_timestamp(bytes(32)))
    top, other = trees = plant_trees(reversed(logged))
    assert (top.record, other.record) == (TOP, OTHER)
    assert [each.record for each in top.walk()] == [TOP, BELOW]
    assert (top.leaf_index, top.below[0].leaf_index) == (4, 5)
    assert trees == plant_trees(logged)
    assert dids_of(trees) == sorted({MIDDLE_DID, SCHOOL_DID})


def test_accreditation_counts_from_when_it_was_logged_until_what_is_above_it_is_withdrawn() -> None:
    [top] = plant_trees(entries(TOP, BELOW, WITHDRAWAL))
    [below] = top.below
    withdrawn = NOW + timedelta(minutes=6)
    assert (below.link.since, below.link.until, below.link.withdrawn) == (
        NOW + timedelta(minutes=5),
        withdrawn,
        withdrawn,
    )
    assert not below.counts_at(NOW)
    assert below.counts_at(withdrawn - timedelta(seconds=1))
    assert not below.counts_at(withdrawn)
    assert prune((top,), lambda each: each.counts_at(withdrawn)) == ()


def test_accreditation_that_rests_on_nothing_that_is_there_is_refused() -> None:
    with pytest.raises(VerificationError) as refusal:
        plant_trees(entries(BELOW))
    assert refusal.value.code is Code.ACCREDITATION_INVALID


def test_accreditation_that_gives_more_than_it_has_is_refused() -> None:
    wider = accreditation(MIDDLE_DID, SCHOOL_DID, types=(DEGREE, "urn:more"), under=TOP)
    with pytest.raises(VerificationError) as refusal:
        plant_trees(entries(TOP, wider))
    assert refusal.value.code is Code.ACCREDITATION_INVALID


def test_what_concerns_a_did_or_a_type_is_found_with_all_above_it() -> None:
    trees = plant_trees(entries(TOP, BELOW, OTHER))
    assert [each.record for tree in about(trees, SCHOOL_DID) for each in tree.walk()] == [TOP, BELOW, OTHER]
    beside = accreditation(MIDDLE_DID, STRANGER_DID, under=TOP)
    [top] = about(plant_trees(entries(TOP, BELOW, beside)), SCHOOL_DID)
    assert [each.record for each in top.walk()] == [TOP, BELOW]
    assert [each.record for each in about(trees, STRANGER_DID)] == [OTHER]
    assert about(trees, "did:webvh:nobody") == ()
    assert [each.record for tree in of_type(trees, DIPLOMA) for each in tree.walk()] == [TOP, OTHER]


def test_record_rests_on_what_its_author_has_and_on_nothing_else() -> None:
    chains = list(chains_of(plant_trees(entries(TOP, BELOW, OTHER)), MIDDLE_DID))
    assert [[each.record for each in chain] for chain in chains] == [[TOP]]
    verify_above(BELOW, chains, moment=NOW + timedelta(hours=1))
    below = list(chains_of(plant_trees(entries(TOP, BELOW)), SCHOOL_DID))
    assert [[each.record for each in chain] for chain in below] == [[BELOW, TOP]]
    withdrawn = list(chains_of(plant_trees(entries(TOP, WITHDRAWAL)), MIDDLE_DID))
    wider = accreditation(MIDDLE_DID, SCHOOL_DID, actions=BOTH, depth=3, under=TOP)
    for given, record_, moment, code in (
        (below, BELOW, NOW + timedelta(hours=1), Code.ACCREDITATION_MISSING),
        (withdrawn, BELOW, NOW + timedelta(hours=1), Code.ACCREDITATION_WITHDRAWN),
        (chains, BELOW, NOW, Code.ACCREDITATION_OUT_OF_TIME),
        (chains, wider, NOW + timedelta(hours=1), Code.ACCREDITATION_INVALID),
    ):
        with pytest.raises(VerificationError) as refusal:
            verify_above(record_, given, moment=moment)
        assert refusal.value.code is code


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, FrontEnd, Browser]]:
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    with listen("127.0.0.1", 0) as listener, world.serving(listener) as front_end:
        for answer in [front_end.submit(record(each)) for each in NAMES]:
            answer.result()
        yield world, front_end, Browser(listener.url)
    world.close()


def test_server_names_who_has_accreditations_page_by_page(
    served: tuple[World, FrontEnd, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, front_end, browser = served
    book = AccreditationBook(world.store(), lambda: front_end.published)
    assert book.trees() == ()
    assert browser.get("/accredited").json == {"dids": [], "more": False}
    for each in (TOP, create_timestamp(bytes(32)), BELOW, OTHER, WITHDRAWAL):
        front_end.submit(each).result()
        assert sum(len(list(tree.walk())) for tree in book.trees()) <= 3
    assert [tree.link.withdrawn is None for tree in book.trees()] == [False, True]
    accredited = sorted([MIDDLE_DID, SCHOOL_DID])
    assert browser.get("/accredited").json == {"dids": accredited, "more": False}
    assert browser.get(f"/accredited?type={quote(DIPLOMA)}&did={quote(ROOT_DID)}").json["dids"] == [
        MIDDLE_DID
    ]
    assert browser.get(f"/accredited?did={quote(STRANGER_DID)}").json["dids"] == [SCHOOL_DID]
    monkeypatch.setattr(ledger.http, "MAX_ACCREDITED", 1)
    assert browser.get("/accredited").json == {"dids": accredited[:1], "more": True}
    rest = browser.get(f"/accredited?after={quote(accredited[0])}")
    assert rest.json == {"dids": accredited[1:], "more": False}


def test_what_had_ended_before_it_was_withdrawn_is_said_to_have_ended() -> None:
    def standings(withdrawn: datetime) -> list[Standing]:
        log: Sequence[tuple[Record, datetime]] = ((TOP, BEGIN), (BELOW, BEGIN), (WITHDRAWAL, withdrawn))
        logged = read_logged(SubjectEntry(index, time, each.leaf) for index, (each, time) in enumerate(log))
        after = END + timedelta(days=2)
        return [each.standing(after) for tree in plant_trees(logged) for each in tree.walk()]

    assert standings(END + timedelta(days=1)) == [Standing.ENDED, Standing.ENDED]
    assert standings(END - timedelta(days=1)) == [Standing.WITHDRAWN, Standing.WITHDRAWN]


class GrowingLog:
    """Has nothing when it is asked for the first time, and the whole chain from then on."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read_records(self, subject: Subject, *, now: datetime) -> VerifiedRecords:
        records = reader(CHAIN if self.asked else [])(subject.name)
        self.asked.append(subject.name)
        return records


def test_list_that_was_read_before_what_rests_on_it_was_logged_is_read_again() -> None:
    log = GrowingLog()
    proven = read_accreditations(cast("LedgerClient", log), [SCHOOL_DID, MIDDLE_DID], now=NOW)
    assert dids_of(proven.trees) == sorted([MIDDLE_DID, SCHOOL_DID])
    assert log.asked == [MIDDLE_DID, SCHOOL_DID, MIDDLE_DID]


class LyingList(Files):
    """Gives these answers, one after the other."""

    def __init__(self, answers: Sequence[JsonObject]) -> None:
        super().__init__()
        self._answers = [encode_json(answer) for answer in answers]

    def read(self, path: str) -> bytes | None:
        assert path.startswith("accredited?")
        return self._answers.pop(0)


def listed(*answers: JsonObject, folder: Path) -> list[str]:
    files = LyingList(answers)
    client = LedgerClient(LEDGER, fetcher=files, memory=CheckpointMemory(folder))
    return client.list_accredited(did=ROOT_DID, vct="a b&c")


def test_list_is_read_to_its_end(tmp_path: Path) -> None:
    first: JsonObject = {"dids": ["a", "b"], "more": True}
    assert listed(first, {"dids": ["c"], "more": False}, folder=tmp_path) == ["a", "b", "c"]
    assert listed({"dids": [], "more": True}, folder=tmp_path) == []


@pytest.mark.parametrize(
    "answers",
    [
        [{"dids": ["b", "a"]}],
        [{"dids": ["a", "a"]}],
        [{"dids": ["a"], "more": True}, {"dids": ["a"], "more": True}],
        [{"dids": [1]}],
        [{"dids": ["a"], "more": "yes"}],
        [{}],
    ],
)
def test_list_without_order_or_end_is_refused(answers: list[JsonObject], tmp_path: Path) -> None:
    with pytest.raises(MalformedError):
        listed(*answers, folder=tmp_path)


def test_list_of_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.client._MAX_ACCREDITED", 1)
    with pytest.raises(MalformedError) as refusal:
        listed({"dids": ["a", "b"]}, folder=tmp_path)
    assert refusal.value.code is Code.SIZE_EXCEEDED
