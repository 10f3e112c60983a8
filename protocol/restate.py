"""Saying which message could not be read, when the reader of one of its members only knows the member."""

from collections.abc import Iterator
from contextlib import contextmanager

from protocol.codes import Code
from protocol.errors import MalformedError


@contextmanager
def restate_malformed(code: Code) -> Iterator[None]:
    """Let every `MalformedError` out under `code`; the first code and its detail become the detail.

    A missing member of a credential offer is reported as `offer_invalid (grants: member missing)`.
    """
    try:
        yield
    except MalformedError as error:
        if error.code is code:
            raise
        reason = error.code.replace("_", " ")
        raise MalformedError(code, f"{error.detail}: {reason}" if error.detail else reason) from error
