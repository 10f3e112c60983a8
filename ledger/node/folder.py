"""What the operator of a node has on disk, in one folder.

key.sealed       the key it cosigns with, and the one it approves DIDs with, under the operator's passphrase
policy           the tlog-policy of the log it follows; what it approves has the quorum of it
approver         the did:key by which DIDs name it as a witness; public
policy-line      the line by which others take the node into their policy; public
node.toml        where the node is reached, and how it works
node.sqlite      its copy of the log, and what it cosigned last
last-cosigned    the second memory of that, a file for each log
evidence         what contradicts the node's own branch of the log
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from ledger.node.cosigner import Promise
from ledger.node.keys import NodeKeys, encode_node_keys, parse_node_keys
from ledger.node.last_cosigned import LastCosigned
from ledger.node.tables import METADATA
from ledger.node_policy import parse_node_line
from ledger.store import LedgerStore
from ledger.stored_tree import transaction
from ledger.tree import Tree
from ledger.trust import TrustedLedger, parse_trusted_ledger
from protocol.codes import Code
from protocol.did.key import parse_did_key
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError
from protocol.tlog.policy import encode_log_policy
from storage.atomic_file import replace_file
from storage.database import open_database
from storage.database_address import resolve_database
from storage.passphrase import KdfParameters, Passphrase
from storage.sealed_file import SealedFile
from storage.toml_table import parse_toml, quote_toml

KEY_FILE = "key.sealed"

_SETTINGS = """\
# This node's public address. Its name and its promise stay what they are: they are in policy-line.
url = {url}
# A file beside this one or elsewhere, or postgresql+psycopg://…
database = {database}
# How often it looks what the log published, and how long a request for a cosignature may wait for the copy;
# longer than the log waits for an answer is of no use.
look_every_seconds = 5
wait_seconds = 4
"""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What `node.toml` says."""

    url: str
    database: str
    interval: timedelta
    patience: timedelta


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """The folder `path` of one node; `marks` is where the age of its sealed file is noted."""

    path: Path
    marks: Path

    @property
    def last_cosigned(self) -> Path:
        """The folder with the second memory."""
        return self.path / "last-cosigned"

    @property
    def evidence(self) -> Path:
        """The folder for what contradicts the node's branch."""
        return self.path / "evidence"

    @property
    def policy_line(self) -> Path:
        """The file with the line that names this node in a policy."""
        return self.path / "policy-line"

    def is_initialized(self) -> bool:
        """Whether there is a node here, complete."""
        return self._settings.exists()

    def create(
        self,
        new_keys: NodeKeys,
        *,
        url: str,
        ledger: TrustedLedger,
        database: str,
        passphrase: Passphrase,
        kdf: KdfParameters,
    ) -> NodeKeys:
        """Make a new node that is reached at `url` and follows `ledger`; or finish one that was begun.

        Every step may be repeated. What an interrupted call left behind stays, its keys above all: `new_keys`
        are taken only where there are none.

        Raises:
            RefusedError: there is a node already, or a log in the database; the database is of a kind not
                supported; or what was begun has another name, another promise or another passphrase.
            UnavailableError: the disk's fault.
        """
        address = resolve_database(database, folder=self.path)
        begun = self._key.exists()
        with (
            self._begun_or_new_keys(new_keys, begun=begun, passphrase=passphrase, kdf=kdf) as file,
            file.hold(),
        ):
            if self.is_initialized():
                raise RefusedError(Code.VAULT_EXISTS, "there is a node already")
            keys = parse_node_keys(file.body)
            cosigner = keys.cosigner
            if cosigner.name != new_keys.cosigner.name:
                raise RefusedError(Code.VAULT_EXISTS, f"the node {cosigner.name} was begun here")
            replace_file(self._policy, encode_log_policy(ledger.policy).encode())
            replace_file(self.policy_line, f"{cosigner.policy_line(url)}\n".encode())
            if keys.approver_did is not None:
                replace_file(self._approver, f"{keys.approver_did}\n".encode())
            engine = _open(address)
            try:
                LedgerStore(engine).create(begun=begun)
                with transaction(engine) as connection:
                    METADATA.create_all(connection)
                # What was cosigned last is never forgotten, even if somebody removed the settings of a node.
                LastCosigned(engine, self.last_cosigned, ledger.origin)
            finally:
                engine.dispose()
            # The settings last: a node that has them is complete.
            settings = _SETTINGS.format(url=quote_toml(url), database=quote_toml(database))
            replace_file(self._settings, settings.encode())
        return keys

    def open_key(self, passphrase: Passphrase) -> SealedFile:
        """The sealed file with the key; whoever serves the node holds it, so that nobody else does.

        Raises:
            RefusedError: there is no node here, or the passphrase does not open it.
            MalformedError, VerificationError, UnavailableError: the file cannot be opened.
        """
        self._require()
        return SealedFile.open(self._key, passphrase, mark_folder=self.marks)

    def settings(self) -> NodeSettings:
        """The settings.

        Raises:
            RefusedError: there is no node here, or they cannot be used.
        """
        self._require()
        return _parse_settings(self._settings.read_bytes())

    def promise(self) -> Promise:
        """What the node's cosignatures say.

        Raises:
            RefusedError: there is no node here.
            MalformedError: its line was edited into something else.
        """
        self._require()
        line = parse_node_line(decode_utf8(self.policy_line.read_bytes()))
        try:
            return Promise(line.key.name.rpartition("/")[2])
        except ValueError as error:
            raise MalformedError(Code.LOG_POLICY_INVALID, "the name of the node in policy-line") from error

    def approver(self) -> str | None:
        """The did:key the node approves DIDs with; None if it was made without.

        Raises:
            RefusedError: there is no node here.
            MalformedError: the file was edited into something else.
        """
        self._require()
        if not self._approver.exists():
            return None
        did = decode_utf8(self._approver.read_bytes()).removesuffix("\n")
        parse_did_key(did)
        return did

    def replace_policy(self, ledger: TrustedLedger) -> None:
        """Let the policy of `ledger` be the one that the node believes. A node that runs has read another.

        Raises:
            RefusedError: there is no node here; LOG_POLICY_INVALID, it is for another log.
            MalformedError: the policy of now was edited into something else.
            UnavailableError: the disk's fault; the policy is the old one or the new one, whole.
        """
        before = self.ledger()
        if any(ledger.key(tree) != before.key(tree) for tree in Tree) or ledger.authority != before.authority:
            raise RefusedError(Code.LOG_POLICY_INVALID, "the policy is for another log than the node follows")
        replace_file(self._policy, encode_log_policy(ledger.policy).encode())

    def ledger(self) -> TrustedLedger:
        """The ledger this node follows.

        Raises:
            RefusedError: there is no node here.
            MalformedError: its policy was edited into something else.
        """
        self._require()
        return parse_trusted_ledger(decode_utf8(self._policy.read_bytes()))

    def open_database(self) -> Engine:
        """The database.

        Raises:
            RefusedError: there is no node here, or its settings cannot be used.
            UnavailableError: it cannot be opened.
        """
        return _open(resolve_database(self.settings().database, folder=self.path))

    def _require(self) -> None:
        if not self.is_initialized():
            raise RefusedError(Code.NOT_INITIALIZED)

    def _begun_or_new_keys(
        self, new_keys: NodeKeys, *, begun: bool, passphrase: Passphrase, kdf: KdfParameters
    ) -> SealedFile:
        if begun:
            return SealedFile.open(self._key, passphrase, mark_folder=self.marks)
        body = encode_node_keys(new_keys)
        return SealedFile.create(self._key, passphrase=passphrase, body=body, kdf=kdf, mark_folder=self.marks)

    @property
    def _key(self) -> Path:
        return self.path / KEY_FILE

    @property
    def _approver(self) -> Path:
        return self.path / "approver"

    @property
    def _policy(self) -> Path:
        return self.path / "policy"

    @property
    def _settings(self) -> Path:
        return self.path / "node.toml"


def _parse_settings(source: bytes) -> NodeSettings:
    table = parse_toml(source, file="node.toml", code=Code.SETTINGS_INVALID)
    url, database = table.origin("url"), table.text("database")
    interval = table.number("look_every_seconds", 1, 3600, default=5)
    patience = table.number("wait_seconds", 1, 60, default=4)
    table.end()
    return NodeSettings(url, database, timedelta(seconds=interval), timedelta(seconds=patience))


def _open(address: str) -> Engine:
    try:
        return open_database(address)
    except ValueError as error:
        raise RefusedError(Code.SETTINGS_INVALID, f"database: {error}") from error
