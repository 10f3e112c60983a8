"""The stopwatch: what counts while a machine sleeps."""

import sys
import time

import pytest

from doors.clock import stopwatch


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the monotonic clock does")
def test_stopwatch_counts_the_time_that_a_machine_sleeps() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= stopwatch() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_stopwatch_goes_on_where_only_the_monotonic_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    before = time.monotonic()
    assert before <= stopwatch() <= time.monotonic()
