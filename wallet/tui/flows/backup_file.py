"""Opening a backup: the file first, then its words, until they fit or the person gives up."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from doors.terminal import bad
from protocol.codes import Code
from protocol.errors import RefusedError
from wallet.backup import Backup, open_backup, require_backup
from wallet.tui.screens.typed_words import TypedWords

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_TITLE = "The 24 words of that wallet"


async def open_with_words(app: "WalletApp", path: Path) -> Backup | None:
    """What is in the backup at `path`; None when the person gives up.

    Raises:
        TallyError: it is no backup, before the words are asked, or a damaged one.
    """
    await app.work("Looking at the file …", partial(require_backup, path))
    asking = TypedWords(_TITLE)
    while (entropy := await app.ask(asking)) is not None:
        try:
            return await app.work("Reading the backup …", partial(open_backup, path, entropy))
        except RefusedError as error:
            if error.code is not Code.RECOVERY_PHRASE_INVALID:
                raise
        sentence = (
            "These words do not open the file. A word is another one, or the file is of another wallet."
        )
        asking = TypedWords(_TITLE, typed=entropy, outcome=(bad("✗ "), sentence))
    return None
