import pytest

from protocol.checks import CheckRecord, CheckResult, Outcome
from protocol.codes import Code
from protocol.errors import MalformedError, TallyError, UnavailableError

CHECKS = ("form", "trust", "status")


def fail_at_trust(error: Exception) -> None:
    with CheckRecord(CHECKS) as record:
        record.begin("form")
        record.begin("trust")
        raise error


def test_check_that_began_before_the_next_has_passed() -> None:
    with CheckRecord(CHECKS) as record:
        for check in CHECKS:
            record.begin(check)
    assert record.results == tuple(CheckResult(check, Outcome.PASSED) for check in CHECKS)


def test_noted_outcome_stands_in_the_record() -> None:
    with CheckRecord(CHECKS) as record:
        record.begin("form")
        record.begin("trust")
        record.note(Outcome.SKIPPED, "not asked for")
        record.begin("status")
    assert [result.outcome for result in record.results] == [Outcome.PASSED, Outcome.SKIPPED, Outcome.PASSED]
    assert record.results[1].detail == "not asked for"


@pytest.mark.parametrize(
    ("error", "outcome", "detail"),
    [
        (MalformedError(Code.FORMAT_INVALID), Outcome.FAILED, "format_invalid"),
        (MalformedError(Code.FORMAT_INVALID, "parts"), Outcome.FAILED, "format_invalid: parts"),
        (UnavailableError(Code.STATUS_UNAVAILABLE), Outcome.UNKNOWN, "status_unavailable"),
    ],
)
def test_error_takes_the_record_along(error: TallyError, outcome: Outcome, detail: str) -> None:
    with pytest.raises(TallyError) as caught:
        fail_at_trust(error)
    assert caught.value.checks == (
        CheckResult("form", Outcome.PASSED),
        CheckResult("trust", outcome, detail),
        CheckResult("status", Outcome.NOT_REACHED),
    )


def test_other_exceptions_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        fail_at_trust(ZeroDivisionError())


def test_error_outside_a_record_has_no_checks() -> None:
    assert MalformedError(Code.FORMAT_INVALID).checks == ()
