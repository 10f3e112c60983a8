"""The window that has a wallet, in words."""

from protocol.encoding.time import encode_utc
from wallet.door.wording import MAX_NAME, one_line
from wallet.window import WindowTaken


def shown_window(taken: WindowTaken) -> str:
    """Whose window has the wallet, for a person to look for."""
    holder = taken.holder
    if holder is None:
        return "a process that does not say which"
    place = "" if holder.terminal is None else f" in {one_line(holder.terminal, max_characters=MAX_NAME)}"
    return f"process {holder.pid}{place}, since {encode_utc(holder.since)}"
