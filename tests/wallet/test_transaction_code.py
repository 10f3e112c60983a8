import pytest

from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.openid4vci.offer import InputMode, TransactionCode
from wallet.door.offer_lines import code_form
from wallet.transaction_code import can_be, may_try_again


@pytest.mark.parametrize(
    ("code", "form", "right", "wrong"),
    [
        (TransactionCode(length=4), "4 digits", "0420", "٠٤٢٠"),
        (TransactionCode(length=1), "1 digit", "0", "00"),
        (TransactionCode(), "digits", "266641", "26664x"),
        (TransactionCode(InputMode.TEXT, length=3), "3 characters", "a-b", "ab"),
    ],
)
def test_code_has_the_form_the_offer_names(code: TransactionCode, form: str, right: str, wrong: str) -> None:
    assert code_form(code) == form
    assert can_be(code, right)
    assert not can_be(code, wrong)


@pytest.mark.parametrize(
    ("code", "detail", "again"),
    [
        (Code.TRANSACTION_CODE_WRONG, "2 tries left", True),
        (Code.TRANSACTION_CODE_WRONG, "that was the last try", False),
        (Code.TRANSACTION_CODE_WRONG, "0 tries left", False),
        (Code.OFFER_CLOSED, "2 tries left", False),
    ],
)
def test_code_is_tried_again_only_while_the_issuer_says_so(code: Code, detail: str, again: bool) -> None:
    assert may_try_again(RefusedError(code, detail)) is again
