"""Where the wallet of this user is."""

from pathlib import Path

from doors.home import data_folder, runtime_folder, state_folder
from protocol.codes import Code
from protocol.errors import RefusedError
from wallet.folder import WalletFolder


def wallet_folder(*, make: bool = False) -> WalletFolder:
    """The folder of this user's wallet; where there is none, nothing is made unless `make`.

    Raises:
        RefusedError: others could enter it.
    """
    path = data_folder("wallet", make=make)
    return WalletFolder(path, state_folder("wallet", make=path.exists()))


def agent_folder(*, make: bool = False) -> Path:
    """The folder of the socket of this user's agent. `make` as in `wallet_folder`.

    Raises:
        RefusedError: others could enter it.
    """
    return runtime_folder("wallet", make=make)


def require_wallet(folder: WalletFolder) -> None:
    """Check that there is a wallet, so that nobody types a passphrase for nothing.

    Raises:
        RefusedError: there is none.
    """
    if not folder.is_initialized():
        raise RefusedError(Code.VAULT_MISSING)
