from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.did.verified import VerifiedDid
from protocol.encoding.strict_json import JsonValue
from protocol.errors import (
    MalformedError,
    RefusedError,
    TallyError,
    UnavailableError,
    VerificationError,
)
from protocol.openid4vp.dcql.query import ClaimQuery
from protocol.openid4vp.refusal import ErrorWord
from protocol.openid4vp.response import encode_error_response, encode_response
from protocol.policy import StatusRule
from protocol.presentation import Check
from tests.attacks.artefacts import DID
from tests.verifier.shop import (
    DEGREE,
    IDENTITY_CARD,
    OTHER_KEY,
    STATUS_URI,
    Shop,
    found_in,
    issue,
    outcomes,
    question,
    reference_of,
    status_token,
)
from verifier.question import CredentialQuestion
from verifier.register import requests
from verifier.response import nest_claims
from verifier.result import forget_overdue


@pytest.mark.both_engines
def test_answer_is_verified_with_every_check_and_the_claims(shop: Shop) -> None:
    created = shop.answered("level", "field")
    result = shop.result(created)
    assert result.status == "verified"
    assert result.error is None
    assert result.presented == {
        "claims": {"level": "master", "field": "Computer Science"},
        "credentials": [{"id": "degree", "vct": DEGREE.vct, "issuer": DID, "not_asked_for": []}],
    }
    found = outcomes(result.checks)
    assert list(found) == [*Check, "request_expiry", "query", "same_person"]
    assert set(found.values()) == {"passed", "skipped"}
    assert all(check.keys() == {"id", "outcome", "detail"} for check in result.checks)
    assert all(str(check["detail"]).endswith(".") for check in result.checks)


def test_unsigned_request_is_answered_to_its_own_address(shop: Shop) -> None:
    created = shop.ask(is_signed=False)
    shop.receive(created, shop.answer(created))
    assert shop.result(created).status == "verified"


def test_second_post_of_the_same_answer_is_a_replay(shop: Shop) -> None:
    created = shop.ask()
    body = shop.answer(created)
    shop.receive(created, body)
    assert_refused(Code.PRESENTATION_REPLAYED, shop, created, body)
    assert shop.result(created).status == "verified"


@pytest.mark.both_engines
def test_64_answers_at_once_are_one_success_and_63_replays(shop: Shop) -> None:
    created = shop.ask()
    body = shop.answer(created)

    def post(_number: int) -> Code | None:
        try:
            shop.receive(created, body)
        except RefusedError as error:
            return error.code
        return None

    with ThreadPoolExecutor(64) as threads:
        ended = list(threads.map(post, range(64)))
    assert ended.count(None) == 1
    assert ended.count(Code.PRESENTATION_REPLAYED) == 63


def test_answer_after_the_expiry_is_too_late(shop: Shop) -> None:
    created = shop.ask()
    body = shop.answer(created)
    shop.clock.advance(minutes=5)
    assert_refused(Code.REQUEST_EXPIRED, shop, created, body)
    assert shop.result(created).status == "expired"


@pytest.mark.both_engines
def test_request_that_expires_while_its_answer_is_checked_stays_unanswered(shop: Shop) -> None:
    created = shop.ask()
    body = shop.answer(created)

    def expire(did: str) -> VerifiedDid:
        forget_overdue(shop.register, now=shop.clock.now + timedelta(minutes=5))
        return shop.issuers[did]

    shop.resolve = expire  # type: ignore[method-assign]
    assert_refused(Code.REQUEST_EXPIRED, shop, created, body)


@pytest.mark.parametrize(
    "state", ["", "&state=", "&state=xxxxxxxxxxxxxxxxxxxxxx", "&state=%ED%A0%80"], ids=repr
)
def test_answer_with_another_state_is_not_one_to_this_request(shop: Shop, state: str) -> None:
    created = shop.ask()
    honest = shop.answer(created).decode().rpartition("&state=")[0]
    with pytest.raises(MalformedError) as refusal:
        shop.receive(created, (honest + state).encode())
    assert refusal.value.code is Code.RESPONSE_INVALID
    assert shop.result(created).status == "pending"


