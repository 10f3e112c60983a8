"""NT-P01 to NT-P18, NT-P37 and NT-K08 at the verifier's door, over HTTP.

Left out is what needs a session of the browser, which is the shop's own and not this service's: the cookie of
NT-P10 and NT-P13. What this service does for it stands under NT-P09 and NT-P11: nothing is shown before the
response code has come back, and then once. Of NT-P12, counting attempts per address is left to the proxy.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from protocol.codes import Code
from protocol.openid4vp.response import encode_response
from storage.management_key import create_management_key
from tests.attacks.artefacts import OTHER_DID
from tests.browser import FORM, Answer, bearer
from tests.verifier.door import Door, open_door
from tests.verifier.shop import DEGREE, IDENTITY_CARD, OTHER_KEY, issue, outcomes, reference_of
from verifier.folder import KEY_PREFIX
from verifier.request import CreatedRequest

Attack = Callable[[Door, CreatedRequest], Answer]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One shop for all of them: each attack is on a request of its own."""
    with open_door(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


def with_state(state: str | None) -> Attack:
    def attack(door: Door, created: CreatedRequest) -> Answer:
        token = {"degree": [door.shop.present(created, "level")]}
        return door.post(created, encode_response(token, state=state))

    return attack


def of_another(door: Door, created: CreatedRequest) -> Answer:
    """The answer to another request, posted as the answer to this one."""
    token = {"degree": [door.shop.present(door.ask(), "level")]}
    return door.post(created, encode_response(token, state=reference_of(created)))


def with_state_of_another(door: Door, created: CreatedRequest) -> Answer:
    return with_state(reference_of(door.ask()))(door, created)


def form(text: str, kind: str = FORM) -> Attack:
    def attack(door: Door, created: CreatedRequest) -> Answer:
        return door.post(created, text.replace("STATE", reference_of(created)), kind=kind)

    return attack


def raw(body: bytes) -> Attack:
    return lambda door, created: door.post(created, body)


def token(text: str) -> Attack:
    """A vp_token with this text, where SHOWN stands for an honest presentation."""

    def attack(door: Door, created: CreatedRequest) -> Answer:
        shown = text.replace("SHOWN", door.shop.present(created, "level"))
        return form(f"vp_token={quote(shown)}&state=STATE")(door, created)

    return attack


def answer(*paths: str, **binding: Any) -> Attack:
    return lambda door, created: door.answer(created, *paths, **binding)


def twice(door: Door, created: CreatedRequest) -> Answer:
    body = door.shop.answer(created)
    assert door.post(created, body).status == 200
    return door.post(created, body)


def too_late(door: Door, created: CreatedRequest) -> Answer:
    body = door.shop.answer(created)
    door.shop.clock.advance(minutes=5)
    return door.post(created, body)


def corrupt_signature(door: Door, created: CreatedRequest) -> Answer:
    honest = door.shop.present(created, "level")
    issuer_jwt, _, rest = honest.partition("~")
    head, _, signature = issuer_jwt.rpartition(".")
    forged = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}~{rest}"
    return door.post(created, encode_response({"degree": [forged]}, state=reference_of(created)))


