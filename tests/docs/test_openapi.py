"""What a service says of itself in /openapi.json is what it answers: status, media type, and who may ask."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from doors.server import listen
from ledger.approvals.store import KnownApprover, WitnessProof
from ledger.client import TOKEN_PREFIX
from ledger.front_end import FrontEnd
from ledger.identity import IdentityKey
from ledger.store import LedgerStore
from protocol.did.key import encode_did_key
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.witness import create_witness_proof
from protocol.tlog.witness import AddCheckpointRequest, encode_add_checkpoint
from storage.management_key import create_management_key
from tests.browser import FORM, Answer, Browser, bearer
from tests.issuer.door import Door as IssuerDoor
from tests.issuer.door import open_door as open_issuer
from tests.issuer.door import request as credential_request
from tests.issuer.university import EXAMPLE
from tests.ledger.node.node_door import Elsewhere, NodeDoor, make_node
from tests.ledger.node.node_door import serving as serving_node
from tests.ledger.world import KEY as OWNER
from tests.ledger.world import NOW, World, create, record
from tests.status_issuer import KEY
from tests.verifier.door import Door as VerifierDoor
from tests.verifier.door import open_door as open_verifier
from tests.verifier.door import request as presentation_request
from tests.verifier.shop import reference_of

Requests = Mapping[str, Callable[[], Answer]]
"""An honest request for every operation of a service, by method and path."""

OFFER = {"type": "degree", "claims": EXAMPLE}
ACCEPTED = "credential_accepted"


def ledger_requests(browser: Browser, store: LedgerStore) -> Requests:
    token, key = create_management_key(TOKEN_PREFIX)
    store.add_token(key)
    post = partial(browser.post, "/entries", create("university").line, **bearer(token))
    receipt = post().json
    return {
        "GET /healthz": partial(browser.get, "/healthz"),
        "GET /checkpoint": partial(browser.get, "/checkpoint"),
        "GET /policy": partial(browser.get, "/policy"),
        "GET /tile/{path}": partial(browser.get, "/tile/entries/000.p/1"),
        "GET /proof/{leaf_hash}": partial(browser.get, f"/proof/{receipt['leaf_hash']}"),
        "GET /index/checkpoint": partial(browser.get, "/index/checkpoint"),
        "GET /index/tile/{path}": partial(browser.get, "/index/tile/entries/000.p/1"),
        "GET /accredited": partial(browser.get, "/accredited"),
        "GET /evidence": partial(browser.get, f"/evidence?name={quote(receipt['did'], safe='')}"),
        "POST /authorization": partial(browser.post_json, "/authorization", trust_question(receipt["did"])),
        "POST /recognition": partial(browser.post_json, "/recognition", trust_question(receipt["did"])),
        "GET /{name}/did.jsonl": partial(browser.get, "/university/did.jsonl"),
        "GET /{name}/did-witness.json": partial(browser.get, "/witnessed/did-witness.json"),
        "GET /approvers": partial(browser.get, "/approvers"),
        "POST /entries": post,
    }


def trust_question(did: str) -> dict[str, str]:
    return {"entity_id": did, "authority_id": did, "action": "issue", "resource": "urn:example:degree"}


def node_requests(door: NodeDoor, ledger: Browser) -> Requests:
    note = ledger.get("/checkpoint").body.decode()
    body = encode_add_checkpoint(AddCheckpointRequest(0, (), note))
    ask = partial(door.browser.post, "/add-checkpoint", body, kind="text/plain")
    assert ask().status == 200
    there = f"/{door.origin_hash}"
    size = int(note.split("\n")[1])
    again = encode_add_checkpoint(AddCheckpointRequest(size, (), note))
    return {
        "GET /healthz": partial(door.browser.get, "/healthz"),
        "GET /policy-line": partial(door.browser.get, "/policy-line"),
        "GET /approver": partial(door.browser.get, "/approver"),
        "GET /{origin_hash}/approvals": partial(door.browser.get, f"{there}/approvals"),
        "GET /{origin_hash}/checkpoint": partial(door.browser.get, f"{there}/checkpoint"),
        "GET /{origin_hash}/tile/{path}": partial(door.browser.get, f"{there}/tile/entries/000.p/1"),
        "POST /add-checkpoint": partial(door.browser.post, "/add-checkpoint", again, kind="text/plain"),
    }


def issuer_requests(door: IssuerDoor) -> Requests:
    browser, key = door.browser, door.key

    def get_offer() -> Answer:
        return browser.get(f"/offers/{door.offer()['offer'].rpartition('%2F')[2]}")

    def issue(token: str) -> Answer:
        return door.credential(token, credential_request(door.university.proof()))

    def notify() -> Answer:
        token = door.token()
        told = {"notification_id": issue(token).json["notification_id"], "event": ACCEPTED}
        return browser.post_json("/notification", told, **bearer(token))

    issue(door.token())
    credential = (
        f"/manage/credentials/{browser.get('/manage/credentials', **key).json['credentials'][0]['id']}"
    )
    return {
        "GET /healthz": partial(browser.get, "/healthz"),
        "GET /.well-known/openid-credential-issuer": partial(
            browser.get, "/.well-known/openid-credential-issuer"
        ),
        "GET /.well-known/oauth-authorization-server": partial(
            browser.get, "/.well-known/oauth-authorization-server"
        ),
        "GET /offers/{reference}": get_offer,
        "GET /status/{number}": partial(browser.get, "/status/1"),
        "GET /types/{name}": partial(browser.get, "/types/degree"),
        "POST /token": lambda: door.exchange(*door.code()),
        "POST /nonce": partial(browser.post, "/nonce"),
        "POST /credential": lambda: issue(door.token()),
        "POST /notification": notify,
        "POST /manage/offers": partial(browser.post_json, "/manage/offers", OFFER, **key),
        "GET /manage/offers": partial(browser.get, "/manage/offers", **key),
        "GET /manage/offers/{offer_id}": lambda: browser.get(f"/manage/offers/{door.offer()['id']}", **key),
        "POST /manage/offers/{offer_id}/withdraw": lambda: browser.post(
            f"/manage/offers/{door.offer()['id']}/withdraw", **key
        ),
        "GET /manage/credentials": partial(browser.get, "/manage/credentials", **key),
        "GET /manage/credentials/{credential_id}": partial(browser.get, credential, **key),
        "POST /manage/credentials/{credential_id}/suspend": partial(
            browser.post, f"{credential}/suspend", **key
        ),
        "POST /manage/credentials/{credential_id}/reinstate": partial(
            browser.post, f"{credential}/reinstate", **key
        ),
        "POST /manage/credentials/{credential_id}/revoke": partial(
            browser.post, f"{credential}/revoke", **key
        ),
        "POST /manage/credentials/{credential_id}/forget": partial(
            browser.post, f"{credential}/forget", **key
        ),
        "POST /manage/rotate": partial(browser.post, "/manage/rotate", **key),
        "GET /manage/types": partial(browser.get, "/manage/types", **key),
    }


def verifier_requests(door: VerifierDoor) -> Requests:
    browser, key = door.browser, door.key

    def path_of(kind: str) -> str:
        return f"/{kind}/{reference_of(door.ask())}"

    return {
        "GET /healthz": partial(browser.get, "/healthz"),
        "GET /request/{reference}": lambda: browser.get(path_of("request")),
        "POST /request/{reference}": lambda: browser.post(path_of("request"), "wallet_nonce=n", kind=FORM),
        "POST /response/{reference}": lambda: door.answer(door.ask()),
        "POST /manage/requests": partial(door.post_manage, "/manage/requests", **presentation_request()),
        "GET /manage/requests/{request_id}": lambda: browser.get(f"/manage/requests/{door.ask().id}", **key),
        "DELETE /manage/requests/{request_id}": lambda: browser.ask(
            "DELETE", f"/manage/requests/{door.ask().id}", None, key
        ),
        "POST /manage/rotate": partial(browser.post, "/manage/rotate", **key),
        "POST /manage/check": partial(door.post_manage, "/manage/check", credential="x"),
    }


def approve(front_end: FrontEnd, store: LedgerStore) -> None:
    """Log a DID with a witness that has approved it."""
    witness = encode_did_key(OWNER.public_key)
    rule = encode_witness_rule(WitnessRule(1, (witness,)))
    made = create("witnessed", parameters={"witness": rule})
    front_end.submit(record(made)).result(20)
    version = made.version
    proof = create_witness_proof(version.version_id, key=OWNER, created=NOW)
    found = WitnessProof(version.parameters.scid, 1, version.version_id, proof)
    store.approvals.add_approver("cosigner", KnownApprover(witness, "its statement", 0))
    store.approvals.add_proofs("cosigner", witness, [found], collected=1, shown={found.scid: 0})


def rotate(_now: datetime) -> IdentityKey:
    return IdentityKey(KEY, "did:example#2")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Browser, Requests]]]:
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    with (
        listen("127.0.0.1", 0) as listener,
        world.serving(listener) as front_end,
        serving_node(
            make_node(tmp_path_factory.mktemp("node"), world.ledger),
            fetcher=Elsewhere(world.port, instead=listener.socket.getsockname()[1]),
        ) as node,
        open_issuer(tmp_path_factory.mktemp("issuer")) as issuer,
        open_verifier(tmp_path_factory.mktemp("verifier"), rotate=rotate) as verifier,
    ):
        ledger = Browser(listener.url)
        approve(front_end, world.store())
        yield {
            # First of all: it logs what the others are asked for.
            "ledger": (ledger, ledger_requests(ledger, world.store())),
            "node": (node.browser, node_requests(node, ledger)),
            "issuer": (issuer.browser, issuer_requests(issuer)),
            "verifier": (verifier.browser, verifier_requests(verifier)),
        }
    world.close()


@pytest.fixture(params=["ledger", "node", "issuer", "verifier"])
def service(
    request: pytest.FixtureRequest, services: dict[str, tuple[Browser, Requests]]
) -> tuple[Browser, Requests]:
    return services[request.param]


def operations(browser: Browser) -> dict[str, Any]:
    """What the service says of each of its operations."""
    paths = browser.get("/openapi.json").json["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, item in paths.items()
        for method, operation in item.items()
    }


def media_types(responses: Any, status: int) -> set[str]:
    """The media types that are declared for answers with this status; an answer without content has none."""
    return set(responses.get(str(status), responses["default"]).get("content", {})) or {""}


def media_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0]


def test_every_operation_answers_an_honest_request_as_it_is_described(
    service: tuple[Browser, Requests],
) -> None:
    browser, requests = service
    described = operations(browser)
    assert described.keys() == requests.keys()
    for name, ask in requests.items():
        responses, answer = described[name]["responses"], ask()
        declared = [int(status) for status in responses if status.startswith("2")]
        assert [answer.status] == declared, name
        assert media_types(responses, answer.status) == {media_type(answer)}, name


def test_every_operation_asks_a_stranger_for_the_key_that_is_described_and_no_other(
    service: tuple[Browser, Requests],
) -> None:
    browser, _ = service
    for name, operation in operations(browser).items():
        method, _, path = name.partition(" ")
        kind = next(iter(operation.get("requestBody", {}).get("content", {})), "")
        headers = {"Content-Type": kind} if kind else {}
        body = b"" if method == "POST" else None
        answer = browser.ask(method, re.sub(r"\{\w+\}", "1", path), body, headers)
        assert (answer.status == 401) is ("security" in operation), name
        if answer.status >= 400:
            assert media_type(answer) in media_types(operation["responses"], answer.status), name


def test_every_key_that_is_asked_for_is_described(service: tuple[Browser, Requests]) -> None:
    browser, _ = service
    schemes = browser.get("/openapi.json").json.get("components", {}).get("securitySchemes", {})
    asked = {
        name
        for operation in operations(browser).values()
        for scheme in operation.get("security", [])
        for name in scheme
    }
    assert asked == schemes.keys()
    assert {(scheme["type"], scheme["scheme"]) for scheme in schemes.values()} <= {("http", "bearer")}
    page = browser.get("/docs").body.decode()
    assert all(f"needs {name}" in page for name in asked)


def test_page_for_people_needs_nothing_from_elsewhere(service: tuple[Browser, Requests]) -> None:
    browser, _ = service
    answer = browser.get("/docs")
    page = answer.body.decode()
    assert set(re.findall(r'(?:href|src|action)="([^"]*)"', page)) == {"/openapi.json"}
    assert not re.search(r"<(?:script|link|img|iframe|object|embed|form)|@import|url\(| on\w+=", page)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
