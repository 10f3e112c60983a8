import pytest

from protocol.codes import Code, find_code
from protocol.errors import RefusedError, UnavailableError
from protocol.problem import parse_problem


def test_problem_of_ours_becomes_its_code_and_detail() -> None:
    error = parse_problem(b'{"code":"entry_too_large","detail":"in canonical form"}', status=422)
    assert isinstance(error, RefusedError)
    assert (error.code, error.detail) == (Code.ENTRY_TOO_LARGE, "in canonical form")


def test_failure_of_the_service_is_no_refusal() -> None:
    error = parse_problem(b'{"code":"database_busy"}', status=503)
    assert isinstance(error, UnavailableError)
    assert error.code is Code.DATABASE_BUSY


def test_problem_without_detail_becomes_its_code_alone() -> None:
    error = parse_problem(b'{"code":"expired"}', status=422)
    assert (error.code, error.detail) == (Code.EXPIRED, "")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"code":"unheard_of"}', b'{"code":7}', b"[]"])
def test_answer_that_is_no_problem_of_ours_becomes_its_status(body: bytes) -> None:
    error = parse_problem(body, status=502)
    assert isinstance(error, UnavailableError)
    assert (error.code, error.detail) == (Code.NETWORK_STATUS, "502")


def test_every_code_is_found_by_its_word() -> None:
    assert [find_code(code.value) for code in Code] == list(Code)
    assert find_code("unheard_of") is None
