import asyncio
import threading
from datetime import timedelta

import pytest
from fastapi import FastAPI

from doors.upkeep import repeated
from protocol.codes import Code
from protocol.errors import UnavailableError


@pytest.mark.parametrize("error", [UnavailableError(Code.DATABASE_BUSY), ValueError("what nobody foresaw")])
def test_work_goes_on_after_a_round_in_which_it_could_not_be_done(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[int] = []
    done = threading.Event()

    def work() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise error
        done.set()

    async def open_for_a_while() -> None:
        async with repeated(work, every=timedelta(0))(FastAPI()):
            assert await asyncio.to_thread(done.wait, 10)

    asyncio.run(open_for_a_while())
    assert [record.message for record in caplog.records] == (
        ["internal_error in the upkeep: ValueError"] if isinstance(error, ValueError) else []
    )
