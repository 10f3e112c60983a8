"""Going in: by the passphrase, by the words where it is forgotten, or by the key that an agent keeps."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from doors.screen.dialog import Notice
from doors.terminal import warning
from protocol.codes import Code
from protocol.errors import TallyError
from storage.passphrase import Passphrase
from storage.sealed_header import RecoveryKey
from wallet.door.agent import key_of_agent
from wallet.door.window import shown_window
from wallet.recovery_phrase import derive_recovery_key, derive_seed
from wallet.tui.flows.passphrase import rekey
from wallet.tui.flows.words import note_words_confirmed
from wallet.tui.screens.dialog import Refusal
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.tui.screens.typed_words import TypedWords

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def unlock(app: "WalletApp", secret: Passphrase | RecoveryKey) -> bool:
    """Open the wallet; False, with the reason on the screen, when its file is older than it should be.

    Raises:
        TallyError: as `WalletSession.unlock`.
    """
    try:
        await app.work("Opening the wallet …", partial(app.session.unlock, secret), can_cancel=False)
    except TallyError as error:
        if error.code is not Code.VAULT_ROLLBACK:
            raise
        await app.ask(
            Refusal(
                error,
                (),
                (
                    "If you put an older copy here yourself, from a backup of this machine for example, it "
                    "is safe to take it. If not, somebody may want you to forget what happened since.",
                ),
            )
        )
        return False
    return True


async def unlock_with_agent(app: "WalletApp") -> None:
    """Go in with the key of the agent, where one runs; without, or with one of another time, stay outside."""
    key = await asyncio.to_thread(key_of_agent)
    if key is None:
        return
    job = partial(app.session.unlock, key.master_key, proved=key.unlocked_for)
    try:
        await app.work("Opening the wallet …", job, can_cancel=False)
    except TallyError:
        # The passphrase works all the same, and whatever is wrong with the file is told then.
        return
    await tell_of_other_window(app)
    app.enter()
    app.tell("Opened with the key that the agent keeps.")


async def tell_of_other_window(app: "WalletApp") -> None:
    """Say that this window only looks, and which one has the wallet, if that is so."""
    other = app.session.other_window
    if other is not None:
        await app.ask(
            Notice(
                "Read only",
                (warning("! "), f"Another window has this wallet: {shown_window(other)}."),
                ("You can look at everything here. To change something, lock or close that window first.",),
            )
        )


async def reset_passphrase(app: "WalletApp") -> None:
    """Open the wallet with its words and give it a new passphrase; without that it is locked again."""
    entropy = await app.ask(TypedWords("The 24 words of this wallet"))
    if entropy is None or not await unlock(app, derive_recovery_key(derive_seed(entropy))):
        return
    changed = False
    try:
        app.session.require_own_window()
        passphrase = await app.ask(NewPassphrase("A new passphrase"))
        if passphrase is not None:
            await app.work("Changing the passphrase …", partial(rekey, app, passphrase), can_cancel=False)
            await app.work("Saving …", partial(note_words_confirmed, app), can_cancel=False)
            changed = True
    finally:
        if not changed:
            app.session.lock()
    if changed:
        app.enter()
        app.tell("The wallet opens with the new passphrase, and no longer with the old one.")
