"""Our marks and quotes for a stream whose encoding lacks them: what else it lacks is escaped."""

import codecs
from collections.abc import Mapping

HANDLER = "tally-plain-signs"
"""The name of the error handler that a stream is given."""

_PLAIN: Mapping[str, str] = {"✓": "OK", "✗": "x", "·": "-", "–": "-", "…": "...", "“": '"', "”": '"'}


def _say_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    plain = "".join(_PLAIN.get(sign, sign) for sign in lacking)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(HANDLER, _say_plainly)