def test_answer_to_one_request_is_none_to_another(shop: Shop) -> None:
    first, second = shop.ask(), shop.ask()
    shown = shop.present(first, "level")
    body = encode_response({"degree": [shown]}, state=reference_of(second)).encode()
    assert_refused(Code.NONCE_MISMATCH, shop, second, body, settled=True)
    assert shop.result(first).status == "pending"


@pytest.mark.parametrize(
    ("binding", "code", "failed"),
    [
        pytest.param({"audience": "https://shop.example"}, Code.AUDIENCE_MISMATCH, Check.KEY_BINDING),
        pytest.param({"nonce": "n" * 43}, Code.NONCE_MISMATCH, Check.KEY_BINDING),
        pytest.param({"key": OTHER_KEY}, Code.KEY_BINDING_SIGNATURE_INVALID, Check.KEY_BINDING),
        pytest.param({"credential": issue(level="master", exp=1)}, Code.EXPIRED, Check.VALIDITY),
        pytest.param({"credential": issue(key=OTHER_KEY)}, Code.SIGNATURE_INVALID, Check.SIGNATURE),
        pytest.param(
            {"credential": issue(iss="did:web:evil.example")}, Code.ISSUER_NOT_TRUSTED, Check.ISSUER_TRUST
        ),
    ],
)
def test_answer_with_anything_wrong_is_refused_and_settled(
    shop: Shop, binding: dict[str, Any], code: Code, failed: Check
) -> None:
    created = shop.ask()
    body = shop.answer(created, **binding)
    assert_refused(code, shop, created, body, settled=True)
    result = shop.result(created)
    assert (result.error, result.presented) == (code, None)
    (check,) = [check for check in result.checks if check["outcome"] == "failed"]
    assert check["id"] == failed
    assert str(check["detail"]).startswith(code.meaning)
    assert_refused(Code.PRESENTATION_REPLAYED, shop, created, shop.answer(created))


def test_nothing_is_looked_up_for_an_issuer_that_is_not_trusted(shop: Shop) -> None:
    shop.trust(trusted_issuers={DEGREE.vct: frozenset({"did:key:zOther"})})
    created = shop.ask()
    body = shop.answer(created, credential=issue(status=True))
    assert_refused(Code.ISSUER_NOT_TRUSTED, shop, created, body, settled=True)
    assert (shop.resolved, shop.status.asked) == ([], [])


def test_declined_request_is_settled_without_a_word_of_the_wallet(shop: Shop) -> None:
    created = shop.ask()
    body = encode_error_response(ErrorWord.ACCESS_DENIED, "evil\x1b words", state=reference_of(created))
    assert shop.receive(created, body.encode()) is None
    result = shop.result(created)
    assert (result.status, result.error, result.checks) == ("refused", Code.HOLDER_DECLINED, [])
    assert found_in(shop.folder, "words") == []
    assert_refused(Code.PRESENTATION_REPLAYED, shop, created, shop.answer(created))


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        pytest.param(lambda shop: shop.issuers.clear(), Code.DID_NOT_FOUND, id="ledger"),
        pytest.param(lambda shop: shop.status.tokens.clear(), Code.STATUS_UNAVAILABLE, id="status"),
    ],
)
def test_what_nobody_could_check_may_be_sent_again(
    shop: Shop, break_it: Callable[[Shop], None], code: Code
) -> None:
    issuers = dict(shop.issuers)
    shop.status.tokens[STATUS_URI] = status_token()
    created = shop.ask()
    body = shop.answer(created, credential=issue(status=True))
    break_it(shop)
    with pytest.raises(UnavailableError) as unavailable:
        shop.receive(created, body)
    assert unavailable.value.code is code
    waiting = shop.result(created)
    assert (waiting.status, waiting.error) == ("pending", code)
    assert "unknown" in outcomes(waiting.checks).values()

    shop.issuers, shop.status.tokens[STATUS_URI] = issuers, status_token()
    shop.receive(created, body)
    result = shop.result(created)
    assert (result.status, result.error) == ("verified", None)
    assert "unknown" not in outcomes(result.checks).values()


