"""The files of one wallet, in a folder that is closed to everybody else.

wallet.sealed    what the wallet holds, sealed with the passphrase and with the recovery words
ledgers.toml     the ledgers the wallet trusts, without secrets

And apart from it, so that an old copy of that folder does not bring back what would give it away:

*.mark           how old wallet.sealed is at least
seen/            the last checkpoint seen of each ledger
"""

from dataclasses import dataclass
from pathlib import Path

from ledger.memory import CheckpointMemory
from ledger.trust import LEDGERS_FILE, TrustedLedgers, encode_trusted_ledgers, parse_ledgers_file
from storage.atomic_file import Folder
from storage.sealed_snapshot import previous_name

_VAULT = "wallet.sealed"
_MAX_BYTES = 256 * 1024


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
        """Whether there is a wallet, be it only the previous generation of one."""
        return self.vault.exists() or self.vault.with_name(previous_name(_VAULT)).exists()

    def load_ledgers(self) -> TrustedLedgers:
        """The ledgers the wallet trusts: none where there is no file.

        Raises:
            RefusedError: the file cannot be used, or others could change it.
        """
        with Folder(self.path, private=True) as folder:
            if not folder.exists(LEDGERS_FILE):
                return TrustedLedgers(())
            source = folder.read(LEDGERS_FILE, max_bytes=_MAX_BYTES)
        return parse_ledgers_file(source)

    def save_ledgers(self, trusted: TrustedLedgers) -> None:
        """Write the ledgers the wallet trusts."""
        with Folder(self.path, private=True) as folder:
            folder.replace(LEDGERS_FILE, encode_trusted_ledgers(trusted).encode())

    def memory(self) -> CheckpointMemory:
        """What the wallet has seen of its ledgers."""
        return CheckpointMemory(self.state / "seen")