ATTACKS: dict[str, tuple[Attack, int, Code, bool]] = {
    # name: (attack, HTTP status, what it means, whether the request was used up by it)
    "NT-P01-state-unknown": (with_state("x" * 22), 400, Code.RESPONSE_INVALID, False),
    "NT-P01-state-missing": (with_state(None), 400, Code.RESPONSE_INVALID, False),
    "NT-P01-state-of-another": (with_state_of_another, 400, Code.RESPONSE_INVALID, False),
    "NT-P02-json": (form("{}", "application/json"), 415, Code.MEDIA_TYPE_UNSUPPORTED, False),
    "NT-P02-multipart": (form("x", "multipart/form-data"), 415, Code.MEDIA_TYPE_UNSUPPORTED, False),
    "NT-P02-charset": (
        form("x=1", f"{FORM}; charset=latin-1"), 415, Code.MEDIA_TYPE_UNSUPPORTED, False,
    ),
    "NT-P02-repeated": (form("vp_token={}&vp_token={}&state=STATE"), 400, Code.RESPONSE_INVALID, False),
    "NT-P02-at-the-limit": (raw(b"x=" + b"x" * (512 * 1024 - 2)), 400, Code.RESPONSE_INVALID, False),
    "NT-P02-invalid-utf-8": (raw(b"vp_token=%FF"), 400, Code.RESPONSE_INVALID, False),
    "NT-P02-raw-bytes": (raw(b"vp_token=\xff"), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-no-json": (token("SHOWN"), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-array": (token('["SHOWN"]'), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-text-not-array": (token('{"degree":"SHOWN"}'), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-number": (token('{"degree":[1]}'), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-empty-object": (token("{}"), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-empty-array": (token('{"degree":[]}'), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-same-id": (token('{"degree":["SHOWN"],"degree":["SHOWN"]}'), 400, Code.RESPONSE_INVALID, False),
    "NT-P03-two-for-one": (token('{"degree":["SHOWN","SHOWN"]}'), 400, Code.QUERY_NOT_SATISFIED, True),
    "NT-P03-unknown-id": (token('{"other":["SHOWN"]}'), 400, Code.QUERY_NOT_SATISFIED, True),
    "NT-P03-one-more-id": (
        token('{"degree":["SHOWN"],"x":["SHOWN"]}'), 400, Code.QUERY_NOT_SATISFIED, True,
    ),
    "NT-P03-no-presentation": (token('{"degree":["eyJ"]}'), 400, Code.FORMAT_INVALID, True),
    "NT-P04-issuer-signature": (corrupt_signature, 400, Code.SIGNATURE_INVALID, True),
    "NT-P04-other-issuer-key": (answer(credential=issue(key=OTHER_KEY)), 400, Code.SIGNATURE_INVALID, True),
    "NT-P06-answer-to-another": (of_another, 400, Code.NONCE_MISMATCH, True),
    "NT-P08-after-the-expiry": (too_late, 400, Code.REQUEST_EXPIRED, False),
    "NT-P16-other-vct": (
        answer("birth_date", credential=issue(IDENTITY_CARD.vct)), 400, Code.QUERY_NOT_SATISFIED, True,
    ),
    "NT-P16-other-issuer": (answer(credential=issue(iss=OTHER_DID)), 400, Code.ISSUER_NOT_TRUSTED, True),
    "NT-P16-claim-missing": (answer("field"), 400, Code.QUERY_NOT_SATISFIED, True),
    "NT-P16-copied-credential": (answer(key=OTHER_KEY), 400, Code.KEY_BINDING_SIGNATURE_INVALID, True),
    "NT-P16-passed-on": (answer(audience="x509_san_dns:other.example"), 400, Code.AUDIENCE_MISMATCH, True),
    "NT-K08-nonce-of-another-session": (of_another, 400, Code.NONCE_MISMATCH, True),
    "NT-K08-nonce-expired": (too_late, 400, Code.REQUEST_EXPIRED, False),
}  # fmt: skip


@pytest.mark.parametrize(("attack", "status", "code", "settled"), ATTACKS.values(), ids=ATTACKS.keys())
def test_attack_is_refused_and_nothing_is_disclosed(
    door: Door, attack: Attack, status: int, code: Code, settled: bool
) -> None:
    created = door.ask()
    refused = attack(door, created)
    assert refused.status == status, refused.body
    assert refused.json["error"] == "invalid_request"
    assert refused.json["error_description"] == f"{code.meaning} ({code})"
    result = door.result(created)
    assert result["claims"] == {}
    assert result["status"] == ("refused" if settled else "expired" if "expired" in code else "pending")
    if settled:
        assert "failed" in outcomes(result["checks"]).values()
        again = door.answer(created)
        assert again.json["error_description"].endswith("(presentation_replayed)")
    elif result["status"] == "pending":
        assert door.answer(created).status == 200


@pytest.mark.parametrize(
    "attack", [pytest.param(twice, id="NT-P05"), pytest.param(twice, id="NT-K08-consumed")]
)
def test_same_answer_again_is_a_replay(door: Door, attack: Attack) -> None:
    created = door.ask()
    refused = attack(door, created)
    assert refused.status == 400
    assert refused.json["error_description"].endswith("(presentation_replayed)")
    assert door.result(created)["status"] == "verified"


@pytest.mark.parametrize("posts", [pytest.param(64, id="NT-P07")])
def test_concurrent_answers_succeed_once(door: Door, posts: int) -> None:
    created = door.ask()
    body = door.shop.answer(created)
    with ThreadPoolExecutor(posts) as threads:
        answers = list(threads.map(lambda _: door.post(created, body), range(posts)))
    refused = [answer for answer in answers if answer.status != 200]
    assert len(refused) == posts - 1
    assert {answer.json["error_description"].rpartition(" ")[2] for answer in refused} == {
        "(presentation_replayed)"
    }


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("", 200, id="NT-P09-missing"),
        pytest.param("?response_code=", 403, id="NT-P09-empty"),
        pytest.param(f"?response_code={'x' * 22}", 403, id="NT-P09-wrong"),
        pytest.param("?response_code=OTHER", 403, id="NT-P09-of-another"),
    ],
)
def test_result_is_not_shown_without_its_response_code(door: Door, query: str, status: int) -> None:
    created, other = door.ask(same_device=True), door.ask(same_device=True)
    door.answer(created)
    code = door.answer(other).json["redirect_uri"].rpartition("=")[2]
    path = f"/manage/requests/{created.id}{query.replace('OTHER', code)}"
    answer = door.browser.get(path, **door.key)
    assert answer.status == status
    assert b"master" not in answer.body
    if status == 200:
        assert (answer.json["status"], answer.json["checks"]) == ("pending", [])
    else:
        assert answer.json["code"] == "response_code_invalid"


@pytest.mark.parametrize("uses", [pytest.param(2, id="NT-P09-reused")])
def test_response_code_releases_the_result_once(door: Door, uses: int) -> None:
    created = door.ask(same_device=True)
    code = door.answer(created).json["redirect_uri"].rpartition("=")[2]
    path = f"/manage/requests/{created.id}?response_code={code}"
    assert [door.browser.get(path, **door.key).status for _ in range(uses)] == [200, 403]


@pytest.mark.parametrize("minutes", [pytest.param(5, id="NT-P11")])
def test_wallet_that_does_not_send_the_browser_back_discloses_nothing(door: Door, minutes: int) -> None:
    created = door.ask(same_device=True, expires_in=600)
    assert door.answer(created).status == 200
    assert door.result(created)["status"] == "pending"
    door.shop.clock.advance(minutes=minutes)
    result = door.result(created)
    assert (result["status"], result["claims"], result["checks"]) == ("expired", {}, [])


@pytest.mark.parametrize(
    ("is_answered", "seconds", "status"),
    [
        pytest.param(False, 119, 200, id="NT-P12-in-time"),
        pytest.param(False, 120, 410, id="NT-P12-late"),
        pytest.param(True, 0, 409, id="NT-P12-again"),
    ],
)
def test_code_that_is_scanned_late_or_again_leads_nowhere(
    door: Door, is_answered: bool, seconds: int, status: int
) -> None:
    created = door.ask(expires_in=120)
    if is_answered:
        door.answer(created)
    door.shop.clock.advance(seconds=seconds)
    assert door.browser.get(f"/request/{reference_of(created)}").status == status


@pytest.mark.parametrize(
    ("name", "key", "status"),
    [
        pytest.param("reference", "own", 404, id="NT-P14-request-id"),
        pytest.param("guess", "own", 404, id="NT-P14-guess"),
        pytest.param("id", "none", 401, id="NT-P14-no-key"),
        pytest.param("id", "other", 401, id="NT-P14-key-of-another"),
    ],
)
def test_result_is_shown_by_its_id_and_with_the_key_alone(
    door: Door, name: str, key: str, status: int
) -> None:
    created = door.ask()
    door.answer(created)
    names = {"reference": reference_of(created), "guess": "0" * 16, "id": created.id}
    keys = {"own": door.key, "none": {}, "other": bearer(create_management_key(KEY_PREFIX)[0])}
    answer = door.browser.get(f"/manage/requests/{names[name]}", **keys[key])
    assert answer.status == status
    assert b"master" not in answer.body


@pytest.mark.parametrize("extra", [pytest.param(("grade", "birth_date"), id="NT-P15")])
def test_claims_beyond_the_query_are_dropped_and_named(door: Door, extra: tuple[str, ...]) -> None:
    created = door.ask()
    assert door.answer(created, "level", *extra).status == 200
    result = door.result(created)
    assert result["claims"] == {"level": "master"}
    assert sorted(result["credentials"][0]["not_asked_for"]) == sorted(extra)


@pytest.mark.parametrize("values", [pytest.param(["bachelor"], id="NT-P16-value")])
def test_claim_of_another_value_does_not_answer(door: Door, values: list[str]) -> None:
    created = door.ask(claims=[{"path": "level", "values": values}])
    assert door.answer(created).json["error_description"].endswith("(query_not_satisfied)")
    created = door.ask(claims=[{"path": "level", "values": [*values, "master"]}])
    assert door.answer(created).status == 200


@pytest.mark.parametrize(
    "missing",
    [pytest.param("degree", id="NT-P17-first"), pytest.param("identity_card", id="NT-P17-second")],
)
def test_answer_without_a_required_credential_is_refused(door: Door, missing: str) -> None:
    created, token = two_credentials(door, birth_date="1998-05-17")
    del token[missing]
    refused = door.post(created, encode_response(token, state=reference_of(created)))
    assert refused.json["error_description"].endswith("(query_not_satisfied)")
    assert door.result(created)["claims"] == {}


@pytest.mark.parametrize(
    ("birth_date", "accepted"),
    [
        pytest.param("1998-05-17", True, id="NT-P18-same"),
        pytest.param("1970-01-01", False, id="NT-P18-other"),
    ],
)
def test_credentials_of_two_people_are_refused_where_one_is_wanted(
    door: Door, birth_date: str, accepted: bool
) -> None:
    created, token = two_credentials(door, birth_date)
    answer = door.post(created, encode_response(token, state=reference_of(created)))
    assert answer.status == (200 if accepted else 400)
    result = door.result(created)
    assert outcomes(result["checks"])["same_person"] == ("passed" if accepted else "failed")
    assert set(result["claims"]) == ({"degree", "identity_card"} if accepted else set())


@pytest.mark.parametrize("fetches", [pytest.param(3, id="NT-P37")])
def test_request_that_is_fetched_again_is_answered_once(door: Door, fetches: int) -> None:
    created = door.ask()
    path = f"/request/{reference_of(created)}"
    assert [door.browser.get(path).status for _ in range(fetches)] == [200] * fetches
    assert twice(door, created).status == 400


ROWS = [*[f"NT-P{number:02}" for number in range(1, 19) if number not in (10, 13)], "NT-P37", "NT-K08"]


def test_every_row_has_a_case() -> None:
    cases = [
        case.id
        for function in list(globals().values())
        for mark in getattr(function, "pytestmark", [])
        for case in mark.args[1]
        if hasattr(case, "id")
    ]
    assert {str(name)[:6] for name in [*cases, *ATTACKS]} == set(ROWS)


def two_credentials(door: Door, birth_date: str) -> tuple[CreatedRequest, dict[str, list[str]]]:
    questions = [
        {"type": "degree", "claims": ["level", "birth_date"]},
        {"type": "identity_card", "claims": ["birth_date"]},
    ]
    created = door.ask(type=None, claims=None, credentials=questions, same=["birth_date"])
    card = issue(IDENTITY_CARD.vct, birth_date=birth_date)
    assert DEGREE.example["birth_date"] == "1998-05-17"
    return created, {
        "degree": [door.shop.present(created, "level", "birth_date")],
        "identity_card": [door.shop.present(created, "birth_date", credential=card)],
    }
