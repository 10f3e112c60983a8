"""Rates measured side by side: each round runs every case for a moment, the best moment of each counts.

The machines are noisy. A figure alone says little; two figures of the same run can be compared. The moments
are so short that some of them pass without another program having its turn.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ROUNDS = 100
MOMENT_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Rate:
    """How often per second something can be done."""

    per_second: float

    @property
    def microseconds(self) -> float:
        """How long it takes once."""
        return 1e6 / self.per_second


def measure(cases: Mapping[str, Callable[[], object]]) -> dict[str, Rate]:
    """The best rate of each case, over rounds in which all of them take turns."""
    best = dict.fromkeys(cases, 0.0)
    for _ in range(ROUNDS):
        for name, case in cases.items():
            best[name] = max(best[name], _rate(case))
    return {name: Rate(rate) for name, rate in best.items()}


def _rate(case: Callable[[], object]) -> float:
    count = 0
    begin = time.perf_counter()
    end = begin + MOMENT_SECONDS
    while (now := time.perf_counter()) < end:
        case()
        count += 1
    return count / (now - begin)


def row(what: str, figure: str, comment: str = "") -> None:
    """Print one line of a table."""
    print(f"  {what:<52}{figure:>16}   {comment}".rstrip())


def rate_row(what: str, rate: Rate, comment: str = "") -> None:
    """Print a rate."""
    row(what, f"{rate.per_second:,.0f}/s", f"{rate.microseconds:,.1f} µs   {comment}")
