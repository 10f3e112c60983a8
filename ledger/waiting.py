"""Those who wait until what they submitted is published."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from protocol.errors import TallyError


def running_future() -> "Future[Any]":
    """A future its waiter cannot cancel: what was submitted is written though nobody waits any more."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


@dataclass(frozen=True, slots=True)
class PromisedAnswer:
    """The `value` that the future `answer` gets when `tree_size` entries are published."""

    tree_size: int
    value: object
    answer: "Future[Any]"
    since: float = field(default_factory=time.monotonic)


class PromisedAnswers:
    """Answers that are not given yet. For one thread at a time."""

    def __init__(self) -> None:
        self._promised: list[PromisedAnswer] = []

    def add(self, promised: PromisedAnswer) -> None:
        """Promise an answer."""
        self._promised.append(promised)

    def give(self, published_size: int) -> None:
        """Give what `published_size` published entries allow."""
        for promised in self._take(lambda promised: promised.tree_size <= published_size):
            promised.answer.set_result(promised.value)

    def refuse(self, error: TallyError, *, older_than: timedelta = timedelta(0)) -> None:
        """Give `error` to all who have waited for so long."""
        before = time.monotonic() - older_than.total_seconds()
        for promised in self._take(lambda promised: promised.since <= before):
            promised.answer.set_exception(error)

    def _take(self, ripe: Callable[[PromisedAnswer], bool]) -> list[PromisedAnswer]:
        taken = [promised for promised in self._promised if ripe(promised)]
        self._promised = [promised for promised in self._promised if not ripe(promised)]
        return taken
