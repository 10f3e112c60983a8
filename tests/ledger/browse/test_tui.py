"""The explorer in a terminal, as a person uses it: keys are pressed before a ledger over real HTTP."""

import threading
from collections.abc import Iterator

import pytest
from textual.widgets import OptionList

from doors.screen.dialog import Field, Notice
from ledger.browse.head import ShownHead
from ledger.browse.reader import LedgerReader
from ledger.browse.tui.screens import (
    AccreditationsScreen,
    DidScreen,
    EntriesScreen,
    EntryScreen,
    HeadScreen,
)
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError
from protocol.records import DidRecord, Record
from tests.ledger.browse.hostile import ATTACKS, hostile_accreditations, hostile_did, hostile_types
from tests.ledger.browse.stage import Stage, on_stage, reading, served
from tests.ledger.world import create, names, record, update
from tests.screen_stage import NARROW, WIDE
from tests.wallet.test_cli_hostile_text import harmless

pytestmark = pytest.mark.usefixtures("no_markup")

OTHERS = 258


def records_at(port: int) -> list[DidRecord]:
    first = create("university", port=port)
    _, hostile = hostile_did(port=port)
    return [record(first), record(update(first.version)), *hostile, *names(OTHERS, port=port)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerReader]:
    folders = [tmp_path_factory.mktemp(name) for name in ("ledger", "seen")]
    with served(folders[0], records_at) as world, reading(world, folders[1]) as reader:
        yield reader


async def search(stage: Stage, text: str) -> None:
    await stage.press("slash")
    await stage.screen(Field)
    await stage.enter(text)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_person_goes_from_the_head_to_an_entry_its_did_and_back(
    reader: LedgerReader, size: tuple[int, int]
) -> None:
    async with on_stage(reader, size=size) as stage:
        await stage.screen(HeadScreen)
        await stage.shows("Entries    262", "✓ operator", "is the operator", "own word; --policy")
        await stage.press("2")
        await stage.screen(EntriesScreen)
        await stage.shows("261 ", "did-257", "version 1: created")
        await search(stage, "0")
        entry = await stage.screen(EntryScreen)
        await stage.shows("Entry 0", "About      did:webvh:", "Leaf hash")
        await stage.press("n")
        await stage.gone(entry)
        await stage.shows("Entry 1", "version 2: changed")
        await stage.press("d")
        await stage.screen(DidScreen)
        await stage.shows(
            "All that the log holds, as of",
            "Key        #key-1",
            "           issues, proves who acts",
            "to now",
        )
        await stage.press("j", "enter")
        await stage.shows("Entry 0", "version 1: created")
        for place in (DidScreen, EntryScreen, EntriesScreen):
            await stage.press("q")
            await stage.screen(place)
        await stage.press("escape")
        await stage.screen(EntriesScreen)
        await stage.press("q")
        await stage.until(lambda: not stage.app.is_running)
    assert stage.app.failure is None


async def test_entries_are_read_on_when_the_cursor_comes_to_the_last_one(reader: LedgerReader) -> None:
    async with on_stage(reader) as stage:
        await stage.shows("Entries    262")
        await stage.press("2")
        # Six entries stand in the last file, so the one before it is wanted as soon as the cursor is there.
        await stage.until(lambda: len(stage.app.entries) == 6)
        await stage.press("G")
        await stage.until(lambda: len(stage.app.entries) == 262)
        await stage.rests()
        await stage.press("G")
        await stage.shows("university", "version 1: created")
        options = stage.app.screen.query_one(OptionList)
        assert options.option_count == 262


async def test_entries_that_are_wanted_while_something_else_is_read_come_after_it(
    reader: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, head = threading.Event(), reader.head

    def read_late() -> ShownHead:
        assert gate.wait(10)
        return head()

    async with on_stage(reader) as stage:
        await stage.shows("Entries    262")
        monkeypatch.setattr(reader, "head", read_late)
        await stage.press("r")
        await stage.shows("reading …")
        await stage.press("2")
        await stage.shows("nothing was read")
        gate.set()
        await stage.shows("261 ", "did-257")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("99999", Code.NOT_FOUND),
        ("nobody", Code.NOT_FOUND),
        ("did:webvh:x", Code.DID_NOT_FOUND),
        ("f" * 64, Code.NOT_FOUND),
    ],
)
async def test_what_is_not_there_is_said_in_words(reader: LedgerReader, asked: str, code: Code) -> None:
    async with on_stage(reader) as stage:
        await stage.shows("Entries    262")
        await search(stage, asked)
        await stage.screen(Notice)
        await stage.shows(code.value)
        await stage.press("enter")
        await stage.screen(HeadScreen)


