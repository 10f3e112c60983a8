"""How strong a passphrase is, in the words for whoever chooses one."""

from collections.abc import Iterator, Mapping

from doors.terminal import Styled, bad, good, warning
from wallet.passphrase_strength import GUESSES_PER_SECOND, Strength, Weakness

ASSUMPTION = (
    f"Counted for one computer with a stolen copy of your wallet, at {GUESSES_PER_SECOND} tries a second. "
    "Machines built for it are hundreds of times as fast, and whoever knows you needs fewer tries."
)
"""What an estimate is worth; it stands beside every one."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTH, _YEAR = 30.4 * _DAY, 365.25 * _DAY
_UNITS = ((_YEAR, "years"), (_MONTH, "months"), (_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes"))
_AGES = ((1e6, "millions of years"), (1e3, "thousands of years"), (1e2, "centuries"))
_WEAK, _STRONG = _DAY, 1000 * _YEAR
_REASONS: Mapping[Weakness | None, str] = {
    None: "",
    Weakness.COMMON: " It is made of what is tried first.",
    Weakness.REPEATED: " It repeats itself.",
    Weakness.RUN: " It is a row of keys, or counted.",
}


def strength_line(strength: Strength) -> tuple[str | Styled, ...]:
    """An estimate in one sentence, with its reason where there is one."""
    seconds = strength.seconds
    mark = bad("✗ ") if seconds < _WEAK else warning("! ") if seconds < _STRONG else good("✓ ")
    said = next(_sentences(seconds))
    reason = _REASONS[strength.weakness]
    return (mark, said, reason) if reason else (mark, said)


def _sentences(seconds: float) -> Iterator[str]:
    """How long that is, in the words that fit; the first one counts."""
    for years, name in _AGES:
        if seconds >= years * _YEAR:
            yield f"A program needs {name} for this."
    for size, name in _UNITS:
        if seconds >= 2 * size:
            yield f"A program guesses this in about {int(seconds / size)} {name}."
    yield "A program guesses this at once."
