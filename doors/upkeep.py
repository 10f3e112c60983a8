"""What an HTTP door does by itself while it is open, beside answering."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.types import Lifespan

from protocol.errors import TallyError

ROUND = timedelta(minutes=1)

_log = logging.getLogger("tally.upkeep")


def repeated(work: Callable[[], None], *, every: timedelta = ROUND) -> Lifespan[FastAPI]:
    """A `lifespan` for `create_app` that does `work` at once and then again and again, in a thread.

    What it cannot do now (a busy database above all) it finds again in the next round, whatever went wrong.
    """

    async def repeat() -> None:
        while True:
            try:
                await run_in_threadpool(work)
            except TallyError:
                pass
            except Exception as error:  # noqa: BLE001 (what is to be deleted must not stay for good)
                # Of which type: the message of a foreign exception may hold anything.
                _log.error("internal_error in the upkeep: %s", type(error).__name__)
            await asyncio.sleep(every.total_seconds())

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        repeating = asyncio.create_task(repeat())
        yield
        repeating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await repeating

    return lifespan
