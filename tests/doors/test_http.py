import base64
import hashlib
import re
from collections.abc import Iterator

import pytest

from doors.http import request_body
from doors.problem import http_status
from doors.server import listen, running
from protocol.codes import Audience, Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from storage.management_key import create_management_key
from tests.browser import Browser
from tests.doors.sample_app import CANARY, MAX_BYTES, create_sample_app

KEY_TEXT, KEY = create_management_key("sample")


@pytest.fixture(scope="module")
def client() -> Iterator[Browser]:
    with listen("127.0.0.1", 0) as listener, running(create_sample_app(key=KEY), listener):
        yield Browser(listener.url)


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/nowhere", 404), ("/unforeseen", 500), ("/docs", 200)]
)
def test_every_answer_has_the_security_headers(client: Browser, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status == status
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "permissions-policy" in answer.headers
    assert not answer.headers.keys() & {"server", "access-control-allow-origin", "set-cookie"}


def test_answer_may_say_for_itself_how_long_it_may_be_kept(client: Browser) -> None:
    assert client.post("/raw", b"x", kind="text/plain").headers["cache-control"] == "public, max-age=60"


def test_problem_says_what_happened_and_what_to_do(client: Browser) -> None:
    answer = client.get("/untrusted")
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json == {
        "type": "/docs#signature_invalid",
        "title": Code.SIGNATURE_INVALID.meaning,
        "status": 422,
        "code": "signature_invalid",
        "hint": Code.SIGNATURE_INVALID.remedy_for(Audience.DEVELOPER),
        "detail": "second entry",
    }


def test_unforeseen_exception_is_a_problem_that_the_log_knows_again(
    client: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/unforeseen")
    assert answer.status == 500
    assert answer.json["code"] == "internal_error"
    assert "detail" not in answer.json
    [record] = caplog.records
    assert answer.json["instance"] in record.getMessage()
    assert "ValueError" in record.getMessage()


def test_unforeseen_exception_leaves_its_text_nowhere(
    client: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = client.get("/unforeseen")
    assert CANARY.encode() not in answer.body
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())


def test_unforeseen_exception_shows_its_traceback_in_the_log_with_debug(
    client: Browser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_DEBUG", "1")
    assert CANARY.encode() not in client.get("/unforeseen").body
    assert CANARY in caplog.text


@pytest.mark.parametrize("path", ["/nowhere", "/docs/", "/healthz/", "/redoc", "/../etc/passwd"])
def test_unknown_address_is_not_found(client: Browser, path: str) -> None:
    answer = client.get(path)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_refusal_of_the_framework_is_a_problem_with_its_status(client: Browser) -> None:
    answer = client.get("/forbidden")
    assert (answer.status, answer.json["status"], answer.json["code"]) == (403, 403, "format_invalid")


def test_health_says_ok_and_what_the_service_adds(client: Browser) -> None:
    assert client.get("/healthz").json == {"status": "ok", "records": 3}


def test_health_of_a_service_that_cannot_work_is_unavailable() -> None:
    with listen("127.0.0.1", 0) as listener, running(create_sample_app(), listener):
        client = Browser(listener.url)
        client.post("/sick")
        answer = client.get("/healthz")
    assert (answer.status, answer.json["code"]) == (503, "log_stale")
    assert answer.headers["retry-after"] == "5"


def test_json_body_is_read(client: Browser) -> None:
    assert client.post("/json", b'{"a":[1]}', kind="application/json; charset=UTF-8").json == {"a": [1]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a":1,"a":2}', "json_duplicate_member"),
        (b'{"a":NaN}', "json_number"),
        (b"[" * 100 + b"]" * 100, "json_depth"),
        (b"[]", "format_invalid"),
        (b"", "json_invalid"),
        (b"\xff", "text_invalid"),
    ],
)
def test_json_body_that_two_readers_could_read_differently_is_refused(
    client: Browser, body: bytes, code: str
) -> None:
    answer = client.post("/json", body, kind="application/json")
    assert (answer.status, answer.json["code"]) == (400, code)


@pytest.mark.parametrize("path", ["/json", "/raw"])
@pytest.mark.parametrize(
    "content_type", ["", "text/html", "application/jsonp", "text/plain; charset=latin-1"]
)
def test_body_of_another_kind_is_refused(client: Browser, path: str, content_type: str) -> None:
    answer = client.post(path, b"{}", kind=content_type)
    assert (answer.status, answer.json["code"]) == (415, "media_type_unsupported")


def test_body_up_to_the_limit_is_read_and_one_more_is_refused(client: Browser) -> None:
    assert client.post("/raw", b"x" * MAX_BYTES, kind="text/plain").status == 200
    answer = client.post("/raw", b"x" * (MAX_BYTES + 1), kind="text/plain")
    assert (answer.status, answer.json["code"]) == (413, "size_exceeded")


def test_body_beyond_the_limit_of_the_application_is_refused_unread(client: Browser) -> None:
    answer = client.ask("POST", "/json", None, {"Content-Length": str(1 << 40)})
    assert (answer.status, answer.json["code"]) == (413, "size_exceeded")
    assert answer.headers["connection"] == "close"


def test_parameter_of_the_wrong_type_is_named_without_its_value(client: Browser) -> None:
    answer = client.get(f"/items/1?limit={CANARY}")
    assert (answer.status, answer.json["code"]) == (400, "member_invalid")
    assert answer.json["detail"] == "query.limit: int_parsing"
    assert CANARY.encode() not in answer.body


def test_documentation_needs_nothing_but_itself(client: Browser) -> None:
    answer = client.get("/docs")
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<link|<img|src=|@import|url\(|https?:", page)
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert "style=" not in page


def test_documentation_shows_every_operation_and_every_code(client: Browser) -> None:
    page = client.get("/docs").body.decode()
    for path in client.get("/openapi.json").json["paths"]:
        assert path in page
    for code in Code:
        assert f'id="{code.value}"' in page
    assert "Sample &lt;b&gt;" in page
    assert "<p>First.</p><p>Second.</p>" in page
    assert "needs ManagementKey" in page
    assert "<td>required</td>" in page


def test_openapi_describes_the_body_and_the_problem(client: Browser) -> None:
    document = client.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/json"]["post"]
    assert operation["requestBody"] == request_body({"type": "object"})["requestBody"]
    assert "application/problem+json" in operation["responses"]["default"]["content"]
    assert document["paths"]["/guarded"]["post"]["security"] == [{"ManagementKey": []}]


def test_management_key_opens_the_guarded_address(client: Browser) -> None:
    answer = client.post("/guarded", b'{"a":1}', kind="application/json", Authorization=f"Bearer {KEY_TEXT}")
    assert answer.json == {"id": KEY.id, "a": 1}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MalformedError(Code.JSON_INVALID), 400),
        (VerificationError(Code.EXPIRED), 422),
        (UnavailableError(Code.STATUS_UNAVAILABLE), 503),
        (UnavailableError(Code.NETWORK_TIMEOUT), 502),
        (UnavailableError(Code.NETWORK_BUSY), 503),
        (RefusedError(Code.STATUS_INDEX_TAKEN), 409),
        (RefusedError(Code.OFFER_NOT_FOUND), 404),
        (RefusedError(Code.REQUEST_EXPIRED), 410),
        (RefusedError(Code.ENTRY_NOT_ADMITTED), 422),
        (RefusedError(Code.SCOPE_INSUFFICIENT), 403),
        (TallyError(Code.POLICY_INVALID), 500),
    ],
)
def test_error_is_answered_with_its_status(error: TallyError, status: int) -> None:
    assert http_status(error) == status
