"""Checking as of a day of the past, and with evidence that was handed in."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from protocol.checks import CheckResult, Outcome
from protocol.codes import Code
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.encoding.strict_json import JsonObject
from protocol.errors import TallyError, UnavailableError
from protocol.evidence_age import describe_age
from protocol.policy import StatusRule
from protocol.presentation import Check, VerifiedCredential, verify_credential, verify_presentation
from protocol.status_list import StatusList, create_status_list_token
from tests.attacks.artefacts import (
    AUDIENCE,
    CLAIMS,
    ISSUER_KEY,
    KEY_ID,
    NONCE,
    NOW,
    OTHER_KEY,
    STATUS_URI,
    credential,
    honest,
    policy,
    verified_did,
)

HOUR = timedelta(hours=1)
# Issued an hour before NOW, and good for a day; a year has passed since.
TODAY = NOW + timedelta(days=365)
LATER = NOW + HOUR


def seen(at: datetime | None, *, handed_in: bool = False, time: datetime = TODAY) -> VerifiedDid:
    return verified_did(evidence=LogEvidence("ledger.example/log", 7, time, handed_in, at))


def check(at: datetime | None, *, token: str | None = None, **changes: Any) -> VerifiedCredential:
    def fetch(_uri: str) -> str:
        if token is None:
            raise UnavailableError(Code.NETWORK_UNREACHABLE)
        return token

    status: JsonObject = {"status": {"status_list": {"idx": 3, "uri": STATUS_URI}}}
    claims = CLAIMS | (status if changes.pop("status", False) else {})
    return verify_credential(
        credential(claims).encoded,
        policy=changes.pop("policy", policy()),
        now=changes.pop("now", TODAY),
        resolve_did=lambda _did: changes.get("issuer", seen(at)),
        fetch_status_list=fetch,
        at=at,
    )


def code_of(at: datetime | None, **changes: Any) -> Code:
    with pytest.raises(TallyError) as refusal:
        check(at, **changes)
    return refusal.value.code


def result(verified: VerifiedCredential, check: Check) -> CheckResult:
    return next(each for each in verified.checks if each.id == check)


def status_list(*, issued_at: datetime, value: int = 0, key: Any = ISSUER_KEY) -> str:
    return create_status_list_token(
        StatusList.all_valid(2, 64).with_statuses({3: value}),
        uri=STATUS_URI,
        key=key,
        key_id=KEY_ID,
        issued_at=issued_at,
        expires_at=issued_at + 2 * HOUR,
        time_to_live=HOUR,
    )


def test_credential_that_has_expired_since_was_valid_on_that_day_and_the_checks_say_so() -> None:
    assert code_of(None) is Code.EXPIRED
    verified = check(NOW)
    for about in (Check.ISSUER_KEY, Check.VALIDITY):
        said = result(verified, about)
        assert (said.outcome, said.detail.startswith("on 2026-11-22T")) == (Outcome.PASSED, True)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param(NOW - 2 * HOUR, Code.NOT_YET_VALID, id="before-it-was-issued"),
        pytest.param(NOW + timedelta(days=2), Code.EXPIRED, id="after-it-expired"),
    ],
)
def test_credential_outside_its_time_was_not_valid_on_that_day(at: datetime, code: Code) -> None:
    assert code_of(at) is code


def test_presentation_of_that_day_is_checked_without_judging_its_age() -> None:
    def verify(at: datetime | None, nonce: str) -> object:
        return verify_presentation(
            honest(),
            expected_nonce=nonce,
            expected_audience=AUDIENCE,
            policy=policy(),
            now=NOW + 2 * HOUR,
            resolve_did=lambda _did: seen(at, time=NOW + 2 * HOUR),
            fetch_status_list=lambda _uri: "",
            at=at,
        )

    with pytest.raises(TallyError) as refusal:
        verify(None, NONCE)
    assert refusal.value.code is Code.KEY_BINDING_NOT_FRESH
    verify(LATER, NONCE)
    with pytest.raises(TallyError) as refusal:
        verify(LATER, "another-nonce-of-22-ch")
    assert refusal.value.code is Code.NONCE_MISMATCH


def test_evidence_for_a_day_of_the_past_is_as_fresh_as_any_other() -> None:
    old = seen(NOW, time=TODAY - 2 * HOUR)
    assert code_of(NOW, issuer=old) is Code.LOG_STALE


def test_resolver_that_answers_for_another_moment_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="another moment"):
        check(NOW, issuer=seen(None))
    with pytest.raises(ValueError, match="another moment"):
        check(None, now=NOW, issuer=seen(NOW, time=NOW))


@pytest.mark.parametrize(("value", "code"), [(1, Code.CREDENTIAL_REVOKED), (2, Code.CREDENTIAL_SUSPENDED)])
def test_status_list_of_that_day_tells_what_the_status_was(value: int, code: Code) -> None:
    verified = check(NOW, status=True, token=status_list(issued_at=NOW - HOUR))
    assert result(verified, Check.STATUS).outcome is Outcome.PASSED
    assert result(verified, Check.STATUS).detail.startswith("on ")
    assert code_of(NOW, status=True, token=status_list(issued_at=NOW - HOUR, value=value)) is code


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(status_list(issued_at=TODAY), id="of-today"),
        pytest.param(status_list(issued_at=TODAY, value=1), id="of-today-revoked"),
        pytest.param(status_list(issued_at=NOW - 3 * HOUR), id="expired-before"),
        pytest.param(status_list(issued_at=TODAY, key=OTHER_KEY), id="by-a-key-of-another-time"),
    ],
)
def test_status_list_of_another_time_cannot_tell_and_is_never_shown_as_valid(token: str) -> None:
    assert code_of(NOW, status=True, token=token) is Code.STATUS_THEN_UNKNOWN
    lenient = policy(status=StatusRule.WHEN_REACHABLE)
    verified = check(NOW, status=True, token=token, policy=lenient)
    said = CheckResult(Check.STATUS, Outcome.UNKNOWN, "let pass by the policy: status_then_unknown")
    assert result(verified, Check.STATUS) == said


def test_status_list_that_is_not_had_is_unknown_on_any_day() -> None:
    assert code_of(NOW, status=True) is Code.STATUS_UNAVAILABLE


def test_status_list_for_another_address_is_refused_on_any_day() -> None:
    other = create_status_list_token(
        StatusList.all_valid(2, 64),
        uri="https://issuer.example/status/2",
        key=ISSUER_KEY,
        key_id=KEY_ID,
        issued_at=NOW,
        expires_at=LATER,
        time_to_live=HOUR,
    )
    assert code_of(NOW, status=True, token=other) is Code.STATUS_SUBJECT_MISMATCH


@pytest.mark.parametrize(
    ("handed_in", "age", "detail"),
    [
        (False, HOUR, "from the ledger, 60 minutes old"),
        (False, -timedelta(seconds=60), "from the ledger, 0 seconds old"),
        (True, timedelta(hours=24), "handed in, 24 hours old"),
    ],
)
def test_evidence_that_was_handed_in_may_be_older_and_its_kind_and_age_are_said(
    handed_in: bool, age: timedelta, detail: str
) -> None:
    issuer = seen(None, handed_in=handed_in, time=NOW - age)
    verified = check(None, now=NOW, issuer=issuer)
    assert result(verified, Check.EVIDENCE_AGE) == CheckResult(Check.EVIDENCE_AGE, Outcome.PASSED, detail)
    if age > timedelta(0):
        older = seen(None, handed_in=handed_in, time=NOW - age - timedelta(seconds=1))
        assert code_of(None, now=NOW, issuer=older) is Code.LOG_STALE


@pytest.mark.parametrize("handed_in", [False, True])
def test_policy_says_how_old_each_kind_of_evidence_may_be(handed_in: bool) -> None:
    name = "offline_evidence_max_age" if handed_in else "evidence_max_age"
    issuer = seen(None, handed_in=handed_in, time=NOW - 2 * HOUR)
    assert check(None, now=NOW, issuer=issuer, policy=policy(**{name: 2 * HOUR})).issuer
    assert code_of(None, now=NOW, issuer=issuer, policy=policy(**{name: HOUR})) is Code.LOG_STALE


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "0 seconds old"),
        (timedelta(seconds=1), "1 second old"),
        (timedelta(seconds=119), "119 seconds old"),
        (timedelta(minutes=119), "119 minutes old"),
        (timedelta(hours=47), "47 hours old"),
        (timedelta(days=365), "365 days old"),
    ],
)
def test_age_is_said_in_the_greatest_unit_of_which_there_are_two(age: timedelta, text: str) -> None:
    assert describe_age(age) == text
