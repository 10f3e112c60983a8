"""The files that every institution has, whatever its role, in a folder that is closed to everybody else.

keys.sealed                   the keys, sealed with the passphrase; the version before as keys.sealed.previous
register.sqlite               what its role keeps account of, unless the settings name another database
prepared-entry                an entry of its DID, until it is logged
onboarding.token              lets it write to its ledger
management.key                lets its own programs in; theirs to read
address                       where its server was reached last
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.client import LedgerClient, parse_onboarding_token
from ledger.fetch import chosen_fetcher
from ledger.identity import IdentityKeeper, create_identity_keys
from ledger.memory import CheckpointMemory
from ledger.remote import RemoteServer
from ledger.trust import LEDGERS_FILE, TrustedLedger, parse_ledgers_file
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from storage.atomic_file import Folder
from storage.database_address import resolve_database
from storage.key_ring import KeyRing, KeyType, create_key
from storage.management_key import create_management_key, parse_management_key
from storage.passphrase import KdfParameters, Passphrase
from storage.toml_table import parse_toml

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData

_ONBOARDING_TOKEN = "onboarding.token"  # noqa: S105 (a file name)
_ADDRESS = "address"
_MAX_BYTES = 256 * 1024


class InstitutionFolder:
    """The folder `path` of one institution; `state` is where its age and what it saw of ledgers are noted.

    Its management key begins with `key_prefix`.

    Attributes:
        path: The folder.
        state: The folder apart from it, so that an old copy of the first does not bring that back too.
        keys: Where the key ring is.
        management_key: Where the management key is.
        prepared_entry: Where an entry of the institution's DID waits until it is logged.
    """

    def __init__(self, path: Path, state: Path, *, key_prefix: str) -> None:
        self.path = path
        self.state = state
        self._key_prefix = key_prefix
        self.keys = path / "keys.sealed"
        self.management_key = path / "management.key"
        self.prepared_entry = path / "prepared-entry"

    def open_keys(self, passphrase: Passphrase) -> KeyRing:
        """The key ring.

        Raises:
            RefusedError: there is none, or the passphrase does not open it.
            MalformedError, VerificationError, UnavailableError: it cannot be opened.
        """
        return KeyRing.open(self.keys, passphrase, mark_folder=self.state)

    def open_new_keys(
        self, passphrase: Passphrase, *, sealing: str, kdf: KdfParameters, now: datetime
    ) -> KeyRing:
        """The key ring of a new institution: the keys of its DID, and one under `sealing` for its register.

        One that an interrupted `init` left behind is used.

        Raises:
            RefusedError: there is a ring that this passphrase does not open.
            UnavailableError: the disk's fault.
        """
        if self.keys.exists():
            return self.open_keys(passphrase)
        keys = {**create_identity_keys(now=now), sealing: create_key(KeyType.SYMMETRIC, now=now)}
        return KeyRing.create(self.keys, passphrase=passphrase, keys=keys, kdf=kdf, mark_folder=self.state)

    def create_register(self, database: str, tables: "MetaData", *, seal_key: bytes) -> None:
        """Make the register, and let one new management key in; otherwise as `open_register`."""
        # SQLAlchemy costs more to import than any command that does not open a register may take.
        from storage.register import replace_management_key

        text, key = create_management_key(self._key_prefix)
        register = self.open_register(database, tables, seal_key=seal_key)
        replace_management_key(register, key)
        register.dispose()
        self.write(self.management_key.name, text)

    def open_register(self, database: str, tables: "MetaData", *, seal_key: bytes) -> "Engine":
        """The register in the database that the settings name, with the tables of the institution's role.

        `seal_key` is the key that its records are sealed with.

        Raises:
            RefusedError: the database cannot be one, or holds the register of another institution.
            UnavailableError: the disk's or the server's fault.
        """
        from storage.register import open_register
        from storage.seal import seal_mark

        address = resolve_database(database, folder=self.path)
        try:
            return open_register(address, tables, mark=seal_mark(seal_key))
        except ValueError as error:
            raise RefusedError(Code.SETTINGS_INVALID, f"database: {error}") from error

    def load_identity(self, settings: str) -> tuple[str, TrustedLedger]:
        """The institution's DID, which the file `settings` names among other things, and the ledger it is on.

        Raises:
            RefusedError: `init` did not come to its end here, or a file cannot be used.
            VerificationError: the ledger is none of those that the institution trusts.
        """
        did = parse_toml(self.read(settings), file=settings, code=Code.SETTINGS_INVALID).text("did")
        return did, parse_ledgers_file(self.read(LEDGERS_FILE)).ledger_of(did)

    def memory(self) -> CheckpointMemory:
        """What the institution has seen of its ledgers."""
        return CheckpointMemory(self.state / "seen")

    @contextmanager
    def identity_keeper(self, ring: KeyRing, ledger: TrustedLedger) -> Iterator[IdentityKeeper]:
        """What it takes to write the entries of the institution's DID on `ledger`, until the block ends."""
        with chosen_fetcher(ledger.url) as fetcher:
            client = LedgerClient(ledger, fetcher=fetcher, memory=self.memory())
            yield IdentityKeeper(ring, self.prepared_entry, client, self.load_onboarding_token)

    @contextmanager
    def running_server(self) -> Iterator[RemoteServer]:
        """The institution's running server, until the block ends.

        Raises:
            RefusedError: there is no management key, or others could read it.
            UnavailableError: it was never started.
        """
        name = self.management_key.name
        key = parse_management_key(
            self._read_text(name), prefix=self._key_prefix, file=name, code=Code.MANAGEMENT_KEY_INVALID
        )
        if not (self.path / _ADDRESS).exists():
            raise UnavailableError(Code.NETWORK_UNREACHABLE, "it was never started")
        url = self._read_text(_ADDRESS)
        with chosen_fetcher(url) as fetcher:
            yield RemoteServer(url, management_key=key, fetcher=fetcher)

    @contextmanager
    def served_once(self, ring: KeyRing) -> Iterator[None]:
        """Keep every other server of the institution out until the block ends.

        It comes before its address is taken: a second server should not be told to find another one.

        Raises:
            RefusedError: it is being served already.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(ring.file.hold())
            except RefusedError as error:
                raise RefusedError(error.code, "it is running already") from error
            yield

    def save_address(self, url: str) -> None:
        """Note where the server is reached now."""
        self.write(_ADDRESS, url)

    def load_onboarding_token(self) -> str:
        """What the ledger's operator handed out for writing.

        Raises:
            RefusedError: there is none, or others could read it.
        """
        return parse_onboarding_token(self._read_text(_ONBOARDING_TOKEN), file=_ONBOARDING_TOKEN)

    def save_onboarding_token(self, text: str) -> None:
        """Write the onboarding token, for this user only."""
        self.write(_ONBOARDING_TOKEN, text)

    def read(self, name: str) -> bytes:
        """The file `name`.

        Raises:
            RefusedError: there is none, or others could read it.
        """
        with Folder(self.path, private=True) as folder:
            if not folder.exists(name):
                raise RefusedError(Code.NOT_INITIALIZED, f"{name} is missing")
            return folder.read(name, max_bytes=_MAX_BYTES)

    def write(self, name: str, text: str) -> None:
        """Write the file `name`, for this user only."""
        with Folder(self.path, private=True) as folder:
            folder.replace(name, text.encode())

    def _read_text(self, name: str) -> str:
        # What is no UTF-8 is no key and no address either, and says so under its own name.
        return self.read(name).decode("utf-8", "replace")
