"""Our marks and quotes in ASCII: for a stream whose encoding lacks them, and for whoever asks for it.

What else an encoding lacks is escaped.
"""

import codecs
from collections.abc import Mapping

HANDLER = "tally-plain-signs"
"""The name of the error handler that a stream is given."""

_PLAIN: Mapping[str, str] = {
    "✓": "OK",
    "✗": "x",
    "·": "-",
    "–": "-",
    "…": "...",
    "•": "*",
    "└": "+",
    "“": '"',
    "”": '"',
}
_TABLE = str.maketrans(dict(_PLAIN))


def plainly(text: str) -> str:
    """`text` with our marks and quotes in ASCII, and the rest of it as it is."""
    return text.translate(_TABLE)


def _say_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    plain = "".join(_PLAIN.get(sign, sign) for sign in lacking)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(HANDLER, _say_plainly)
