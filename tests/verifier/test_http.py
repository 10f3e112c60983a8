import json
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, select

from doors.upkeep import repeated
from protocol.codes import Code
from protocol.errors import UnavailableError
from protocol.openid4vp.invocation import encode_fetch_body
from protocol.openid4vp.refusal import ErrorWord
from protocol.openid4vp.request_object import REQUEST_OBJECT_MEDIA_TYPE, verify_request_object
from protocol.openid4vp.response import encode_error_response
from protocol.presentation import Check
from tests.browser import FORM
from tests.verifier.door import Door, open_door
from tests.verifier.shop import VERIFIER_DID, issue, link_parameters, outcomes, reference_of
from verifier import http
from verifier.register import requests
from verifier.result import forget_overdue

CLIENT_ID = f"decentralized_identifier:{VERIFIER_DID}"


def test_request_is_created_fetched_answered_and_read(door: Door) -> None:
    created = door.ask(claims=["level", "field"])
    parameters = link_parameters(created.link)
    assert parameters["client_id"] == CLIENT_ID
    assert parameters["request_uri_method"] == "post"
    path = urlsplit(parameters["request_uri"]).path

    fetched = door.browser.get(path)
    posted = door.browser.post(path, encode_fetch_body("wallet-nonce-1"), kind=FORM)
    for answer, wallet_nonce in ((fetched, None), (posted, "wallet-nonce-1")):
        assert answer.status == 200
        assert answer.headers["content-type"] == REQUEST_OBJECT_MEDIA_TYPE
        assert answer.headers["cache-control"] == "no-store"
        verify_request_object(
            answer.body.decode(),
            expected_client_id=CLIENT_ID,
            expected_wallet_nonce=wallet_nonce,
            now=door.shop.clock(),
            resolve_did=door.shop.resolve,
            development=True,
        )

    assert door.result(created)["status"] == "pending"
    answer = door.answer(created, "level", "field")
    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    result = door.result(created)
    assert result["status"] == "verified"
    assert result["claims"] == {"level": "master", "field": "Computer Science"}
    assert list(outcomes(result["checks"])) == [*Check, "request_expiry", "query", "same_person"]
    assert all(check.keys() == {"id", "outcome", "detail"} for check in result["checks"])


def test_refused_answer_tells_the_wallet_what_it_means_and_nothing_it_sent(door: Door) -> None:
    created = door.ask(claims=["level"])
    canary = issue(level="Xanadu-canary")
    answer = door.answer(created, credential=canary, nonce="nonce-canary-0123456789")
    assert answer.status == 400
    assert answer.json == {
        "error": "invalid_request",
        "error_description": f"{Code.NONCE_MISMATCH.meaning} (nonce_mismatch)",
    }
    assert b"canary" not in answer.body
    assert door.result(created)["error"]["code"] == "nonce_mismatch"


@pytest.mark.parametrize(
    "body",
    [
        "vp_token=%7B%22<script>canary%22%3A1%7D",
        'vp_token={"canary":[1]}',
        'vp_token={"canary":["x"]}&vp_token={"canary":["x"]}',
        "canary=1",
        "error=canary",
        "%canary",
    ],
)
def test_form_that_cannot_be_read_is_refused_without_an_echo(door: Door, body: str) -> None:
    created = door.ask()
    answer = door.post(created, body)
    assert answer.status == 400
    assert answer.json["error"] == "invalid_request"
    assert b"canary" not in answer.body
    assert door.result(created)["status"] == "pending"


def test_declining_wallet_is_thanked(door: Door) -> None:
    created = door.ask()
    body = encode_error_response(ErrorWord.ACCESS_DENIED, "No.", state=reference_of(created))
    answer = door.post(created, body)
    assert (answer.status, answer.json) == (200, {})
    result = door.result(created)
    assert (result["status"], result["error"]["code"]) == ("refused", "holder_declined")


def test_answer_that_could_not_be_checked_is_asked_for_again(door: Door) -> None:
    created = door.ask()
    answer = door.answer(created, credential=issue(status=True))
    assert answer.status == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json["code"] == "status_unavailable"
    result = door.result(created)
    assert (result["status"], result["error"]["code"]) == ("pending", "status_unavailable")


def test_browser_comes_back_to_a_page_of_the_shop(door: Door) -> None:
    created = door.ask(redirect_uri="https://shop.example/thanks")
    redirect_uri = door.answer(created).json["redirect_uri"]
    code = redirect_uri.removeprefix("https://shop.example/thanks?response_code=")
    assert door.result(created)["status"] == "pending"
    assert door.result(created, f"?response_code={code}")["claims"] == {"level": "master"}
    again = door.browser.get(f"/manage/requests/{created.id}?response_code={code}", **door.key)
    assert (again.status, again.json["code"]) == (403, "response_code_invalid")


