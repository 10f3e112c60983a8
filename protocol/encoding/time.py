"""The two spellings of time on the wire: seconds since 1970 (RFC 7519) and UTC text ending in Z."""

import re
from datetime import UTC, datetime

from protocol.codes import Code
from protocol.errors import MalformedError

# Newer Pythons read 24:00 as the next day, older ones refuse it: so do we.
_UTC_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_MAX_SECONDS = 253_402_300_799  # 9999-12-31T23:59:59Z, the last one a datetime can hold


def from_seconds(seconds: int) -> datetime:
    """The time `seconds` after 1970-01-01T00:00:00Z.

    Raises:
        MalformedError: negative, or after the year 9999.
    """
    if not 0 <= seconds <= _MAX_SECONDS:
        raise MalformedError(Code.MEMBER_INVALID, "time out of range")
    return datetime.fromtimestamp(seconds, UTC)


def to_seconds(moment: datetime) -> int:
    """The whole seconds between 1970-01-01T00:00:00Z and `moment`, which must be aware of its time zone."""
    return int(moment.timestamp())


def parse_utc(text: str) -> datetime:
    """Read `2026-11-22T10:00:00Z`, with up to six digits of a second; no other offset or form.

    Raises:
        MalformedError: another form, or a date or time that does not exist.
    """
    if not _UTC_TEXT.fullmatch(text):
        raise MalformedError(Code.FORMAT_INVALID, "time in UTC with Z")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(Code.FORMAT_INVALID, "time in UTC with Z") from error


def encode_utc(moment: datetime) -> str:
    """Write `moment` as `2026-11-22T10:00:00Z`, to the whole second."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
