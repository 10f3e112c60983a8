import asyncio
import threading
from datetime import timedelta

from fastapi import FastAPI

from doors.upkeep import repeated
from protocol.codes import Code
from protocol.errors import UnavailableError


def test_work_goes_on_after_a_round_in_which_it_could_not_be_done() -> None:
    rounds: list[int] = []
    done = threading.Event()

    def work() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise UnavailableError(Code.DATABASE_BUSY)
        done.set()

    async def open_for_a_while() -> None:
        async with repeated(work, every=timedelta(0))(FastAPI()):
            assert await asyncio.to_thread(done.wait, 10)

    asyncio.run(open_for_a_while())
