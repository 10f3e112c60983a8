"""A moment of the past, as a person gives it."""

import re
from datetime import datetime

import click

from protocol.encoding.time import parse_utc
from protocol.errors import MalformedError

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Moment(click.ParamType[datetime]):
    """The type of an option that is a date or a time in UTC; a date is its first moment."""

    name = "date"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment `value`. Another text is wrong usage."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_utc(f"{value}T00:00:00Z" if _DATE.fullmatch(value) else value)
        except MalformedError:
            self.fail(f"{value} is not like 2027-05-01 or 2027-05-01T12:00:00Z", param, ctx)
