"""Choosing lines of the history: those with one party, those since some time."""

import re
from datetime import UTC, datetime, timedelta

from protocol.codes import Code
from protocol.errors import RefusedError
from wallet.content import ActivityEntry, WalletContent
from wallet.known_party import identity_of

_AGE = re.compile(r"([0-9]{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def select_activity(
    content: WalletContent, *, party: str | None = None, since: datetime | None = None
) -> tuple[tuple[ActivityEntry, str | None], ...]:
    """The lines with a party whose name or identifier has `party` in it, in any case, from `since` on; in
    the order in which they were written. None lets everything through.

    With each comes what its party called itself last, which nobody verified.
    """
    wanted = "" if party is None else party.casefold()
    names = {known.identity: known.name for known in content.parties}
    named = ((entry, names.get(identity_of(entry.party))) for entry in content.activity)
    return tuple(
        (entry, name)
        for entry, name in named
        if (since is None or entry.time >= since)
        and (wanted in entry.party.casefold() or wanted in (name or "").casefold())
    )


def parse_since(text: str, *, now: datetime) -> datetime:
    """Read a time as a person gives it: an age (`12h`, `30d`, `4w`) or a day (`2026-11-01`, UTC).

    Raises:
        RefusedError: neither, or no such day.
    """
    try:
        if age := _AGE.fullmatch(text):
            return now - int(age[1]) * _UNITS[age[2]]
        if _DAY.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass  # February 30, or before the year 1
    raise RefusedError(Code.USAGE_INVALID, "--since takes an age, such as 30d, or a day, such as 2026-11-01")
