"""How much a campaign of `make stress` tries, and by what chance: the same in every run.

`TALLY_STRESS=10` lets each try ten times of what a few minutes allow.
"""

import hashlib
import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_FACTOR = int(os.environ.get("TALLY_STRESS", "1"))


def many(count: int) -> int:
    """`count`, as often as it was asked for."""
    return count * _FACTOR


class Chance:
    """Numbers that are the same in every run for everything with this `name`. For one thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._drawn = 0

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` - 1."""
        self._drawn += 1
        digest = hashlib.sha256(f"{self._name} {self._drawn}".encode()).digest()
        return int.from_bytes(digest[:16]) % bound

    def one_of(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[self.below(len(choices))]