def test_policy_that_cannot_be_used_is_no_fault_of_the_holder(shop: Shop) -> None:
    created = shop.ask()
    body = shop.answer(created)
    shop.policy_fault = "policy.toml: rules.statuss is unknown"
    with pytest.raises(UnavailableError) as unavailable:
        shop.receive(created, body)
    assert (unavailable.value.code, unavailable.value.detail) == (Code.POLICY_INVALID, "")
    assert shop.result(created).status == "pending"


@pytest.mark.both_engines
def test_revoked_credential_is_refused(shop: Shop) -> None:
    shop.status.tokens[STATUS_URI] = status_token(1)
    created = shop.ask()
    assert_refused(
        Code.CREDENTIAL_REVOKED,
        shop,
        created,
        shop.answer(created, credential=issue(status=True)),
        settled=True,
    )


def test_status_list_from_before_the_revocation_is_refused(shop: Shop) -> None:
    shop.status.tokens[STATUS_URI] = status_token(1, issued_at=shop.clock())
    first = shop.ask()
    body = shop.answer(first, credential=issue(status=True))
    assert_refused(Code.CREDENTIAL_REVOKED, shop, first, body, settled=True)
    shop.status.tokens[STATUS_URI] = status_token(0, issued_at=shop.clock() - timedelta(minutes=1))
    shop.clock.advance(minutes=6)
    second = shop.ask()
    body = shop.answer(second, credential=issue(status=True))
    assert_refused(Code.STATUS_ROLLBACK, shop, second, body, settled=True)


def test_unknown_status_that_the_policy_lets_pass_is_shown_as_unknown(shop: Shop) -> None:
    shop.trust(status=StatusRule.WHEN_REACHABLE)
    created = shop.ask()
    shop.receive(created, shop.answer(created, credential=issue(status=True)))
    (check,) = [check for check in shop.result(created).checks if check["id"] == "status"]
    assert check["outcome"] == "unknown"
    assert check["detail"] == "Let pass by the policy: network_unreachable."


def test_claims_nobody_asked_for_are_dropped_and_named(shop: Shop) -> None:
    created = shop.ask("level")
    shop.receive(created, shop.answer(created, "level", "grade", "birth_date"))
    presented = shop.presented(created)
    assert presented["claims"] == {"level": "master"}
    (credential,) = presented["credentials"]
    assert sorted(credential["not_asked_for"]) == ["birth_date", "grade"]
    assert "1998-05-17" not in str(shop.result(created))


@pytest.mark.parametrize("given", [["level"], ["level", "grade"], ["level", "field", "grade"]])
def test_optional_claims_may_be_there_or_not(shop: Shop, given: list[str]) -> None:
    created = shop.ask(questions=[question("degree", "level", optional=["grade", "field"])])
    shop.receive(created, shop.answer(created, *given))
    assert sorted(shop.presented(created)["claims"]) == sorted(given)


def test_needed_claim_that_is_missing_is_refused(shop: Shop) -> None:
    created = shop.ask("level", "field")
    assert_refused(Code.QUERY_NOT_SATISFIED, shop, created, shop.answer(created, "level"), settled=True)


@pytest.mark.parametrize(
    ("wanted", "accepted"), [("master", True), ("doctorate", False), (1, False), (True, False)]
)
def test_value_that_was_asked_for_is_checked(shop: Shop, wanted: str | int, accepted: bool) -> None:
    asked = CredentialQuestion("degree", (ClaimQuery(("level",), (wanted,)),))
    created = shop.ask(questions=[asked])
    if accepted:
        shop.receive(created, shop.answer(created))
    else:
        assert_refused(Code.QUERY_NOT_SATISFIED, shop, created, shop.answer(created), settled=True)


def two_credentials(shop: Shop, birth_date: str, **changes: Any) -> tuple[Any, bytes]:
    questions = [question("degree", "level", "birth_date"), question("identity_card", "birth_date")]
    created = shop.ask(questions=questions, by_query=True, **changes)
    card = issue(IDENTITY_CARD.vct, birth_date=birth_date)
    token = {
        "degree": [shop.present(created, "level", "birth_date")],
        "identity_card": [shop.present(created, "birth_date", credential=card)],
    }
    return created, encode_response(token, state=reference_of(created)).encode()


