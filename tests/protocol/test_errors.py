import re

import pytest

from protocol.codes import Audience, Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError

KINDS = [MalformedError, RefusedError, UnavailableError, VerificationError]


def test_the_kinds_of_failure_are_these_four() -> None:
    assert set(TallyError.__subclasses__()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_error_says_what_its_code_means_and_the_detail(kind: type[TallyError]) -> None:
    error = kind(Code.EXPIRED, "status list")
    assert (error.code, error.detail) == (Code.EXPIRED, "status list")
    assert str(error) == f"{Code.EXPIRED.meaning} (status list)"
    assert str(kind(Code.EXPIRED)) == Code.EXPIRED.meaning


@pytest.mark.parametrize("code", Code)
def test_code_is_a_stable_word_with_a_meaning_and_a_remedy(code: Code) -> None:
    assert code.value == str(code) == code.name.lower()
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code.value)
    for sentence in (code.meaning, code.remedy, *code.remedies.values()):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.isprintable()


def test_remedy_for_a_reader_is_their_own_or_else_the_one_for_everybody() -> None:
    own, everybody = Code.CREDENTIAL_NOT_FOUND.remedies[Audience.HOLDER], Code.CREDENTIAL_NOT_FOUND.remedy
    assert Code.CREDENTIAL_NOT_FOUND.remedy_for(Audience.HOLDER) == own
    assert Code.CREDENTIAL_NOT_FOUND.remedy_for(Audience.OPERATOR) == everybody != own


def test_no_two_codes_mean_the_same() -> None:
    assert len({code.meaning for code in Code}) == len(Code)
