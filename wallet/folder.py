"""The files of one wallet, in a folder that is closed to everybody else.

wallet.sealed             what the wallet holds, sealed with the passphrase and with the recovery words
wallet.sealed.previous    the same before the last change, for when the newest file is damaged
ledgers.toml              the ledgers the wallet trusts, without secrets
settings.toml             what its owner set about it, if anything
wallet.window             locked while a full-screen wallet is open, and who has it

And apart from it, so that an old copy of that folder does not bring back what would give it away:

*.mark                    how old wallet.sealed is at least
seen/                     the last checkpoint seen of each ledger
"""

from dataclasses import dataclass
from pathlib import Path

from storage.atomic_file import typed_disk_errors
from storage.sealed_snapshot import previous_name

SETTINGS_FILE = "settings.toml"
WINDOW_FILE = "wallet.window"

_VAULT = "wallet.sealed"


@dataclass(frozen=True, slots=True)
class WalletFolder:
    """The folder `path` of one wallet; `state` is where its age and the ledgers' are noted."""

    path: Path
    state: Path

    @property
    def vault(self) -> Path:
        """Where the sealed file is."""
        return self.path / _VAULT

    def is_initialized(self) -> bool:
        """Whether there is a wallet, be it only the previous generation of one.

        Raises:
            UnavailableError: the disk's fault.
        """
        with typed_disk_errors(_VAULT):
            return self.vault.exists() or self.vault.with_name(previous_name(_VAULT)).exists()
