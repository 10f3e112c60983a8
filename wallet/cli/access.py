"""What the wallet's commands share: the open wallet, and a screen that nobody scrolls back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from doors.clock import stopwatch
from doors.prompts import PassphraseSource
from doors.terminal import Terminal, dim, warning
from protocol.codes import Code
from protocol.errors import VerificationError
from storage.passphrase import Passphrase
from storage.sealed_file import Freshness
from storage.sealed_header import Secret
from wallet.door.agent import key_of_agent
from wallet.door.place import require_wallet, wallet_folder
from wallet.folder import WalletFolder
from wallet.unlocking import needs_passphrase_again
from wallet.vault import Vault

_OTHER_SCREEN, _FIRST_SCREEN = "\x1b[?1049h\x1b[H", "\x1b[?1049l"


@dataclass(frozen=True, slots=True)
class UnlockedWallet:
    """The open wallet, and how long ago somebody proved to be its owner."""

    vault: Vault
    _before: timedelta
    _since: float

    @property
    def unlocked_for(self) -> timedelta:
        """How long ago somebody gave the passphrase, to this command or to the agent."""
        return self._before + timedelta(seconds=stopwatch() - self._since)


def open_wallet(terminal: Terminal, passphrase: PassphraseSource) -> Vault:
    """The vault of `unlock_wallet`.

    Raises:
        TallyError: as `unlock_wallet`.
    """
    return unlock_wallet(terminal, passphrase).vault


def unlock_wallet(terminal: Terminal, passphrase: PassphraseSource) -> UnlockedWallet:
    """The wallet, opened with the key that the agent keeps, or, where there is none, with the passphrase.

    Raises:
        TallyError: as `open_wallet_anew`.
    """
    folder = wallet_folder()
    require_wallet(folder)
    key = key_of_agent()
    if key is not None:
        try:
            return UnlockedWallet(open_vault(terminal, folder, key.master_key), key.unlocked_for, stopwatch())
        except VerificationError as error:
            # It has another key since. Or it is damaged: that is told to who knows the passphrase.
            if error.code is not Code.VAULT_DAMAGED:
                raise
    return UnlockedWallet(open_wallet_anew(terminal, passphrase), timedelta(0), stopwatch())


def require_presence(terminal: Terminal, passphrase: PassphraseSource, unlocked: UnlockedWallet) -> None:
    """Ask a person for the passphrase again, before something is shared on an unlock of long ago.

    Raises:
        RefusedError: it is wrong.
    """
    if passphrase.is_prompt and needs_passphrase_again(unlocked.unlocked_for):
        terminal.note("The wallet was unlocked a while ago: show that it is you.")
        open_wallet_anew(terminal, passphrase).close()


def open_wallet_anew(terminal: Terminal, passphrase: PassphraseSource) -> Vault:
    """The wallet, opened with its passphrase; a person hears when something about its file is odd.

    Raises:
        RefusedError: there is none, or the passphrase does not open it.
        MalformedError, VerificationError, UnavailableError: it cannot be opened.
    """
    folder = wallet_folder()
    require_wallet(folder)
    return passphrase.unlock(terminal, lambda text: open_vault(terminal, folder, Passphrase(text)))


def open_vault(terminal: Terminal, folder: WalletFolder, secret: Secret) -> Vault:
    """As `open_wallet`, with a secret at hand."""
    vault = Vault.open(folder.vault, secret, mark_folder=folder.state)
    if vault.file.recovered:
        terminal.note(
            warning("! "), "The newest file was damaged; this is the wallet before its last change."
        )
    if vault.file.freshness is Freshness.UNKNOWN:
        terminal.note(warning("! "), "Nothing here says how old the wallet should be. See `tally doctor`.")
    return vault


def read_new_passphrase(terminal: Terminal, source: PassphraseSource) -> Passphrase:
    """A passphrase for the wallet; a person who types it hears how long it would hold out.

    Raises:
        RefusedError, MalformedError: as `PassphraseSource.read_new`.
    """
    # `tally list` comes here, too, and needs none of it.
    from wallet.door.strength import ASSUMPTION, strength_line
    from wallet.passphrase_strength import estimate_strength

    passphrase = source.read_new(terminal)
    if source.is_prompt:
        terminal.note(*strength_line(estimate_strength(passphrase)))
        terminal.note(dim(ASSUMPTION))
    return Passphrase(passphrase)


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
