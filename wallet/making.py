"""Making a wallet: all of it at once, when everything is known, so that nothing half made is left behind."""

import os
from datetime import datetime
from pathlib import Path

from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.atomic_file import Folder, make_private_folder
from storage.passphrase import KdfParameters, Passphrase
from wallet.folder import WalletFolder
from wallet.trust import save_ledgers
from wallet.vault import Vault


def require_place(folder: WalletFolder) -> None:
    """Check that a wallet can be made here, so that nobody writes down words for nothing. Nothing is made.

    Raises:
        RefusedError: there is a wallet; others could enter its folder; this user may not write there.
        UnavailableError: the disk's fault.
    """
    require_no_wallet(folder)
    for path in (folder.path, folder.state):
        if path.exists():
            Folder(path, private=True).close()
        place = _nearest(path)
        if not os.access(place, os.W_OK | os.X_OK):
            raise RefusedError(Code.FOLDER_NOT_WRITABLE, str(place))


def require_no_wallet(folder: WalletFolder) -> None:
    """Check that there is no wallet, be it only the previous generation of one.

    Raises:
        RefusedError: there is one.
    """
    if folder.is_initialized():
        raise RefusedError(Code.VAULT_EXISTS, f"there is a wallet in {folder.path}")


def make_wallet(
    folder: WalletFolder,
    *,
    entropy: bytes,
    passphrase: Passphrase,
    kdf: KdfParameters,
    ledgers: TrustedLedgers,
    words_confirmed: bool,
    now: datetime,
) -> Vault:
    """Make an empty wallet that trusts `ledgers`; the open wallet. The rest is as for `Vault.create`.

    Raises:
        RefusedError: there is a wallet; the passphrase is empty or too long.
        UnavailableError: full disk, or the disk's fault; there is no wallet then.
    """
    require_no_wallet(folder)
    make_private_folder(folder.path)
    save_ledgers(folder, ledgers)
    # The wallet last: whoever has it has everything else.
    return Vault.create(
        folder.vault,
        passphrase=passphrase,
        entropy=entropy,
        kdf=kdf,
        mark_folder=folder.state,
        now=now,
        words_confirmed=words_confirmed,
    )


def _nearest(path: Path) -> Path:
    """`path`, or what is there of it."""
    return next(place for place in (path, *path.parents) if place.exists())
