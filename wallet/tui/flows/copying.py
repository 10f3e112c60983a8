"""Putting something on the clipboard, and saying honestly what became of it."""

from typing import TYPE_CHECKING

from doors.clipboard import Copied

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def copy(app: "WalletApp", text: str) -> None:
    """Copy what is about a person: it is taken off again after the time that the settings say."""
    match await app.work("Copying …", lambda: app.outer_clipboard.copy(text, secret=True)):
        case Copied.CLEARS:
            seconds = int(app.settings.clipboard.total_seconds())
            app.tell(f"Copied. It is taken off the clipboard again after {seconds} seconds.")
        case Copied.SENT:
            app.tell("Sent to the clipboard of your terminal. Nobody knows whether it took it.")
        case _:
            app.tell("There is no clipboard to be reached from here.")
