"""The pages over HTTP: what they link to, what they refuse, and that no stranger's text acts in them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from doors.server import listen
from ledger.accreditations import LoggedRecord, plant_trees
from ledger.browse.accreditation_pages import MAX_TYPES, accreditations_page
from ledger.browse.explorer import PAGE_ENTRIES, AccreditationsPage
from protocol.tlog.merkle import hash_leaf
from protocol.tlog.proof import parse_log_proof
from tests.browser import Answer, Browser
from tests.ledger.browse.hostile import ATTACKS, hostile_accreditations, hostile_did, hostile_types
from tests.ledger.world import World, create, history, names, record
from tests.signed_records import BEGIN, ROOT_DID, SCHOOL_DID, accreditation
from tests.wallet.test_cli_hostile_text import harmless

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "footer"),
    *("h1", "h2", "p", "a", "dl", "dt", "dd", "ul", "li", "code", "pre", "div", "span"),
    *("table", "tr", "th", "td", "form", "label", "input", "button"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "class", "scope", "href", "action"),
    *("role", "type", "maxlength", "aria-label", "placeholder", "value"),
}
EMPTY = {"meta", "input"}
SECOND, HOSTILE = hostile_did()
UNIVERSITY = history("university", 2)
DID = UNIVERSITY[0].did.did
OTHERS = names(PAGE_ENTRIES)
MILL = hostile_accreditations(DID)
RECORDS = [*UNIVERSITY, *HOSTILE, *OTHERS, *MILL]
TYPE = "/browse/type?name="
ACCREDITATIONS = "/browse/accreditations"


class Page(HTMLParser):
    """A page taken apart; an element or an attribute that none of ours has, or that is not closed, fails."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(answer.body.decode())
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS
        assert {name for name, _ in attrs} <= ATTRIBUTES
        for name, value in attrs:
            assert harmless(value or "")
            if name in ("href", "action"):
                assert re.match(r"/(?!/)", value or "")
                self.links.append(value or "")
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert harmless(data)
        self.texts.append(data)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    with listen("127.0.0.1", 0) as listener, world.serving(listener) as sequencer:
        for answer in [sequencer.submit(each) for each in RECORDS]:
            answer.result()
        yield Browser(listener.url)
    world.close()


def read(browser: Browser, path: str, status: int = 200) -> Page:
    answer = browser.get(path)
    assert answer.status == status, path
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in policy
    return Page(answer)


def did_address(did: str) -> str:
    return f"/browse/did?name={quote(did, safe='')}"


def test_every_link_of_the_pages_leads_somewhere(browser: Browser) -> None:
    seen, waiting = set(), ["/browse"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for linked in read(browser, path).links:
            if linked.startswith("/browse") and linked != "/browse/search":
                # Of fifty entries that are all alike a few are enough.
                if linked not in seen | set(waiting) and not re.search(r"\d\d$|did-\d\d", linked):
                    waiting.append(linked)
            elif linked not in seen:
                seen.add(linked)
                assert browser.get(linked).status in (200, 400), linked
    assert {
        ACCREDITATIONS,
        "/browse/entries?page=2",
        "/browse/entry/0",
        did_address(DID),
        "/checkpoint",
    } <= seen


def test_overview_says_how_far_the_log_reaches_and_who_cosigned(browser: Browser) -> None:
    text = read(browser, "/browse").text
    assert f"Entries{len(RECORDS)}" in text
    assert "operatoris the operator2026-11-22 12:00:00Z" in text


def test_entry_is_shown_with_its_proof(browser: Browser) -> None:
    page = read(browser, "/browse/entry/1")
    leaf_hash = hash_leaf(RECORDS[1].leaf).hex()
    assert leaf_hash in page.text
    assert did_address(DID) in page.links
    [proof] = [link for link in page.links if link.startswith("/proof/")]
    assert parse_log_proof(browser.get(proof).body.decode()).leaf_index == 1


def test_did_is_shown_with_versions_keys_and_evidence(browser: Browser) -> None:
    page = read(browser, did_address(DID))
    assert "In use, 2 entries" in page.text
    assert "#key-1issues, proves who acts2026-11-22 12:00:00Znow" in page.text
    assert {"/university/did.jsonl", f"/evidence?name={quote(DID, safe='')}"} <= set(page.links)
    for linked in page.links:
        if linked.startswith("/evidence"):
            assert browser.get(linked).body.startswith(b"tallystick/tally-proof@v1\n")


def test_nothing_that_a_stranger_wrote_acts_in_a_page(browser: Browser) -> None:
    for path in ("/browse/entry/3", did_address(SECOND.version.did), "/browse/entries?page=2"):
        read(browser, path)
    shown = read(browser, "/browse/entry/3").text
    assert "<script>alert(1)</script>" in shown
    assert "&lt;b&gt; &amp; &#x202e;" in shown


@pytest.mark.parametrize("attack", [*ATTACKS, "did:webvh:<b>", "did:webvh:'\"\u202e", "<" * 1024])
def test_hostile_question_is_shown_as_text_and_leads_to_no_other_server(
    browser: Browser, attack: str
) -> None:
    for path in (
        *("/browse/search?q=", "/browse/did?name=", "/browse/entries?page=", "/browse/entry/"),
        *("/browse/accreditations?name=", "/browse/accreditations?type="),
    ):
        answer = browser.get(path + quote(attack, safe=""))
        assert answer.status in (200, 303, 400, 404)
        # There may be a type of this name, whose page is ours.
        assert answer.headers.get("location", TYPE).startswith(TYPE)
        Page(answer)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/browse/entries?page=0", 404),
        ("/browse/entries?page=3", 404),
        ("/browse/entries?page=99999999999999999", 404),
        ("/browse/entries?page=-1", 400),
        ("/browse/entries?page=1.0", 400),
        ("/browse/entries?page=01", 400),
        ("/browse/entries?page=%D9%A1", 400),
        ("/browse/entries?page=", 400),
        ("/browse/entries?page=" + "9" * 5000, 413),
        (f"/browse/entry/{len(RECORDS)}", 404),
        ("/browse/entry/-1", 400),
        ("/browse/entry/x", 400),
        ("/browse/accreditations?type=" + "x" * 2000, 413),
        ("/browse/accreditations?name=did:example:1", 200),
        ("/browse/type?name=%00", 400),
        ("/browse/did", 400),
        ("/browse/did?name=did:example:1", 404),
        ("/browse/search", 400),
        ("/browse/search?q=%20", 400),
        ("/browse/search?q=nobody", 200),
        ("/browse/nothing", 404),
        ("/browse/entry/1/more", 404),
        ("/browse/", 404),
    ],
)
def test_what_is_not_there_is_a_page_with_its_status(browser: Browser, path: str, status: int) -> None:
    page = read(browser, path, status)
    assert "/browse" in page.links


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (DID, did_address(DID)),
        ("university", did_address(DID)),
        ("17", "/browse/entry/17"),
        (hash_leaf(RECORDS[2].leaf).hex(), "/browse/entry/2"),
    ],
)
def test_question_with_one_answer_leads_to_it(browser: Browser, asked: str, place: str) -> None:
    answer = browser.get(f"/browse/search?q={quote(asked, safe='')}")
    assert (answer.status, answer.headers["location"]) == (303, place)


