import os
from datetime import timedelta

import pytest

from tests.wallet.agent.place import IDLE, KEY, Stopwatch, keeper
from wallet.agent.messages import AgentKey, AgentStatus, Ask, parse_key, parse_locked, parse_status


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


def test_key_is_given_with_how_long_ago_it_was_unlocked(stopwatch: Stopwatch) -> None:
    kept = keeper(stopwatch)
    stopwatch.forward(timedelta(seconds=90))
    assert parse_key(kept.answer(Ask.KEY) or b"") == AgentKey(KEY, timedelta(seconds=90))


def test_agent_that_nobody_wanted_for_its_time_is_locked_and_gives_nothing(stopwatch: Stopwatch) -> None:
    kept = keeper(stopwatch)
    stopwatch.forward(IDLE - timedelta(seconds=1))
    assert not kept.is_locked
    stopwatch.forward(timedelta(seconds=1))
    assert kept.is_locked
    assert [kept.answer(ask) for ask in Ask] == [None] * 3


def test_wanting_the_key_keeps_it_awake_and_makes_no_unlock_younger(stopwatch: Stopwatch) -> None:
    kept = keeper(stopwatch)
    for _ in range(3):
        stopwatch.forward(timedelta(minutes=9))
        assert kept.answer(Ask.KEY)
    assert parse_key(kept.answer(Ask.KEY) or b"").unlocked_for == timedelta(minutes=27)


def test_looking_how_it_is_does_not_keep_it_awake(stopwatch: Stopwatch) -> None:
    kept = keeper(stopwatch)
    stopwatch.forward(timedelta(minutes=9))
    assert parse_status(kept.answer(Ask.STATUS) or b"") == AgentStatus(
        os.getpid(), timedelta(minutes=9), timedelta(minutes=1)
    )
    stopwatch.forward(timedelta(minutes=1))
    assert kept.is_locked


def test_told_to_lock_it_answers_once_and_never_again(stopwatch: Stopwatch) -> None:
    kept = keeper(stopwatch)
    parse_locked(kept.answer(Ask.LOCK) or b"")
    assert kept.is_locked
    assert kept.answer(Ask.KEY) is None
