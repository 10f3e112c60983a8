"""What describes a type, logged and compared from the command line, before a real ledger."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import schemas
from doors.clock import now
from doors.exit_code import ExitCode
from ledger.fetch import chosen_fetcher
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.trust import trust_ledgers
from protocol.did.key import encode_did_key
from tests.ledger.institutions import Home, Town, town
from tests.ledger.world import KEY

DEGREE = "urn:tallystick:degree:1"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as place:
        yield place


@pytest.fixture(scope="module")
def university(place: Town) -> Home:
    home = place.settle("university")
    added = home.tally("issuer", "type", "add", "degree")
    assert "tally issuer type anchor degree" in added.stderr
    return home


def anchor(home: Home) -> Any:
    return home.answer("issuer", "type", "anchor", "degree")


def changed_degree(folder: Path) -> Path:
    """The folder of a type that is described otherwise."""
    changed = folder / "degree"
    shutil.copytree(Path(schemas.__file__).parent / "degree", changed)
    file = changed / "type_metadata.json"
    metadata = json.loads(file.read_text())
    metadata["display"][0]["name"] = folder.name
    file.write_text(json.dumps(metadata))
    return changed


def looking(home: Home, document: Path, by: Home) -> tuple[str, ...]:
    return ("ledger", "type", DEGREE, "--document", str(document), "--by", by.did)


def test_changed_type_is_noticed_until_it_is_logged_again(university: Home, place: Town) -> None:
    document = university.path / "issuer" / "types" / "degree" / "type_metadata.json"
    before = place.path / "before.json"
    shutil.copy(document, before)
    first = anchor(university)
    assert (first["vct"], first["logged_before"]) == (DEGREE, False)
    assert anchor(university) == {**first, "logged_before": True}
    assert university.tally(*looking(university, before, university)).status == ExitCode.SUCCESS

    university.answer("issuer", "type", "add", str(changed_degree(place.path / "doctorates")))
    status, code, words = university.refusal(*looking(university, document, university))
    assert (status, code) == (ExitCode.NOT_VALID, "type_metadata_changed")
    assert "never logged" in words

    second = anchor(university)
    assert second["index"] > first["index"]
    assert university.tally(*looking(university, document, university)).status == ExitCode.SUCCESS
    status, code, words = university.refusal(*looking(university, before, university))
    assert (status, code) == (ExitCode.NOT_VALID, "type_metadata_changed")
    assert "replaced" in words
    said = university.answer("ledger", "type", DEGREE, "--policy", str(place.policy))["records"]
    assert [each["integrity"] for each in said] == [first["integrity"], second["integrity"]]
    assert {each["by"] for each in said} == {university.did}


def test_word_of_a_stranger_about_a_type_is_told_apart(university: Home, place: Town) -> None:
    mine = anchor(university)
    stranger = place.settle("stranger")
    stranger.answer("issuer", "type", "add", str(changed_degree(place.path / "strange")))
    theirs = anchor(stranger)
    document = stranger.path / "issuer" / "types" / "degree" / "type_metadata.json"
    assert theirs["integrity"] != mine["integrity"]
    assert university.refusal(*looking(university, document, university))[1] == "type_metadata_changed"
    told = university.tally("ledger", "type", DEGREE).stdout
    assert university.did in told
    assert stranger.did in told
    only = university.answer("ledger", "type", DEGREE, "--by", stranger.did)["records"]
    assert [each["integrity"] for each in only] == [theirs["integrity"]]
    ledger = place.world.ledger
    with chosen_fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(place.path / "wallet")
        resolver = LedgerResolver(trust_ledgers([ledger]), fetcher=fetcher, memory=memory, clock=now)
        read = resolver.read_type_records(DEGREE, stranger.did)
        assert [each.integrity for each in read] == [theirs["integrity"]]
        assert resolver.read_type_records(DEGREE, encode_did_key(KEY.public_key)) == ()


def test_type_that_nobody_spoke_of_is_said_to_be_that(university: Home, place: Town) -> None:
    told = university.tally("ledger", "type", "urn:nothing:1")
    assert (told.status, told.stdout) == (ExitCode.SUCCESS, "")
    assert "Nothing is logged" in told.stderr
    document = place.path / "token"
    nothing = ("ledger", "type", "urn:nothing:1", "--document", str(document), "--by", university.did)
    assert university.refusal(*nothing)[:2] == (ExitCode.NOT_FOUND, "not_found")


def test_use_that_makes_no_sense_is_refused(university: Home, place: Town) -> None:
    document = ("--document", str(place.token))
    for command, status, code in (
        (("ledger", "type", DEGREE, *document), ExitCode.USAGE, "usage_invalid"),
        (("ledger", "type", ""), ExitCode.USAGE, "usage_invalid"),
        (("issuer", "type", "anchor", "nothing"), ExitCode.NOT_FOUND, "credential_type_unknown"),
    ):
        assert university.refusal(*command)[:2] == (status, code)


def test_document_that_can_describe_no_type_is_not_read(university: Home, place: Town) -> None:
    large = place.path / "large"
    large.write_bytes(bytes(256 * 1024 + 1))
    refused = university.refusal(*looking(university, large, university))
    assert refused[:2] == (ExitCode.FAILURE, "size_exceeded")
