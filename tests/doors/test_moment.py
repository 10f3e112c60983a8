from datetime import UTC, datetime

import click
import pytest

from doors.moment import Moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-05-01", datetime(2027, 5, 1, tzinfo=UTC)),
        ("2027-05-01T12:30:00Z", datetime(2027, 5, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_date_is_its_first_moment_in_utc(text: str, moment: datetime) -> None:
    assert Moment().convert(text, None, None) == moment
    assert Moment().convert(moment, None, None) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2027-02-30", "2027-05-01T12:30:00", "01.05.2027"])
def test_other_text_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter, match="2027-05-01"):
        Moment().convert(text, None, None)
