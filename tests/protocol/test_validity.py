from datetime import UTC, datetime, timedelta

import pytest

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import VerificationError
from protocol.validity import time_claim, verify_validity

NOW = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
SKEW = timedelta(seconds=60)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": SECONDS + 1},
        {"nbf": SECONDS + 60},
        {"iat": SECONDS + 60},
        {"iat": 0, "nbf": 0, "exp": 2**53 - 1},
    ],
)
def test_claims_within_their_time_are_valid(claims: JsonObject) -> None:
    verify_validity(claims, now=NOW, clock_skew=SKEW)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": SECONDS}, Code.EXPIRED),
        ({"exp": 0}, Code.EXPIRED),
        ({"nbf": SECONDS + 61}, Code.NOT_YET_VALID),
        ({"iat": SECONDS + 61}, Code.NOT_YET_VALID),
    ],
)
def test_claims_outside_their_time_are_refused(claims: JsonObject, code: Code) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_validity(claims, now=NOW, clock_skew=SKEW)
    assert caught.value.code is code


def test_skew_never_excuses_an_expiry() -> None:
    with pytest.raises(VerificationError) as caught:
        verify_validity({"exp": SECONDS}, now=NOW.replace(microsecond=0), clock_skew=timedelta(days=1))
    assert caught.value.code is Code.EXPIRED


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [None, True, 1.0, -1, "1", [1]])
def test_time_that_is_no_whole_number_of_seconds_is_refused(name: str, value: JsonValue) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_validity({name: value}, now=NOW, clock_skew=SKEW)
    assert (caught.value.code, caught.value.detail) == (Code.CLAIM_INVALID, name)


def test_time_that_is_not_stated_is_none() -> None:
    assert time_claim({}, "iat") is None
    assert time_claim({"iat": 5}, "iat") == 5
