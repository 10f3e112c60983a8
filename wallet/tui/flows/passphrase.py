"""Asking for the passphrase again, before something that its owner alone may do."""

from functools import partial
from typing import TYPE_CHECKING

from doors.terminal import bad
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import Passphrase
from wallet.tui.screens.dialog import Field
from wallet.tui.text import Line
from wallet.unlocking import needs_passphrase_again

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def prove_ownership(app: "WalletApp") -> bool:
    """Ask for the passphrase if the last time is too long ago; whether its owner is there."""
    if not needs_passphrase_again(app.session.unlocked_for):
        return True
    lines: list[Line] = [("To share, type your passphrase again: the last time is a while ago.",)]
    while True:
        if app.session.attempts.pause:
            # Whoever sits here does not know it; the door counts down.
            app.action_lock()
            return False
        typed = await app.ask(Field("Is it you?", *lines, hidden=True, placeholder="Passphrase"))
        if typed is None:
            return False
        try:
            await app.work("Checking the passphrase …", partial(app.session.unlock, Passphrase(typed)))
        except RefusedError as error:
            if error.code is not Code.PASSPHRASE_WRONG:
                raise
            lines = [(bad("✗ "), str(error))]
        else:
            return True