def test_question_with_many_answers_lists_them(browser: Browser) -> None:
    page = read(browser, "/browse/search?q=did-1")
    assert {did_address(OTHERS[number].did.did) for number in (1, *range(10, 20))} <= set(page.links)


def test_did_may_be_called_as_the_pages_are(world: World) -> None:
    with listen("127.0.0.1", 0) as listener, world.serving(listener) as sequencer:
        sequencer.submit(record(create("browse"))).result()
        answer = Browser(listener.url).get("/browse/did.jsonl")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/jsonl; charset=utf-8")


def test_pages_of_a_log_without_entries_say_so(world: World) -> None:
    with listen("127.0.0.1", 0) as listener, world.serving(listener):
        browser = Browser(listener.url)
        assert "Nothing is logged yet." in read(browser, "/browse/entries").text
        assert "Entries0" in read(browser, "/browse").text


def accreditations_address(did: str) -> str:
    return f"{ACCREDITATIONS}?name={quote(did, safe='')}"


def test_accreditations_are_shown_below_their_root_with_when_they_count(browser: Browser) -> None:
    text = read(browser, ACCREDITATIONS).text
    assert "mill, a root" in text
    assert "university may issue. Since 2026-11-22 12:00:00Z until 2027-11-01 00:00:00Z" in text
    assert "Withdrawn 2026-11-22 12:00:00Z" in text
    assert "<script>alert(1)</script>" in text
    assert accreditations_address(DID) in read(browser, did_address(DID)).links


def test_accreditations_are_searched_by_did_and_by_type(browser: Browser) -> None:
    vct = hostile_types()[0]
    assert "mill, a root" in read(browser, accreditations_address(DID)).text
    nothing = read(browser, accreditations_address(SECOND.version.did))
    assert "There is no such accreditation." in nothing.text
    of_type = read(browser, f"{accreditations_address(DID)}&type={quote(vct, safe='')}")
    assert len([link for link in of_type.links if link.startswith("/browse/entry/")]) == 1


def test_type_is_found_and_shown_with_who_describes_it_and_who_may_issue_it(browser: Browser) -> None:
    for vct in hostile_types():
        answer = browser.get(f"/browse/search?q={quote(vct, safe='')}")
        if vct.isprintable():
            assert (answer.status, answer.headers["location"]) == (
                303,
                f"/browse/type?name={quote(vct, safe='')}",
            )
        page = read(browser, f"/browse/type?name={quote(vct, safe='')}")
        assert "sha256-" in page.text
        assert "mill, a root" in page.text
        [evidence] = [link for link in page.links if link.startswith("/evidence")]
        assert browser.get(evidence).body.startswith(b"tallystick/tally-proof@v1\n")
    unknown = read(browser, "/browse/type?name=urn:nothing")
    assert "Nobody has logged" in unknown.text
    read(browser, "/browse/type", 400)


def test_more_accreditations_than_a_page_holds_are_counted(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.browse.explorer.MAX_SHOWN", 1)
    assert f"{len(hostile_types()) - 1} more are not shown." in read(browser, ACCREDITATIONS).text


def test_accreditation_for_many_types_names_a_few_and_counts_the_others() -> None:
    types = tuple(f"urn:type:{number:02}" for number in range(MAX_TYPES + 2))
    record = accreditation(ROOT_DID, SCHOOL_DID, types=types)
    trees = plant_trees([LoggedRecord(record, 0, BEGIN)])
    page = accreditations_page(AccreditationsPage(None, None, trees, 1, BEGIN), origin="ledger.example")
    assert [vct in page for vct in types] == [True] * MAX_TYPES + [False] * 2
    assert "2 more types" in page
