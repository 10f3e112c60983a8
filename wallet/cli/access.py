"""What the wallet's commands share: the folder, the open wallet, and what was typed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doors.home import data_folder, state_folder
from doors.prompts import PassphraseSource
from doors.terminal import Terminal, warning
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError
from storage.passphrase import Passphrase
from storage.sealed_file import Freshness
from storage.sealed_header import RecoveryKey
from wallet.folder import WalletFolder
from wallet.vault import Vault

_MAX_SOURCE_BYTES = 256 * 1024
_OTHER_SCREEN, _FIRST_SCREEN = "\x1b[?1049h\x1b[H", "\x1b[?1049l"


def wallet_folder() -> WalletFolder:
    """The folder of this user's wallet.

    Raises:
        RefusedError: others could enter it.
    """
    return WalletFolder(data_folder("wallet"), state_folder("wallet"))


def open_wallet(terminal: Terminal, passphrase: PassphraseSource) -> Vault:
    """The wallet, opened with its passphrase; a person hears when something about its file is odd.

    Raises:
        RefusedError: there is none, or the passphrase does not open it.
        MalformedError, VerificationError, UnavailableError: it cannot be opened.
    """
    folder = wallet_folder()
    require_wallet(folder)
    return open_vault(terminal, folder, Passphrase(passphrase.read(terminal)))


def require_wallet(folder: WalletFolder) -> None:
    """Check that there is a wallet, so that nobody types a passphrase for nothing.

    Raises:
        RefusedError: there is none.
    """
    if not folder.is_initialized():
        raise RefusedError(Code.VAULT_MISSING)


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


def read_source(terminal: Terminal, source: str) -> str:
    """The text a person means: itself, when it is a link or JSON; what stdin gives for `-`; else of a file.

    Raises:
        RefusedError: too long, or neither a link nor a file that can be read.
        MalformedError: not UTF-8.
    """
    if source == "-":
        try:
            text = terminal.stdin.read(_MAX_SOURCE_BYTES + 1)
        except UnicodeDecodeError as error:
            raise MalformedError(Code.TEXT_INVALID) from error
    elif "://" in source or source.lstrip().startswith("{"):
        text = source
    else:
        try:
            with Path(source).open("rb") as stream:
                text = decode_utf8(stream.read(_MAX_SOURCE_BYTES + 1))
        except (OSError, ValueError) as error:
            raise RefusedError(Code.USAGE_INVALID, "neither a link nor a file that can be read") from error
    if len(text) > _MAX_SOURCE_BYTES:
        raise RefusedError(Code.SIZE_EXCEEDED, f"more than {_MAX_SOURCE_BYTES} bytes")
    return text.strip()


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
