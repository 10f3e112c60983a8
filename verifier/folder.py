"""The files of one verifier, in a folder that is closed to everybody else.

verifier.toml                 what it is; without secrets
policy.toml                   what it believes
keys.sealed                   the keys, sealed with the passphrase
register.sqlite               what was asked and answered
management.key                lets the verifier's own programs in; theirs to read
address                       where its server was reached last
"""

from pathlib import Path

from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import RefusedError
from storage.atomic_file import Folder
from verifier import policy_file, settings
from verifier.settings import VerifierSettings, encode_settings, parse_settings

_ADDRESS = "address"
_MAX_BYTES = 256 * 1024


class VerifierFolder:
    """The folder of one verifier.

    Attributes:
        policy: Where the policy is.
        keys: Where the key ring is.
        register: Where the register is.
        management_key: Where the management key is.
        prepared_entry: Where the first entry of the verifier's DID waits until it is logged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.policy = folder / policy_file.FILE
        self.keys = folder / "keys.sealed"
        self.register = folder / "register.sqlite"
        self.management_key = folder / "management.key"
        self.prepared_entry = folder / "prepared-entry"

    def is_initialized(self) -> bool:
        """Whether `init` came to its end here."""
        return (self._folder / settings.FILE).exists()

    def load_settings(self) -> VerifierSettings:
        """What the verifier is.

        Raises:
            RefusedError: `init` did not come to its end here, or the settings cannot be used.
        """
        return parse_settings(self._read(settings.FILE))

    def save_settings(self, what: VerifierSettings) -> None:
        """Write what the verifier is, the last step of `init`."""
        self._write(settings.FILE, encode_settings(what))

    def save_policy(self, ledgers: TrustedLedgers) -> None:
        """Write a new policy that trusts `ledgers`."""
        self._write(policy_file.FILE, policy_file.encode_policy(ledgers))

    def load_management_key(self) -> str:
        """The management key.

        Raises:
            RefusedError: there is none yet, or others could read it.
        """
        return self._read(self.management_key.name)

    def save_management_key(self, text: str) -> None:
        """Write the management key, for this user only."""
        self._write(self.management_key.name, text)

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
