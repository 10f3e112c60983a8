"""The times of validity that any JWT can state (RFC 7519 §4.1.4 to §4.1.6)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import VerificationError


def time_claim(claims: Mapping[str, JsonValue], name: str) -> int | None:
    """The time `name` in whole seconds since 1970, None if it is not stated.

    Raises:
        VerificationError: not a non-negative integer.
    """
    if name not in claims:
        return None
    seconds = claims[name]
    if type(seconds) is not int or seconds < 0:
        raise VerificationError(Code.CLAIM_INVALID, name)
    return seconds


def verify_validity(claims: Mapping[str, JsonValue], *, now: datetime, clock_skew: timedelta) -> None:
    """Check `exp`, `nbf` and `iat`, as far as they are stated.

    What expires at `now` is expired. The clocks of honest parties may be `clock_skew` apart: that excuses a
    beginning that lies ahead, never an end that has passed.

    Raises:
        VerificationError: expired, not yet valid, issued in the future, or not a time.
    """
    seconds = now.timestamp()
    expires_at = time_claim(claims, "exp")
    if expires_at is not None and expires_at <= seconds:
        raise VerificationError(Code.EXPIRED)
    latest_beginning = seconds + clock_skew.total_seconds()
    for name in ("nbf", "iat"):
        begins_at = time_claim(claims, name)
        if begins_at is not None and begins_at > latest_beginning:
            raise VerificationError(Code.NOT_YET_VALID, name)