def test_browser_comes_back_to_the_plain_page(door: Door) -> None:
    created = door.ask(same_device=True)
    redirect_uri = urlsplit(door.answer(created).json["redirect_uri"])
    assert redirect_uri.path == "/done"
    assert door.result(created)["status"] == "pending"
    page = door.browser.get(f"{redirect_uri.path}?{redirect_uri.query}")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert b"Shop &lt;b&gt; has received your answer" in page.body
    assert b"master" not in page.body
    assert door.result(created)["claims"] == {"level": "master"}
    for query in (f"?{redirect_uri.query}", "", "?response_code=<script>"):
        refused = door.browser.get(f"/done{query}")
        assert refused.status == 403
        assert b"Not accepted" in refused.body
        assert b"<script>" not in refused.body


def test_hostile_purpose_is_refused_and_hostile_values_are_only_json(door: Door) -> None:
    refused = door.post_manage("/manage/requests", type="degree", retention_days=1, purpose="\x1b[2J")
    assert (refused.status, refused.json["code"]) == (400, "member_invalid")
    hostile = '\x1b[2J\u202e<script>"\x00'
    created = door.ask()
    assert door.answer(created, credential=issue(level=hostile)).status == 200
    assert door.result(created)["claims"] == {"level": hostile}


def test_removed_request_is_gone(door: Door) -> None:
    created = door.ask()
    path = f"/manage/requests/{created.id}"
    assert door.browser.ask("DELETE", path, None, door.key).status == 204
    assert door.browser.get(path, **door.key).status == 404
    assert door.browser.ask("DELETE", path, None, door.key).status == 404


def test_check_answers_whatever_it_finds(door: Door) -> None:
    good = door.post_manage("/manage/check", credential=issue().encoded)
    assert (good.status, good.json["status"]) == (200, "verified")
    bad = door.post_manage("/manage/check", credential=issue(exp=1).encoded)
    assert (bad.status, bad.json["status"], bad.json["error"]["code"]) == (200, "refused", "expired")
    half = door.post_manage("/manage/check", credential="x", nonce="x")
    assert (half.status, half.json["code"]) == (400, "input_required")


def test_question_nobody_can_answer_is_refused_at_once(door: Door) -> None:
    answer = door.post_manage("/manage/requests", type="passport", purpose="Border", retention_days=0)
    assert (answer.status, answer.json["code"]) == (409, "issuer_not_trusted")
    answer = door.post_manage("/manage/requests", type="degre", purpose="Job", retention_days=0)
    assert (answer.status, answer.json["code"]) == (404, "credential_type_unknown")


def test_service_says_that_it_is_well_and_when_its_policy_is_not(door: Door) -> None:
    assert door.browser.get("/healthz").json == {"status": "ok"}
    door.shop.policy_fault = "policy.toml: rules.statuss is unknown"
    answer = door.browser.get("/healthz")
    assert (answer.status, answer.json["code"]) == (503, "policy_invalid")
    assert b"statuss" not in answer.body
    assert door.post_manage("/manage/check", credential="x").json["detail"] == door.shop.policy_fault


def test_every_endpoint_is_described(door: Door) -> None:
    description = json.loads(door.browser.get("/openapi.json").body)
    assert set(description["paths"]) == {
        "/healthz",
        "/request/{reference}",
        "/response/{reference}",
        "/manage/requests",
        "/manage/requests/{request_id}",
        "/manage/check",
        "/manage/rotate",
    }
    guarded = [
        path
        for path, item in description["paths"].items()
        if all("security" in operation for operation in item.values())
    ]
    assert set(guarded) == {path for path in description["paths"] if path.startswith("/manage")}
    assert door.browser.get("/docs").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/manage/requests"),
        ("GET", "/manage/requests/0123456789abcdef"),
        ("DELETE", "/manage/requests/0123456789abcdef"),
        ("POST", "/manage/check"),
    ],
)
def test_management_needs_the_key(door: Door, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer tally_verifier_00000000_" + "x" * 43}):
        answer = door.browser.ask(method, path, None, headers)
        assert (answer.status, answer.json["code"]) == (401, "management_key_invalid")


def test_server_deletes_what_is_overdue_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [UnavailableError(Code.DATABASE_BUSY)]

    def forget(register: Engine, *, now: datetime) -> None:
        if busy:
            raise busy.pop()
        forget_overdue(register, now=now)

    monkeypatch.setattr(http, "repeated", partial(repeated, every=timedelta(milliseconds=10)))
    monkeypatch.setattr(http, "forget_overdue", forget)
    with open_door(tmp_path) as door:
        door.answer(door.ask(retention_days=1))
        ciphertext = _sealed(door)[30:60]
        door.shop.clock.advance(days=1)
        for _ in range(1000):
            if _sealed(door) is None and not _holds(tmp_path, ciphertext):
                break
            door.browser.get("/healthz")
        else:
            pytest.fail("it is still there")


def _sealed(door: Door) -> Any:
    with door.shop.register.begin() as connection:
        return connection.execute(select(requests.c.sealed)).scalar_one()


def _holds(folder: Path, data: bytes) -> bool:
    return any(data in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_verifier_without_signing_keys_cannot_rotate(door: Door) -> None:
    answer = door.post_manage("/manage/rotate")
    assert answer.json["code"] == "settings_invalid"
