from datetime import timedelta
from pathlib import Path

import pytest

from tests.wallet.agent.place import Stopwatch
from tests.wallet.holder import Holder
from wallet.unlocking import UnlockAttempts, needs_passphrase_again


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


def pauses(stopwatch: Stopwatch, attempts: UnlockAttempts, failures: int) -> list[int]:
    """The pause after each of so many wrong passphrases, every one waited for."""
    found = []
    for _ in range(failures):
        attempts.fail()
        found.append(int(attempts.pause.total_seconds()))
        stopwatch.seconds += found[-1]
    return found


def test_three_tries_are_free_and_then_each_pause_is_twice_as_long_up_to_five_minutes(
    stopwatch: Stopwatch,
) -> None:
    attempts = UnlockAttempts(stopwatch)
    assert pauses(stopwatch, attempts, 9) == [0, 0, 30, 60, 120, 240, 300, 300, 300]
    assert attempts.pause == timedelta(0)


def test_pause_gets_shorter_as_time_goes_by_and_never_less_than_nothing(stopwatch: Stopwatch) -> None:
    attempts = UnlockAttempts(stopwatch)
    for _ in range(3):
        attempts.fail()
    stopwatch.seconds += 20
    assert attempts.pause == timedelta(seconds=10)
    stopwatch.seconds += 3600
    assert attempts.pause == timedelta(0)


def test_right_passphrase_makes_three_tries_free_again(stopwatch: Stopwatch) -> None:
    attempts = UnlockAttempts(stopwatch)
    pauses(stopwatch, attempts, 5)
    attempts.succeed()
    assert attempts.pause == timedelta(0)
    assert pauses(stopwatch, attempts, 3) == [0, 0, 30]


def test_tries_that_are_left_before_the_next_pause_are_counted(stopwatch: Stopwatch) -> None:
    attempts = UnlockAttempts(stopwatch)
    left = [attempts.tries_left]
    for _ in range(5):
        pauses(stopwatch, attempts, 1)
        left.append(attempts.tries_left)
    assert left == [3, 2, 1, 1, 1, 1]


def test_thousands_of_wrong_passphrases_wait_five_minutes_each(stopwatch: Stopwatch) -> None:
    attempts = UnlockAttempts(stopwatch)
    assert set(pauses(stopwatch, attempts, 5000)[6:]) == {300}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize((), [pytest.param(id="NT-W09")])
def test_pause_is_in_no_file_that_could_be_edited(holder: Holder, stopwatch: Stopwatch) -> None:
    holder.passphrase_file.write_text("not the passphrase")
    before = contents(holder.home)
    attempts = UnlockAttempts(stopwatch)
    for _ in range(3):
        assert holder.run("list", "--json").error == "passphrase_wrong"
        attempts.fail()
    assert contents(holder.home) == before
    assert attempts.pause == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("minutes", "again"), [(0, False), (1.9, False), (2, False), (2.1, True), (600, True)]
)
def test_passphrase_is_asked_again_after_two_minutes(minutes: float, again: bool) -> None:
    assert needs_passphrase_again(timedelta(minutes=minutes)) is again
