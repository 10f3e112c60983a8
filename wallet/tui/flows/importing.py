"""Bringing a wallet back from a backup file and the 24 words."""

from functools import partial
from typing import TYPE_CHECKING

from doors.screen.dialog import Field, Notice
from doors.terminal import bold
from ledger.trust import TrustedLedgers
from wallet.door.backup_lines import loss_text, rehearsal_lines
from wallet.door.source import typed_path
from wallet.making import require_place
from wallet.rehearsal import rehearse
from wallet.restore import restore_wallet
from wallet.tui.flows.backup_file import open_with_words
from wallet.tui.screens.dialog import Question
from wallet.tui.screens.new_passphrase import NewPassphrase

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def import_backup(app: "WalletApp") -> None:
    """A wallet out of a backup: the file, the words, what comes back and what does not, a new passphrase."""
    session = app.session
    require_place(session.folder)
    file = await app.ask(
        Field(
            "Where is the backup?", ("Only the 24 words open it.",), placeholder="/media/stick/wallet.backup"
        )
    )
    if file is None:
        return
    backup = await open_with_words(app, typed_path(file))
    if backup is None:
        return
    rehearsal = await app.work(
        "Trying every key …", partial(rehearse, backup, None, ledgers=TrustedLedgers(()))
    )
    lines = list(rehearsal_lines(rehearsal, now=session.clock()))
    if not await app.ask(Question("Bring this back?", *lines, yes="Bring it back", no="Leave it")):
        return
    passphrase = await app.ask(NewPassphrase("A new passphrase for it"))
    if passphrase is None:
        return

    def job() -> None:
        session.adopt(
            restore_wallet(
                backup,
                session.folder,
                passphrase=passphrase,
                kdf=session.choose_kdf(),
                now=session.clock(),
            )
        )

    await app.work("Restoring the wallet …", job, can_cancel=False)
    await app.ask(
        Notice(
            "Your wallet is back",
            (f"It is in {session.folder.path}, with what was in the backup.",),
            (),
            (bold("What it could not bring back"),),
            *[(loss_text(loss),) for loss in rehearsal.losses],
        )
    )
    app.enter()
