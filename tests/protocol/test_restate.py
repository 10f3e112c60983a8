import pytest

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.restate import restate_malformed


def test_malformed_member_is_reported_as_the_message_it_is_in() -> None:
    with pytest.raises(MalformedError) as caught, restate_malformed(Code.OFFER_INVALID):
        raise MalformedError(Code.MEMBER_MISSING, "grants")
    assert (caught.value.code, caught.value.detail) == (Code.OFFER_INVALID, "grants: member missing")
    assert isinstance(caught.value.__cause__, MalformedError)


def test_error_without_detail_keeps_its_reason() -> None:
    with pytest.raises(MalformedError) as caught, restate_malformed(Code.OFFER_INVALID):
        raise MalformedError(Code.JSON_DUPLICATE_MEMBER)
    assert (caught.value.code, caught.value.detail) == (Code.OFFER_INVALID, "json duplicate member")


def test_error_that_names_the_message_already_is_left_alone() -> None:
    error = MalformedError(Code.OFFER_INVALID, "two offers")
    with pytest.raises(MalformedError) as caught, restate_malformed(Code.OFFER_INVALID):
        raise error
    assert caught.value is error


def test_error_of_another_kind_is_left_alone() -> None:
    with pytest.raises(VerificationError) as caught, restate_malformed(Code.OFFER_INVALID):
        raise VerificationError(Code.SIGNATURE_INVALID)
    assert caught.value.code is Code.SIGNATURE_INVALID
