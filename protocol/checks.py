"""The record of a verification: each check under its name, in the order made, with its outcome.

A refusal carries the record too (`TallyError.checks`): a person sees how far it came, and what was not even
looked at any more.
"""

from enum import StrEnum
from functools import cache
from types import TracebackType

import msgspec

from protocol.errors import TallyError, UnavailableError


class Outcome(StrEnum):
    """How a check ended.

    PASSED: it holds. FAILED: it does not. UNKNOWN: nobody could find out. SKIPPED: there was nothing to
    check, or the policy does not ask. NOT_REACHED: an earlier check ended the verification.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    NOT_REACHED = "not_reached"


class CheckResult(msgspec.Struct, frozen=True):
    """One check: its stable word, how it ended, and a short clause about it or nothing."""

    id: str
    outcome: Outcome
    detail: str = ""


class CheckRecord:
    """Collects the outcomes of `checks`, which begin in this order. It is a context manager: an error that
    leaves the context ends the check under way, and takes the record along.
    """

    def __init__(self, checks: tuple[str, ...]) -> None:
        self._checks = checks
        self._begun: list[str] = []
        self._noted: dict[int, CheckResult] = {}

    def begin(self, check: str) -> None:
        """Begin `check`; unless noted otherwise, it will have passed when the next one begins."""
        self._begun.append(check)

    def note(self, outcome: Outcome, detail: str) -> None:
        """Note that the check under way ended with `outcome`."""
        self._noted[len(self._begun) - 1] = CheckResult(self._begun[-1], outcome, detail)

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Every check; those that have not begun as not reached."""
        begun = len(self._begun)
        assert tuple(self._begun) == self._checks[:begun], "checks out of order"
        results = list(_all_passed(self._checks)[:begun])
        for index, result in self._noted.items():
            results[index] = result
        return (*results, *[CheckResult(check, Outcome.NOT_REACHED) for check in self._checks[begun:]])

    def __enter__(self) -> "CheckRecord":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, TallyError):
            outcome = Outcome.UNKNOWN if isinstance(error, UnavailableError) else Outcome.FAILED
            self.note(outcome, f"{error.code}: {error.detail}" if error.detail else error.code)
            error.checks = self.results


@cache
def _all_passed(checks: tuple[str, ...]) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(check, Outcome.PASSED) for check in checks)
