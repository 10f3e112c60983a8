"""The mark before what the doctor found."""

from collections.abc import Mapping

from doors.plain_signs import plainly
from doors.terminal import Styled, bad, good, warning
from wallet.doctor import Health

_MARKS: Mapping[Health, Styled] = {
    Health.OK: good("✓"),
    Health.WARN: warning("!"),
    Health.FAIL: bad("✗"),
}


def mark_columns(*, plain: bool) -> int:
    """The columns that every mark takes with the blanks behind it; of plain letters, one takes two."""
    return max(_columns(mark, plain=plain) for mark in _MARKS.values()) + 1


def health_mark(health: Health, *, plain: bool) -> tuple[Styled, str]:
    """The mark, and the blanks behind it."""
    mark = _MARKS[health]
    return mark, " " * (mark_columns(plain=plain) - _columns(mark, plain=plain))


def _columns(mark: Styled, *, plain: bool) -> int:
    return len(plainly(mark.text) if plain else mark.text)
