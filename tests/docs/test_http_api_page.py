"""The page of the HTTP doors says what the four running services say of themselves."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from doors.problem import http_status
from doors.server import listen
from issuer.management import OFFER_SCHEMA
from ledger.client import TOKEN_PREFIX
from protocol.codes import find_code
from protocol.encoding.members import object_member
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from storage.management_key import create_management_key
from tests.browser import Browser, bearer
from tests.docs.markdown import read_page
from tests.issuer.door import open_door as open_issuer
from tests.issuer.door import request as credential_request
from tests.ledger.node.node_door import make_node
from tests.ledger.node.node_door import serving as serving_node
from tests.ledger.world import World, create
from tests.verifier.door import open_door as open_verifier
from verifier.management import CHECK_SCHEMA, REQUEST_SCHEMA
from verifier.question import MAX_OPTIONAL

PAGE = read_page("docs/http-api.md")
EVERYWHERE = "Every service"
# Under which headings a service's endpoints stand.
PLACES = {
    "ledger": ("The ledger",),
    "node": ("A node of a ledger",),
    "issuer": ("For wallets and verifiers", "For the institution's own programs"),
    "verifier": ("For wallets and browsers", "For the verifier's own programs"),
}
# Pages for people and the description itself, which no description lists.
_PAGES = (
    "/docs",
    "/done",
    "/browse",
    "/browse/entries",
    "/browse/entry/{index}",
    "/browse/did",
    "/browse/accreditations",
    "/browse/type",
    "/browse/search",
)
UNDESCRIBED = {("GET", path) for path in ("/openapi.json", *_PAGES)}

Row = tuple[str, str]


def rows(*headings: str) -> dict[Row, list[str]]:
    """The rows of the endpoint tables under these headings: by method and path, what else they say."""
    return {
        (cells[0], cells[1].strip("`")): cells[2:]
        for heading, cells in PAGE.rows()
        if heading in headings and re.fullmatch("[A-Z]+", cells[0])
    }


def members(*, of: JsonObject) -> list[str]:
    """The members that the page lists for the body with this schema."""
    wanted = object_member(of, "properties").keys()
    tables: list[list[str]] = []
    for _, cells in PAGE.rows():
        if cells == ["member", "", ""]:
            tables.append([])
        elif tables and len(cells) == 3 and cells[0].startswith("`"):
            tables[-1].append(cells[0].strip("`"))
    return next(table for table in tables if set(table) & wanted == set(table) and table[0] in wanted)


def example(*keys: str) -> Any:
    """The one JSON block of the page that has these members."""
    found = [json.loads(block.text) for block in PAGE.blocks if block.language == "json"]
    [only] = [document for document in found if set(keys) <= document.keys()]
    return only


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    folders = [tmp_path_factory.mktemp(name) for name in ("issuer", "verifier", "node")]
    with (
        listen("127.0.0.1", 0) as listener,
        world.serving(listener),
        serving_node(make_node(folders[2], world.ledger)) as node,
        open_issuer(folders[0]) as issuer,
        open_verifier(folders[1]) as verifier,
    ):
        ledger = (world, Browser(listener.url))
        yield {"ledger": ledger, "node": node, "issuer": issuer, "verifier": verifier}
    world.close()


def browser(doors: dict[str, Any], service: str) -> Browser:
    door = doors[service]
    found = door[1] if service == "ledger" else door.browser
    assert isinstance(found, Browser)
    return found


@pytest.mark.parametrize("service", PLACES)
def test_page_lists_every_endpoint_of_a_service_and_no_other(doors: dict[str, Any], service: str) -> None:
    paths = browser(doors, service).get("/openapi.json").json["paths"]
    described = {(method.upper(), path) for path, item in paths.items() for method in item}
    listed = rows(EVERYWHERE, *PLACES[service]).keys()
    assert listed - UNDESCRIBED == described
    for _, path in listed & UNDESCRIBED:
        assert browser(doors, service).get(path).status != 404


@pytest.mark.parametrize("service", PLACES)
def test_page_says_which_body_an_endpoint_takes(doors: dict[str, Any], service: str) -> None:
    paths = browser(doors, service).get("/openapi.json").json["paths"]
    for (method, path), cells in rows(EVERYWHERE, *PLACES[service]).items():
        if (method, path) not in UNDESCRIBED:
            described = paths[path][method.lower()].get("requestBody", {}).get("content", {})
            assert cells[1].strip("`") == "".join(described), path


@pytest.mark.parametrize("service", PLACES)
def test_page_says_who_may_ask(doors: dict[str, Any], service: str) -> None:
    for (method, path), cells in rows(EVERYWHERE, *PLACES[service]).items():
        concrete = re.sub(r"\{\w+\}", "1", path)
        kind = cells[1].strip("`")
        headers = {"Content-Type": kind} if kind else {}
        answer = browser(doors, service).ask(method, concrete, b"" if method == "POST" else None, headers)
        assert (answer.status == 401) is (cells[0] != "any"), path


@pytest.mark.parametrize("schema", [OFFER_SCHEMA, REQUEST_SCHEMA, CHECK_SCHEMA])
def test_page_lists_every_member_of_a_body(schema: JsonObject) -> None:
    assert sorted(members(of=schema)) == sorted(object_member(schema, "properties"))


def test_page_knows_how_many_claims_may_be_optional() -> None:
    assert f"at most {MAX_OPTIONAL} |" in PAGE.text


def test_receipt_of_the_ledger_is_as_shown(doors: dict[str, Any]) -> None:
    world, asker = doors["ledger"]
    token, key = create_management_key(TOKEN_PREFIX)
    world.store().add_token(key)
    receipt = asker.post("/entries", create("university").line, **bearer(token)).json
    assert example("leaf_hash").keys() == receipt.keys()


def test_answers_of_the_issuer_are_as_shown(doors: dict[str, Any]) -> None:
    door = doors["issuer"]
    assert example("offer_by_value").keys() == door.offer().keys()
    token = door.token()
    assert door.credential(token, credential_request(door.university.proof())).status == 200
    assert example("tx_code", "state").keys() == one_of(door, "offers").keys()
    assert example("notified").keys() == one_of(door, "credentials").keys()


def one_of(door: Any, name: str) -> Any:
    return door.browser.get(f"/manage/{name}", **door.key).json[name][0]


def test_answers_of_the_verifier_are_as_shown(doors: dict[str, Any]) -> None:
    door = doors["verifier"]
    created = door.ask()
    assert example("request").keys() == {"id", "request", "match_code", "expires_at"}
    door.answer(created)
    shown, told = example("delete_at"), door.result(created)
    assert shown.keys() == told.keys()
    assert shown["credentials"][0].keys() == told["credentials"][0].keys()
    assert shown["checks"][0] == told["checks"][0]
    checked = door.post_manage("/manage/check", credential=told["id"]).json
    assert checked.keys() ^ example("vct", "claims").keys() == {"vct", "issuer", "error"}


def test_problem_is_as_shown(doors: dict[str, Any]) -> None:
    answer = browser(doors, "verifier").get("/manage/requests/1")
    assert answer.json == example("hint")
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_error_of_the_page_has_its_status() -> None:
    kinds: tuple[type[TallyError], ...] = (MalformedError, VerificationError, UnavailableError, RefusedError)
    listed = [
        (int(cells[0]), find_code(word))
        for heading, cells in PAGE.rows()
        if heading == "Errors" and cells[0].isdecimal()
        for word in re.findall(r"`(\w+)`", cells[2])
    ]
    assert len(listed) > 20
    for status, code in listed:
        assert code is not None
        assert status in {http_status(kind(code)) for kind in kinds}, code
