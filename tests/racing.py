"""Attempts that start at the same moment, each with a connection to the database at hand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

from sqlalchemy import Engine

from protocol.errors import TallyError
from storage.database import read_only


def race(engine: Engine, *attempts: Callable[[], object]) -> list[object]:
    """What became of each of them: what it gave, or the code of its error."""
    with ExitStack() as stack:
        for _ in attempts:
            stack.enter_context(read_only(engine).connect())
    start = Barrier(len(attempts))

    def attempt(what: Callable[[], object]) -> object:
        start.wait()
        try:
            return what()
        except TallyError as error:
            return error.code

    with ThreadPoolExecutor(len(attempts)) as threads:
        return list(threads.map(attempt, attempts))
