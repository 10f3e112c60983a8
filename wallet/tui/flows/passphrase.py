"""Asking for the passphrase again before something that the owner alone may do, and changing it."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from doors.screen.dialog import Field
from doors.screen.text import Line
from doors.terminal import bad
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import Passphrase
from wallet.door.agent import end_outdated_agent
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.unlocking import needs_passphrase_again

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def prove_before_sharing(app: "WalletApp") -> bool:
    """Ask for the passphrase if the last time is too long ago; whether the owner is there."""
    if not needs_passphrase_again(app.session.unlocked_for):
        return True
    reason = "To share, type your passphrase again: the last time is a while ago."
    return await prove_ownership(app, reason)


async def change_passphrase(app: "WalletApp") -> None:
    """Give the wallet a new passphrase, after the old one was typed."""
    app.session.require_own_window()
    if not await prove_ownership(app, "First the passphrase that opens it now."):
        return
    passphrase = await app.ask(NewPassphrase("A new passphrase", ("Copies elsewhere keep the old one.",)))
    if passphrase is not None:
        await app.work("Changing the passphrase …", partial(rekey, app, passphrase), can_cancel=False)
        app.tell("The wallet opens with the new passphrase, and no longer with the old one.")


def rekey(app: "WalletApp", passphrase: Passphrase) -> None:
    """Give the open wallet a new key and passphrase, and end an agent that has the old key."""
    with app.session.opened() as vault:
        vault.rekey(passphrase, kdf=app.session.choose_kdf())
    end_outdated_agent()


async def prove_ownership(app: "WalletApp", reason: str) -> bool:
    """Ask for the passphrase; whether the owner is there."""
    lines: list[Line] = [(reason,)]
    while True:
        if app.session.attempts.pause:
            # Whoever sits here does not know it; the door counts down. Locking ends this flow, too.
            app.action_lock()
            await asyncio.sleep(0)
        typed = await app.ask(Field("Is it you?", *lines, hidden=True, placeholder="Passphrase"))
        if typed is None:
            return False
        try:
            await app.work("Checking the passphrase …", partial(app.session.prove, Passphrase(typed)))
        except RefusedError as error:
            if error.code is not Code.PASSPHRASE_WRONG:
                raise
            lines = [(bad("✗ "), str(error))]
        else:
            return True
