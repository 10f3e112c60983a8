"""The files of one issuer, beside those that every institution has.

issuer.toml, ledgers.toml     settings, without secrets
types/                        the types it issues
"""

from pathlib import Path

from issuer import settings
from issuer.credential_type import TypeShelf
from issuer.settings import IssuerSettings, encode_settings, parse_settings
from ledger.institution_folder import InstitutionFolder
from ledger.trust import LEDGERS_FILE, TrustedLedgers, encode_trusted_ledgers, parse_ledgers_file

KEY_PREFIX = "tally_issuer"


class IssuerFolder(InstitutionFolder):
    """The folder of one issuer.

    Attributes:
        types: The types the institution issues.
    """

    def __init__(self, path: Path, state: Path) -> None:
        super().__init__(path, state, key_prefix=KEY_PREFIX)
        self.types = TypeShelf(path / "types")

    def is_initialized(self) -> bool:
        """Whether `init` came to its end here."""
        return (self.path / settings.FILE).exists()

    def load_settings(self) -> IssuerSettings:
        """The settings.

        Raises:
            RefusedError: `init` did not come to its end here, or the settings cannot be used.
        """
        return parse_settings(self.read(settings.FILE))

    def save_settings(self, what: IssuerSettings) -> None:
        """Write the settings, the last step of `init`."""
        self.write(settings.FILE, encode_settings(what))

    def load_ledgers(self) -> TrustedLedgers:
        """The ledgers the institution trusts; its DID lives on one of them.

        Raises:
            RefusedError: the file is missing or cannot be used.
        """
        return parse_ledgers_file(self.read(LEDGERS_FILE))

    def save_ledgers(self, ledgers: TrustedLedgers) -> None:
        """Write the ledgers the institution trusts."""
        self.write(LEDGERS_FILE, encode_trusted_ledgers(ledgers))
