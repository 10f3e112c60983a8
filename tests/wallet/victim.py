"""A process that is killed while it backs up or restores: `python -m tests.wallet.victim FOLDER WHAT`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from protocol.errors import TallyError
from storage.passphrase import TEST_ONLY, Passphrase
from tests.storage.victim import operation
from wallet.backup import make_backup, open_backup
from wallet.folder import WalletFolder
from wallet.recovery_phrase import derive_seed
from wallet.restore import merge_backup, restore_wallet
from wallet.trust import load_ledgers
from wallet.vault import Vault

ENTROPY = bytes(range(32))
PASSPHRASE = Passphrase("correct horse battery staple")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def wallet_of(root: Path) -> WalletFolder:
    return WalletFolder(root / "wallet", root / "state")


def backup_of(root: Path) -> Path:
    return root / "stick" / "wallet.backup"


def open_wallet(root: Path) -> Vault:
    folder = wallet_of(root)
    return Vault.open(folder.vault, PASSPHRASE, mark_folder=folder.state, weakest_kdf=TEST_ONLY)


def backup(root: Path, *, replacing: bool) -> None:
    with open_wallet(root) as vault, operation():
        make_backup(vault, load_ledgers(wallet_of(root)), backup_of(root), now=NOW, replacing=replacing)


def restore(root: Path) -> None:
    opened = open_backup(backup_of(root), ENTROPY)
    with operation():
        restore_wallet(opened, wallet_of(root), passphrase=PASSPHRASE, kdf=TEST_ONLY, now=NOW).close()


def merge(root: Path) -> None:
    opened = open_backup(backup_of(root), ENTROPY)
    with open_wallet(root) as vault, operation():
        merge_backup(opened, vault, wallet_of(root), now=NOW)


def do(root: Path, what: str) -> None:
    # The list of words is a file, too, and not one that is at stake.
    derive_seed(ENTROPY)
    match what:
        case "restore":
            restore(root)
        case "merge":
            merge(root)
        case _:
            backup(root, replacing=what == "backup-replacing")


if __name__ == "__main__":
    try:
        do(Path(sys.argv[1]), sys.argv[2])
    except TallyError as error:
        sys.stdout.write(error.code)
