"""How an offer and a credential of the register are shown."""

from collections.abc import Mapping

from doors.terminal import Styled, Terminal, bad, dim, good, warning
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, JsonValue

_STYLES = {"valid": good, "revoked": bad, "suspended": warning, "open": good, "blocked": bad}


def mark(row: Mapping[str, JsonValue], name: str) -> Styled:
    """The word under `name`, in its colour."""
    word = text_member(row, name)
    return _STYLES.get(word, dim)(word)


def tell(terminal: Terminal, record: JsonObject) -> None:
    """Show all that is known of one record, line by line."""
    terminal.document(record)
    for name, value in record.items():
        if value is not None:
            shown = mark(record, name) if name in ("status", "state") else str(value)
            terminal.say(dim(name.replace("_", " ").ljust(18)), shown)