async def test_ledger_that_is_away_is_said_in_words_and_can_be_asked_again(
    reader: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> TallyError:
        raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE)

    async with on_stage(reader) as stage:
        with monkeypatch.context() as patch:
            patch.setattr(reader, "head", fail)
            stage.app.head = None
            await stage.rests()
            await stage.press("r")
            await stage.screen(Notice)
            await stage.shows("network_ledger_unreachable", "tally ledger serve")
            await stage.press("escape")
        await stage.press("r")
        await stage.shows("Entries    262")
    assert stage.app.failure is None


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_nothing_that_a_stranger_wrote_acts_on_the_screen(
    reader: LedgerReader, size: tuple[int, int]
) -> None:
    async with on_stage(reader, size=size) as stage:
        await stage.shows("Entries    262")
        await search(stage, "3")
        await stage.screen(EntryScreen)
        for _ in range(12):
            assert harmless(stage.text())
            await stage.press("pagedown")
        await stage.press("d")
        await stage.screen(DidScreen)
        assert harmless(stage.text())
        await search(stage, "[red]x[/] \u202e")
        await stage.screen(Notice)
        assert harmless(stage.text())
    assert stage.app.failure is None


async def test_help_lists_the_keys_and_nothing_opens_above_it(reader: LedgerReader) -> None:
    async with on_stage(reader) as stage:
        await stage.shows("Entries    262")
        await stage.press("question_mark")
        await stage.screen(Notice)
        await stage.shows("the history of its DID")
        await stage.press("2", "slash", "r")
        await stage.rests()
        await stage.screen(Notice)
        await stage.press("question_mark")
        await stage.screen(HeadScreen)


async def test_marks_are_plain_where_that_is_asked_for(reader: LedgerReader) -> None:
    async with on_stage(reader, ascii=True) as stage:
        await stage.shows("OK operator")
        await search(stage, "university")
        await stage.screen(DidScreen)
        assert stage.text().isascii()


def accredited_at(port: int) -> list[Record]:
    university = create("university", port=port)
    return [record(university), *hostile_accreditations(university.version.did, port=port)]


@pytest.fixture(scope="module")
def mill_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerReader]:
    folders = [tmp_path_factory.mktemp(name) for name in ("mill", "seen")]
    with served(folders[0], accredited_at) as world, reading(world, folders[1]) as reader:
        yield reader


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_person_goes_from_the_accreditations_to_an_entry_its_did_and_what_it_has(
    mill_reader: LedgerReader, size: tuple[int, int]
) -> None:
    async with on_stage(mill_reader, size=size) as stage:
        await stage.shows("✓ operator")
        await stage.press("3")
        everything = await stage.screen(AccreditationsScreen)
        await stage.shows(
            "mill", "a root", "└ university", "✗ withdrawn 2026-11-22", "✓ 2026-11-22 to 2027-11-01"
        )
        assert harmless(stage.text())
        await stage.press("j", "enter")
        await stage.screen(EntryScreen)
        await stage.shows("accredited", "May        issue", "Until      2027-11-01T00:00:00Z")
        assert harmless(stage.text())
        await stage.press("a")
        await stage.screen(AccreditationsScreen)
        await stage.shows("Accreditations · university", "About      did:webvh:")
        await stage.press("q", "d")
        await stage.screen(DidScreen)
        await stage.press("a")
        await stage.screen(AccreditationsScreen)
        await stage.press("g", "enter")
        await stage.screen(DidScreen)
        await stage.shows("· mill")
        await stage.press("q", "q", "q", "q")
        await stage.until(lambda: stage.app.screen is everything)
    assert stage.app.failure is None


async def test_type_is_searched_by_its_name_and_shown_with_who_described_it(
    mill_reader: LedgerReader,
) -> None:
    async with on_stage(mill_reader) as stage:
        await stage.shows("✓ operator")
        for vct in (ATTACKS[0], ATTACKS[8]):
            await search(stage, vct)
            screen = await stage.screen(AccreditationsScreen)
            await stage.shows("Accreditations · of a type", "Described  2026-11-22T12:00:00Z", "└ university")
            assert harmless(stage.text())
            await stage.press("q")
            await stage.gone(screen)
        await search(stage, "urn:nothing:1")
        await stage.screen(Notice)
        await stage.shows(Code.NOT_FOUND.value)


async def test_entry_about_a_type_leads_to_it_and_one_about_nobody_nowhere(mill_reader: LedgerReader) -> None:
    async with on_stage(mill_reader) as stage:
        await stage.shows("✓ operator")
        await search(stage, str(2 + len(hostile_types())))
        await stage.screen(EntryScreen)
        await stage.shows("type described", "Integrity", "a Accreditations")
        assert "Its DID" not in stage.text()
        await stage.press("a")
        await stage.screen(AccreditationsScreen)


async def test_trees_are_plain_where_that_is_asked_for(mill_reader: LedgerReader) -> None:
    async with on_stage(mill_reader, ascii=True) as stage:
        await stage.shows("OK operator")
        await search(stage, "university")
        await stage.screen(DidScreen)
        await stage.press("a")
        await stage.screen(AccreditationsScreen)
        await stage.shows("+ university", "x withdrawn 2026-11-22")
