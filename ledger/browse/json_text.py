"""A record as JSON that people can read: indented, and without a character that is not to be seen."""

import json
import unicodedata

from doors.terminal import harmless
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import MalformedError

# More than any script in use puts on one letter.
_MAX_PILED = 4


def readable_json(leaf: bytes) -> str:
    """`leaf` in lines, nothing lost: what would act on a screen, or hide, is written as an escape of JSON.

    What is not strict JSON stays in one line.
    """
    try:
        text = json.dumps(parse_json_object(leaf), indent=2, ensure_ascii=False)
    except MalformedError:
        text = leaf.decode("utf-8", "backslashreplace").replace("\n", "\\n")
    shown, piled = [], _MAX_PILED
    for character in text:
        is_accent = unicodedata.category(character) in ("Mn", "Me")
        # An accent that begins a text would stand on its quotation mark.
        piled = piled + 1 if is_accent else 0 if character.isalpha() else _MAX_PILED
        is_seen = character == "\n" or (piled <= _MAX_PILED and harmless(character) == character)
        shown.append(character if is_seen else _escaped(character))
    return "".join(shown)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if character > "\x7f" else f"\\u{ord(character):04x}"
