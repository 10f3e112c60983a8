"""Opening the full-screen wallet in this process's terminal."""

import os
import resource
import sys

from doors.exit_code import ExitCode
from wallet.door.place import wallet_folder
from wallet.settings import load_settings
from wallet.tui.app import WalletApp
from wallet.tui.chosen_keys import require_usable_keys
from wallet.tui.session import WalletSession


def open_wallet_screen(link: str | None = None, *, ascii: bool = False) -> ExitCode:
    """Show the wallet until the person leaves; `link` is an offer or a request to go on with.

    `ascii` makes marks and frames of plain letters, whatever the settings say.

    Raises:
        TallyError: there is no place for a wallet, or its settings cannot be read.
        Exception: what nobody foresaw and ended the program.
    """
    # What has a passphrase comes to have keys: when it crashes, it leaves no image of its memory behind.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = wallet_folder()
    settings = load_settings(folder)
    require_usable_keys(settings)
    app = WalletApp(WalletSession(folder, terminal=_terminal()), settings, link=link, ascii=ascii)
    app.run()
    app.session.lock()
    app.outer_clipboard.clear()
    if app.failure is not None:
        raise app.failure
    return ExitCode.SUCCESS


def _terminal() -> str | None:
    return os.ttyname(sys.stdin.fileno()) if sys.stdin.isatty() else None
