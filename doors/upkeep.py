"""What an HTTP door does by itself while it is open, beside answering."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.types import Lifespan

from protocol.errors import TallyError

ROUND = timedelta(minutes=1)


def repeated(work: Callable[[], None], *, every: timedelta = ROUND) -> Lifespan[FastAPI]:
    """A `lifespan` for `create_app` that does `work` at once and then again and again, in a thread.

    What it cannot do now (a busy database above all) it finds again in the next round.
    """

    async def repeat() -> None:
        while True:
            with contextlib.suppress(TallyError):
                await run_in_threadpool(work)
            await asyncio.sleep(every.total_seconds())

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        repeating = asyncio.create_task(repeat())
        yield
        repeating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await repeating

    return lifespan
