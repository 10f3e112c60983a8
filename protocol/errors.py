"""The kinds of failure every floor shares.

The kind answers the question a program asks (can it be read, may it be trusted, could we find out, do the
rules allow it); the `Code` answers what a person asks, and its words live in `protocol.codes` alone.
Detail texts never hold a claim value, a key, a passphrase or a token.
"""

from typing import TYPE_CHECKING

from protocol.codes import Code

if TYPE_CHECKING:
    from protocol.checks import CheckResult


class TallyError(Exception):
    """A failure with a stable code.

    Attributes:
        code: The stable word for logs, tests, HTTP and documentation, with its meaning and remedy.
        detail: One clause about this occurrence (which member, which limit), or empty.
        checks: Every check of the verification this error ended, if it ended one that keeps a record.
    """

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.checks: tuple[CheckResult, ...] = ()

    def __str__(self) -> str:
        return f"{self.code.meaning} ({self.detail})" if self.detail else self.code.meaning


class MalformedError(TallyError):
    """It cannot be read: the text breaks the rules of its format."""


class VerificationError(TallyError):
    """It can be read, and must not be trusted."""


class UnavailableError(TallyError):
    """We could not find out, so we do not claim anything."""


class RefusedError(TallyError):
    """Our own rules or the present state forbid it."""
