"""The files of one issuer, beside those that every institution has.

issuer.toml, ledgers.toml     settings, without secrets
types/                        the types it issues
"""

import tomllib
from pathlib import Path

from issuer.credential_type import TypeShelf
from issuer.settings import IssuerSettings, encode_settings, parse_settings
from ledger.institution_folder import InstitutionFolder
from ledger.trust import TrustedLedgers, encode_trusted_ledgers, parse_trusted_ledgers
from protocol.codes import Code
from protocol.errors import RefusedError

KEY_PREFIX = "tally_issuer"

_SETTINGS = "issuer.toml"
_LEDGERS = "ledgers.toml"


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
        return (self.path / _SETTINGS).exists()

    def load_settings(self) -> IssuerSettings:
        """The settings.

        Raises:
            RefusedError: `init` did not come to its end here, or the settings cannot be used.
        """
        return parse_settings(self.read(_SETTINGS))

    def save_settings(self, settings: IssuerSettings) -> None:
        """Write the settings, the last step of `init`."""
        self.write(_SETTINGS, encode_settings(settings))

    def load_ledgers(self) -> TrustedLedgers:
        """The ledgers the institution trusts; its DID lives on one of them.

        Raises:
            RefusedError: the file is missing or cannot be used.
        """
        try:
            return parse_trusted_ledgers(tomllib.loads(self.read(_LEDGERS)))
        except tomllib.TOMLDecodeError as error:
            raise RefusedError(Code.SETTINGS_INVALID, f"{_LEDGERS}: {error}") from error

    def save_ledgers(self, ledgers: TrustedLedgers) -> None:
        """Write the ledgers the institution trusts."""
        self.write(_LEDGERS, encode_trusted_ledgers(ledgers))
