"""The code that an issuer sends another way: what it looks like, and whether to try again with another."""

import re

from protocol.codes import Code
from protocol.errors import TallyError
from protocol.openid4vci.offer import InputMode, TransactionCode

# What an issuer's words about a wrong code have to say for it to be asked for again.
_TRIES_LEFT = re.compile(r"\b[1-9]\d* (try|tries) left\b")


def can_be(code: TransactionCode, typed: str) -> bool:
    """Whether `typed` has the form that the offer names: what cannot be right must cost no try."""
    is_of_kind = code.input_mode is InputMode.TEXT or (typed.isascii() and typed.isdigit())
    return is_of_kind and code.length in (None, len(typed))


def may_try_again(error: TallyError) -> bool:
    """Whether the issuer refused the code, and says that there are tries left."""
    return error.code is Code.TRANSACTION_CODE_WRONG and _TRIES_LEFT.search(error.detail) is not None
