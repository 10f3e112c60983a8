"""The files of one institution, in a folder that is closed to everybody else.

issuer.toml, ledgers.toml     settings, without secrets
keys.sealed                   the keys, sealed with the passphrase
register.sqlite               what was offered and issued, without claims
types/                        the types it issues
management.key                lets the institution's own programs in; theirs to read
address                       where its server was reached last
"""

import tomllib
from pathlib import Path

from issuer.credential_type import TypeShelf
from issuer.settings import IssuerSettings, encode_settings, parse_settings
from ledger.trust import TrustedLedgers, encode_trusted_ledgers, parse_trusted_ledgers
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import RefusedError
from storage.atomic_file import Folder

_SETTINGS = "issuer.toml"
_LEDGERS = "ledgers.toml"
_MANAGEMENT_KEY = "management.key"
_ONBOARDING_TOKEN = "onboarding.token"  # noqa: S105 (a file name)
_ADDRESS = "address"
_MAX_BYTES = 256 * 1024


class IssuerFolder:
    """The folder of one institution.

    Attributes:
        keys: Where the key ring is.
        register: Where the register is.
        prepared_entry: Where an entry of the institution's DID waits until it is logged.
        types: The types the institution issues.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.keys = folder / "keys.sealed"
        self.register = folder / "register.sqlite"
        self.prepared_entry = folder / "prepared-entry"
        self.types = TypeShelf(folder / "types")

    def is_initialized(self) -> bool:
        """Whether `init` came to its end here."""
        return (self._folder / _SETTINGS).exists()

    def load_settings(self) -> IssuerSettings:
        """The settings.

        Raises:
            RefusedError: `init` did not come to its end here, or the settings cannot be used.
        """
        return parse_settings(self._read(_SETTINGS))

    def save_settings(self, settings: IssuerSettings) -> None:
        """Write the settings, the last step of `init`."""
        self._write(_SETTINGS, encode_settings(settings))

    def load_ledgers(self) -> TrustedLedgers:
        """The ledgers the institution trusts; it lives on the first of them.

        Raises:
            RefusedError: the file is missing or cannot be used.
        """
        try:
            return parse_trusted_ledgers(tomllib.loads(self._read(_LEDGERS)))
        except tomllib.TOMLDecodeError as error:
            raise RefusedError(Code.SETTINGS_INVALID, f"{_LEDGERS}: {error}") from error

    def save_ledgers(self, ledgers: TrustedLedgers) -> None:
        """Write the ledgers the institution trusts."""
        self._write(_LEDGERS, encode_trusted_ledgers(ledgers))

    def load_management_key(self) -> str:
        """The management key.

        Raises:
            RefusedError: there is none yet, or others could read it.
        """
        return self._read(_MANAGEMENT_KEY)

    def save_management_key(self, text: str) -> None:
        """Write the management key, for this user only."""
        self._write(_MANAGEMENT_KEY, text)

    def load_onboarding_token(self) -> str:
        """What the ledger's operator handed out for writing.

        Raises:
            RefusedError: there is none yet, or others could read it.
        """
        return self._read(_ONBOARDING_TOKEN)

    def save_onboarding_token(self, text: str) -> None:
        """Write the onboarding token, for this user only."""
        self._write(_ONBOARDING_TOKEN, text)

    def load_address(self) -> str:
        """Where the server was reached last; before it ran for the first time, where it will be."""
        with Folder(self._folder, private=True) as folder:
            return self._read(_ADDRESS) if folder.exists(_ADDRESS) else self.load_settings().url

    def save_address(self, url: str) -> None:
        """Note where the server is reached now."""
        self._write(_ADDRESS, url)

    def _read(self, name: str) -> str:
        with Folder(self._folder, private=True) as folder:
            if not folder.exists(name):
                raise RefusedError(Code.NOT_INITIALIZED, f"{name} is missing")
            return decode_utf8(folder.read(name, max_bytes=_MAX_BYTES))

    def _write(self, name: str, text: str) -> None:
        with Folder(self._folder, private=True) as folder:
            folder.replace(name, text.encode())