def test_two_credentials_answer_two_questions(shop: Shop) -> None:
    created, body = two_credentials(shop, "1998-05-17", equal_claims=(("birth_date",),))
    shop.receive(created, body)
    result = shop.result(created)
    assert shop.presented(created)["claims"] == {
        "degree": {"level": "master", "birth_date": "1998-05-17"},
        "identity_card": {"birth_date": "1998-05-17"},
    }
    assert {check.get("credential") for check in result.checks} == {"degree", "identity_card", None}
    assert outcomes(result.checks)["same_person"] == "passed"


@pytest.mark.parametrize(
    "equal",
    [
        pytest.param((("birth_date",),), id="NT-P18-birth-date"),
        pytest.param((("cnf", "jwk"), ("birth_date",)), id="NT-P18-key-and-birth-date"),
    ],
)
def test_two_credentials_about_two_people_are_refused(shop: Shop, equal: tuple[ClaimPath, ...]) -> None:
    created, body = two_credentials(shop, "1970-01-01", equal_claims=equal)
    assert_refused(Code.QUERY_NOT_SATISFIED, shop, created, body, settled=True)
    assert outcomes(shop.result(created).checks)["same_person"] == "failed"


def test_two_credentials_of_two_keys_are_refused_where_one_is_wanted(shop: Shop) -> None:
    questions = [question("degree", "level"), question("identity_card", "birth_date")]
    created = shop.ask(questions=questions, by_query=True, equal_claims=(("cnf", "jwk"),))
    card = issue(IDENTITY_CARD.vct, holder=OTHER_KEY)
    token = {
        "degree": [shop.present(created, "level")],
        "identity_card": [shop.present(created, "birth_date", credential=card, key=OTHER_KEY)],
    }
    body = encode_response(token, state=reference_of(created)).encode()
    assert_refused(Code.QUERY_NOT_SATISFIED, shop, created, body, settled=True)


def test_register_knows_no_reference_no_nonce_and_no_value_in_clear(shop: Shop) -> None:
    created = shop.answered("level", credential=issue(level="Zanzibar-Xanadu"))
    reference = reference_of(created)
    assert shop.result(created).presented is not None
    for secret in (reference, "Zanzibar-Xanadu", shop.present(created, "level")[:40]):
        assert found_in(shop.folder, secret) == []


def test_answer_that_is_not_kept_leaves_only_the_outcome(shop: Shop) -> None:
    created = shop.answered("level", retention=timedelta(0))
    result = shop.result(created)
    assert (result.status, result.presented, result.delete_at) == ("verified", None, None)
    assert len(result.checks) == len(Check) + 3
    with shop.register.begin() as connection:
        assert connection.execute(select(requests.c.sealed)).scalar_one() is None


@pytest.mark.parametrize(
    ("claims", "nested"),
    [
        ({("level",): "master"}, {"level": "master"}),
        ({("a", "b"): 1, ("a", "c"): 2}, {"a": {"b": 1, "c": 2}}),
        ({("a",): {"b": 1, "c": 2}, ("a", "b"): 1}, {"a": {"b": 1, "c": 2}}),
        ({("n", 2): "c", ("n", 0): "a"}, {"n": ["a", "c"]}),
        ({("d", 1, "t"): "x", ("d", 0, "t"): "y", ("d", 0, "u"): 1}, {"d": [{"t": "y", "u": 1}, {"t": "x"}]}),
        ({}, {}),
    ],
)
def test_claims_under_paths_become_one_object(
    claims: dict[ClaimPath, JsonValue], nested: dict[str, JsonValue]
) -> None:
    assert nest_claims(claims) == nested


def assert_refused(code: Code, shop: Shop, created: Any, body: bytes, *, settled: bool = False) -> None:
    with pytest.raises(TallyError) as refusal:
        shop.receive(created, body)
    assert refusal.value.code is code, refusal.value
    if settled:
        assert isinstance(refusal.value, MalformedError | VerificationError)
        result = shop.result(created)
        assert (result.status, result.error, result.presented) == ("refused", code, None)
