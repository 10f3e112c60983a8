"""What the operator of a ledger has on disk, in one folder.

keys.sealed     the private keys, under the operator's passphrase
policy          the tlog-policy that trusts this log: its name, its address, its public keys; public
last-signed     the state of the log that was signed last; last-signed-index that of its index
ledger.toml     where the database is; a secret if that takes a password
ledger.sqlite   the database, unless it is elsewhere
evidence        what nodes have proven against the log, if they have
"""

from dataclasses import dataclass
from pathlib import Path

from ledger.signer import (
    LedgerKeys,
    LedgerSigners,
    create_memories,
    encode_ledger_keys,
    load_signers,
    memory_file,
    parse_ledger_keys,
)
from ledger.store import LedgerStore
from ledger.tree import Tree
from ledger.trust import TrustedLedger, parse_trusted_ledger
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import RefusedError
from protocol.tlog.policy import LogPolicy, encode_log_policy
from storage.atomic_file import replace_file
from storage.database import open_database
from storage.database_address import resolve_database
from storage.passphrase import KdfParameters, Passphrase
from storage.sealed_file import SealedFile
from storage.toml_table import parse_toml, quote_toml

_SETTINGS = """\
# Where this ledger keeps its log. Its name, address and public keys are in policy, the others in keys.sealed.
database = {database}    # a file beside this one or elsewhere, or postgresql+psycopg://…
"""


@dataclass(frozen=True, slots=True)
class LedgerFolder:
    """The folder `path` of one ledger; `marks` is where the age of its sealed file is noted."""

    path: Path
    marks: Path

    @property
    def memory(self) -> Path:
        """The file that remembers what was signed last of the log."""
        return memory_file(self.path, Tree.LOG)

    @property
    def evidence(self) -> Path:
        """The folder for what contradicts the log."""
        return self.path / "evidence"

    def signers(self, keys: LedgerKeys) -> LedgerSigners:
        """What signs with `keys`, from where it was signed last.

        Raises:
            RefusedError: nobody remembers where that was.
        """
        return load_signers(keys, self.path)

    def is_initialized(self) -> bool:
        """Whether there is a ledger here, complete."""
        return self._settings.exists()

    def create(
        self, new_keys: LedgerKeys, *, url: str, database: str, passphrase: Passphrase, kdf: KdfParameters
    ) -> LedgerStore:
        """Make a new ledger that is reached at `url`, with an empty log; or finish one that was begun.

        Every step may be repeated. What an interrupted call left behind stays, its keys above all: `new_keys`
        are taken only where there are none.

        Raises:
            RefusedError: there is a ledger already, here or in the database; the database is of a kind not
                supported; or what was begun has another name or another passphrase.
            UnavailableError: the disk's fault.
        """
        address = resolve_database(database, folder=self.path)
        begun = self._keys.exists()
        with (
            self._begun_or_new_keys(new_keys, begun=begun, passphrase=passphrase, kdf=kdf) as file,
            file.hold(),
        ):
            if self.is_initialized():
                raise RefusedError(Code.VAULT_EXISTS, "there is a ledger already")
            keys = parse_ledger_keys(file.body)
            if keys.origin != new_keys.origin:
                raise RefusedError(Code.VAULT_EXISTS, f"the ledger {keys.origin} was begun here")
            replace_file(self._policy, encode_log_policy(keys.policy(url)).encode())
            create_memories(keys, self.path)
            store = _open_store(address)
            try:
                store.create(begun=begun)
                # The settings last: a ledger that has them is complete.
                replace_file(self._settings, _SETTINGS.format(database=quote_toml(database)).encode())
            except BaseException:
                store.close()
                raise
        return store

    def open_keys(self, passphrase: Passphrase) -> SealedFile:
        """The sealed file with the keys; whoever serves the ledger holds it, so that nobody else does.

        Raises:
            RefusedError: there is no ledger here, or the passphrase does not open it.
            MalformedError, VerificationError, UnavailableError: the file cannot be opened.
        """
        self._require()
        return SealedFile.open(self._keys, passphrase, mark_folder=self.marks)

    def open_store(self) -> LedgerStore:
        """The stored log.

        Raises:
            RefusedError: there is no ledger here, or its settings cannot be used.
            UnavailableError: the database cannot be opened.
        """
        self._require()
        database = _parse_settings(self._settings.read_bytes())
        return _open_store(resolve_database(database, folder=self.path))

    def policy(self) -> str:
        """The text of the tlog-policy.

        Raises:
            RefusedError: there is no ledger here.
        """
        self._require()
        return decode_utf8(self._policy.read_bytes())

    def replace_policy(self, policy: LogPolicy) -> Path:
        """Let `policy` be the one of this ledger, and say in which file. A server that runs has read another.

        Raises:
            RefusedError: there is no ledger here.
            UnavailableError: the disk's fault; the policy is the old one or the new one, whole.
        """
        self._require()
        replace_file(self._policy, encode_log_policy(policy).encode())
        return self._policy

    def ledger(self) -> TrustedLedger:
        """This ledger as others trust it.

        Raises:
            RefusedError: there is no ledger here.
            MalformedError: its policy was edited into something else.
        """
        return parse_trusted_ledger(self.policy())

    def _require(self) -> None:
        if not self.is_initialized():
            raise RefusedError(Code.NOT_INITIALIZED)

    def _begun_or_new_keys(
        self, new_keys: LedgerKeys, *, begun: bool, passphrase: Passphrase, kdf: KdfParameters
    ) -> SealedFile:
        if begun:
            return SealedFile.open(self._keys, passphrase, mark_folder=self.marks)
        body = encode_ledger_keys(new_keys)
        return SealedFile.create(
            self._keys, passphrase=passphrase, body=body, kdf=kdf, mark_folder=self.marks
        )

    @property
    def _keys(self) -> Path:
        return self.path / "keys.sealed"

    @property
    def _policy(self) -> Path:
        return self.path / "policy"

    @property
    def _settings(self) -> Path:
        return self.path / "ledger.toml"


def _parse_settings(source: bytes) -> str:
    settings = parse_toml(source, file="ledger.toml", code=Code.SETTINGS_INVALID)
    database = settings.text("database")
    settings.end()
    return database


def _open_store(address: str) -> LedgerStore:
    try:
        return LedgerStore(open_database(address))
    except ValueError as error:
        raise RefusedError(Code.SETTINGS_INVALID, f"database: {error}") from error
