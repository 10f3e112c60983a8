from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.time import encode_utc, from_seconds, parse_utc, to_seconds
from protocol.errors import MalformedError

LAST_SECOND = 253_402_300_799


@given(st.integers(0, LAST_SECOND))
def test_seconds_and_text_survive(seconds: int) -> None:
    moment = from_seconds(seconds)
    assert to_seconds(moment) == seconds
    assert parse_utc(encode_utc(moment)) == moment


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_is_written_so_that_it_is_read_again(moment: datetime) -> None:
    assert parse_utc(encode_utc(moment)) == moment.replace(microsecond=0)


def test_time_is_written_in_utc_to_the_whole_second() -> None:
    moment = datetime(2026, 11, 22, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert encode_utc(moment) == "2026-11-22T10:00:00Z"
    assert to_seconds(moment) == to_seconds(datetime(2026, 11, 22, 10, tzinfo=UTC))


@pytest.mark.parametrize("fraction", [".1", ".12", ".123", ".1234", ".12345", ".123456"])
def test_fraction_of_up_to_six_digits_is_read(fraction: str) -> None:
    moment = parse_utc(f"2026-11-22T10:00:00{fraction}Z")
    assert moment.microsecond == round(float(fraction) * 1_000_000)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("seconds", [-1, LAST_SECOND + 1, 2**53 - 1])
def test_seconds_outside_the_calendar_are_refused(seconds: int) -> None:
    with pytest.raises(MalformedError) as caught:
        from_seconds(seconds)
    assert caught.value.code is Code.MEMBER_INVALID


REFUSED = {
    "no-zone": "2026-11-22T10:00:00",
    "lower-case-z": "2026-11-22T10:00:00z",
    "lower-case-t": "2026-11-22t10:00:00Z",
    "offset": "2026-11-22T10:00:00+02:00",
    "zero-offset": "2026-11-22T10:00:00+00:00",
    "space": "2026-11-22 10:00:00Z",
    "week-date": "2026-W47-7T10:00:00Z",
    "ordinal-date": "2026-326T10:00:00Z",
    "compact": "20261122T100000Z",
    "no-seconds": "2026-11-22T10:00Z",
    "date-alone": "2026-11-22",
    "fraction-empty": "2026-11-22T10:00:00.Z",
    "fraction-comma": "2026-11-22T10:00:00,5Z",
    "fraction-of-seven": "2026-11-22T10:00:00.1234567Z",
    "leap-second": "2026-12-31T23:59:60Z",
    "hour-24": "2026-11-22T24:00:00Z",
    "hour-29": "2026-11-22T29:00:00Z",
    "minute-60": "2026-11-22T10:60:00Z",
    "month-13": "2026-13-22T10:00:00Z",
    "thirtieth-of-february": "2026-02-30T10:00:00Z",
    "year-0": "0000-01-01T00:00:00Z",
    "year-of-five-digits": "12026-11-22T10:00:00Z",
    "negative-year": "-026-11-22T10:00:00Z",
    "arabic-digits": "٢٠٢٦-11-22T10:00:00Z",
    "line-feed-behind": "2026-11-22T10:00:00Z\n",
    "empty": "",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_other_form_of_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_utc(text)
    assert caught.value.code is Code.FORMAT_INVALID
