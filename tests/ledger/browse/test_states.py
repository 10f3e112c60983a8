"""What the pages and the screens say of what is not as it should be."""

from dataclasses import replace

from doors.screen.text import Folded
from ledger.browse.did_history import ShownDid, show_did
from ledger.browse.entry import show_entry
from ledger.browse.explorer import EntryPage
from ledger.browse.head import ShownHead
from ledger.browse.pages import did_page, entry_page, head_page
from ledger.browse.reader import ProvenDid
from ledger.browse.tui.lines import did_lines, entry_lines, head_lines
from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.index.proof import SubjectEntry
from protocol.index.subject import Subject
from tests.ledger.world import NOW, history

RECORDS = history("university", 2)
DID = RECORDS[0].did.did
SOUND = show_did(DID, [SubjectEntry(index, NOW, each.leaf) for index, each in enumerate(RECORDS)], now=NOW)
ENTRY = SOUND.entries[0]


def told(shown: ShownDid) -> tuple[str, str]:
    """What the page and the screen say of a DID."""
    return did_page(shown, origin="log.example"), Folded(did_lines(ProvenDid(shown, None))).plain


def test_history_that_must_not_be_trusted_is_never_called_verified() -> None:
    assert all("key-1" in text for text in told(SOUND))
    trouble = VerificationError(Code.DID_CHAIN_BROKEN)
    page, screen = told(replace(SOUND, keys=(), trouble=trouble))
    assert "did_chain_broken" in page
    assert "✗ must not be trusted" in screen
    assert "verified" not in screen
    assert "In use" not in page


def test_what_a_key_is_for_begins_in_its_column_where_the_window_is_narrow() -> None:
    [key, *_] = SOUND.keys
    named = replace(SOUND, keys=(replace(key, id=f"{DID}#{'z' * 48}", use="issues, proves who acts"),))
    _, screen = told(named)
    assert f"Key        #{'z' * 48}\n           issues, proves who acts\n" in screen


def test_deactivated_did_is_not_in_use() -> None:
    page, screen = told(replace(SOUND, deactivated=NOW))
    assert "Deactivated at 2026-11-22 12:00:00Z" in page
    assert "✗ deactivated at 2026-11-22T12:00:00Z" in screen
    assert "in use" not in (page + screen).lower()


def test_entry_of_a_kind_without_a_page_is_named_and_not_linked() -> None:
    other = replace(ENTRY, subject=Subject("tomorrow", "<b>"), label="<b>")
    page = entry_page(EntryPage(other, 1), origin="log.example")
    assert "tomorrow: &lt;b&gt;" in page
    assert "/browse/did" not in page


def test_entry_that_cannot_be_read_is_shown_as_that() -> None:
    unknown = show_entry(0, b"\xff", logged=None)
    assert "not known here" in entry_page(EntryPage(unknown, 1), origin="log.example")
    assert "not known here" in Folded(entry_lines(unknown)).plain


def test_log_without_a_quorum_has_no_time() -> None:
    head = ShownHead("log.example", 1, bytes(32), None, None, (), "note")
    assert "nobody vouches for a time" in head_page(head)
    assert "nobody vouches for one" in Folded(head_lines(head, own_word=False)).plain
