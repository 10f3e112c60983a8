"""The other side of `tests.interop.stranger`: a line of JSON asks, a line of JSON answers.

Runs in the Python that has other people's packages, so it and the modules that use it import none of ours.
"""

import json
import sys
from collections.abc import Callable
from typing import Any


def answer_questions(read: Callable[[Any], Any]) -> None:
    """Answer each line of standard input with what `read` makes of it, or with what it raised."""
    for line in sys.stdin:
        try:
            answer = {"found": read(json.loads(line))}
        except Exception as error:  # noqa: BLE001 (whatever a library raises is a refusal)
            answer = {"refused": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
