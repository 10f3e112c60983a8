"""What the wallet's commands share: the open wallet, and a screen that nobody scrolls back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from doors.prompts import PassphraseSource
from doors.terminal import Terminal, warning
from storage.passphrase import Passphrase
from storage.sealed_file import Freshness
from storage.sealed_header import RecoveryKey
from wallet.door.place import require_wallet, wallet_folder
from wallet.folder import WalletFolder
from wallet.vault import Vault

_OTHER_SCREEN, _FIRST_SCREEN = "\x1b[?1049h\x1b[H", "\x1b[?1049l"


def open_wallet(terminal: Terminal, passphrase: PassphraseSource) -> Vault:
    """The wallet, opened with its passphrase; a person hears when something about its file is odd.

    Raises:
        RefusedError: there is none, or the passphrase does not open it.
        MalformedError, VerificationError, UnavailableError: it cannot be opened.
    """
    folder = wallet_folder()
    require_wallet(folder)
    return passphrase.unlock(terminal, lambda text: open_vault(terminal, folder, Passphrase(text)))


def open_vault(terminal: Terminal, folder: WalletFolder, secret: Passphrase | RecoveryKey) -> Vault:
    """As `open_wallet`, with a secret at hand."""
    vault = Vault.open(folder.vault, secret, mark_folder=folder.state)
    if vault.file.recovered:
        terminal.note(
            warning("! "), "The newest file was damaged; this is the wallet before its last change."
        )
    if vault.file.freshness is Freshness.UNKNOWN:
        terminal.note(warning("! "), "Nothing here says how old the wallet should be. See `tally doctor`.")
    return vault


@contextmanager
def unrecorded(terminal: Terminal) -> Iterator[None]:
    """Let the block talk to the person on the terminal's other screen, of which nothing is scrolled back."""
    can_switch = os.environ.get("TERM", "dumb") != "dumb"
    if can_switch:
        terminal.stderr.write(_OTHER_SCREEN)
    try:
        yield
    finally:
        if can_switch:
            terminal.stderr.write(_FIRST_SCREEN)
            terminal.stderr.flush()
