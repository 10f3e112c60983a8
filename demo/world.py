"""Starts the servers of the small world as processes of their own, and speaks to them as a person would:
through the command `tally`, each role with a home of its own.
"""

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from doors.server import listen
from ledger.folder import LedgerFolder
from ledger.trust import TrustedLedger
from protocol.codes import Code, find_code
from protocol.encoding.members import object_member, optional_text_member, text_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError
from schemas import credential_type
from wallet.folder import WalletFolder

PURPOSE = "To check that you hold the degree this position asks for"
PROGRAM = ("-m", "tally")
"""What each party runs, as arguments of Python."""

NODES = 4
"""How many nodes there are: three of four agree, so one may lie, and one may be away."""

_ROOT = Path(__file__).parent.parent  # from where Python imports `tally`, installed or not
# Below the ports a system hands out to whoever wants any, so nobody else gets them before our servers do.
_PORTS = range(20_000, 30_000)
_STOP_SECONDS = 10
_STATUS_TTL = "ttl_seconds = 1"  # so that a revocation is noticed while one watches


@dataclass(slots=True)
class Party:
    """One party of the world: a home folder, and what it types.

    Attributes:
        home: Its `TALLY_HOME`.
    """

    home: Path

    def __post_init__(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.passphrase_file.exists():
            write_secret(self.passphrase_file, secrets.token_urlsafe(16))

    @property
    def passphrase_file(self) -> Path:
        """The file its commands read the passphrase from."""
        return self.home / "passphrase"

    @property
    def passphrase(self) -> str:
        """Its passphrase."""
        return self.passphrase_file.read_text().strip()

    @property
    def environment_file(self) -> Path:
        """A file to source in a shell to be this party."""
        return self.home / "env"

    def write_environment(self) -> None:
        """Write `environment_file`: who this party is, and what `tally` is there."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self._settings().items()]
        program = shlex.join([sys.executable, "-P", *PROGRAM])
        lines.append(f'tally() {{ PYTHONPATH={shlex.quote(str(_ROOT))} {program} "$@"; }}')
        self.environment_file.write_text("\n".join(lines) + "\n")

    def tally(self, *arguments: str) -> JsonObject:
        """Run `tally ARGUMENTS --json` and read its answer.

        Raises:
            RefusedError: the command failed; the code and detail are its own.
        """
        done = subprocess.run(  # noqa: S603 (our own command, no shell)
            _command(arguments), env=self._environment(), capture_output=True, check=False
        )
        if done.returncode != 0 and not done.stdout:
            raise _read_error(done.stderr)
        return parse_json_object(done.stdout)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[str]:
        """Run `tally ARGUMENTS --json`, a server, until the block ends; gives its URL.

        Raises:
            UnavailableError: the server ended before it was ready.
        """
        log = self.home / f"{arguments[0]}.log"
        with log.open("ab") as errors:
            server = subprocess.Popen(  # noqa: S603 (our own command, no shell)
                _command(arguments), env=self._environment(), stdout=subprocess.PIPE, stderr=errors
            )
        assert server.stdout is not None, "Popen was asked for a pipe"
        try:
            line = server.stdout.readline()
            if not line:
                raise UnavailableError(Code.INTERNAL_ERROR, f"{arguments[0]} did not start, see {log}")
            yield text_member(parse_json_object(line), "url")
        finally:
            server.terminate()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **self._settings()}

    def _settings(self) -> Mapping[str, str]:
        return {"TALLY_HOME": str(self.home), "TALLY_PASSPHRASE_FILE": str(self.passphrase_file)}


@dataclass(slots=True)
class Node:
    """An independent node of the ledger, run by a party of its own.

    Attributes:
        number: From 1.
        party: Who runs it.
        port: Where it is reached.
    """

    number: int
    party: Party
    port: int = 0
    _server: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Start its server."""
        self._server.enter_context(self.party.serving("ledger", "node", "serve", "--port", str(self.port)))

    def stop(self) -> None:
        """Stop its server, if it runs."""
        self._server.close()


@dataclass(slots=True)
class World:
    """A ledger with its nodes, three institutions and a person, who know each other's addresses.

    Attributes:
        folder: Where everything is kept.
        node_count: How many independent nodes the ledger has. With none, its operator cosigns alone.
    """

    folder: Path
    node_count: int = NODES
    operator: Party = field(init=False)
    university: Party = field(init=False)
    employer: Party = field(init=False)
    ministry: Party = field(init=False)
    ada: Party = field(init=False)
    nodes: list[Node] = field(init=False)
    ledger_url: str = field(init=False, default="")
    university_did: str = field(init=False, default="")
    employer_did: str = field(init=False, default="")
    _token: str = field(init=False, default="")

    def __post_init__(self) -> None:
        for name in ("operator", "university", "employer", "ministry", "ada"):
            setattr(self, name, Party(self.folder / name))
        numbers = range(1, self.node_count + 1)
        self.nodes = [Node(number, Party(self.folder / f"node-{number}")) for number in numbers]

    @property
    def claims(self) -> Path:
        """The file with the claims of Ada's degree."""
        return self.folder / "degree.json"

    @property
    def ada_claims(self) -> JsonObject:
        """The claims of Ada's degree."""
        return parse_json_object(self.claims.read_bytes())

    @property
    def operator_ledger(self) -> TrustedLedger:
        """The ledger as everybody trusts it who has its operator's policy."""
        return LedgerFolder(
            self.operator.home / "ledger", marks=self.operator.home / "state" / "ledger"
        ).ledger()

    @property
    def ada_vault(self) -> Path:
        """The sealed file of Ada's wallet."""
        return WalletFolder(self.ada.home / "wallet", self.ada_marks).vault

    @property
    def ada_marks(self) -> Path:
        """Where the age of Ada's wallet is noted."""
        return self.ada.home / "state" / "wallet"

    @contextmanager
    def running(self) -> Iterator["World"]:
        """Set everybody up, on free ports, and keep the servers running until the block ends."""
        ledger_port, issuer_port, verifier_port, *node_ports = find_free_ports(3 + len(self.nodes))
        self.claims.write_bytes(encode_json(credential_type("degree").example))
        made = self.operator.tally("ledger", "init", "--port", str(ledger_port))
        with ExitStack() as servers:
            if self.nodes:
                self._found_nodes(text_member(made, "policy", max_characters=4096), node_ports)
                servers.callback(self._stop_nodes)
                with ThreadPoolExecutor() as at_once:
                    list(at_once.map(Node.start, self.nodes))
            self.ledger_url = servers.enter_context(
                self.operator.serving("ledger", "serve", "--port", str(ledger_port))
            )
            self._token = text_member(made, "token")
            self.university_did = self.found(
                self.university, "issuer", "City University", "city-university", issuer_port
            )
            settings = self.university.home / "issuer" / "issuer.toml"
            settings.write_text(settings.read_text().replace("ttl_seconds = 300", _STATUS_TTL))
            self.university.tally("issuer", "type", "add", "degree")
            servers.enter_context(self.university.serving("issuer", "serve", "--port", str(issuer_port)))
            self.employer_did = self.found(self.employer, "verifier", "Northgate", "northgate", verifier_port)
            self.employer.tally("verifier", "trust", "degree", self.university_did)
            servers.enter_context(self.employer.serving("verifier", "serve", "--port", str(verifier_port)))
            words = str(self.ada.home / "words")
            self.ada.tally("init", "--ledger", self.ledger_url, "--words-file", words)
            yield self

    def _found_nodes(self, policy: str, ports: list[int]) -> None:
        """Make the nodes, and let three of four decide."""
        (self.folder / "policy").write_text(policy)

        def found(node: Node, port: int) -> str:
            node.port = port
            made = node.party.tally(
                "ledger", "node", "init", "--policy", str(self.folder / "policy"),
                "--host", f"node-{node.number}.localhost", "--port", str(port),
            )  # fmt: skip
            return text_member(made, "policy_line", max_characters=1024)

        with ThreadPoolExecutor() as at_once:
            lines = at_once.map(found, self.nodes, ports)
        chosen = [word for line in lines for word in ("--node", line)]
        self.operator.tally("ledger", "policy", "set", *chosen)

    def _stop_nodes(self) -> None:
        for node in self.nodes:
            node.stop()

    def ask(self) -> JsonObject:
        """A request of the employer for two claims of a degree."""
        return self.employer.tally(
            "verifier", "request", "--type", "degree", "--claim", "title", "--claim", "university",
            "--purpose", PURPOSE, "--retention-days", "30",
        )  # fmt: skip

    def change_policy(self, old: str, new: str) -> None:
        """Let the employer's policy say something else from now on."""
        policy = self.employer.home / "verifier" / "policy.toml"
        policy.write_text(policy.read_text().replace(old, new))

    def found(self, party: Party, role: str, name: str, slug: str, port: int) -> str:
        """Anchor an institution on the ledger; its DID."""
        token_file = party.home / "onboarding-token"
        write_secret(token_file, self._token)
        founded = party.tally(
            role, "init", "--name", name, "--slug", slug, "--ledger", self.ledger_url,
            "--onboarding-token-file", str(token_file), "--url", f"http://{role}.localhost:{port}",
        )  # fmt: skip
        return text_member(founded, "did")


def write_secret(path: Path, text: str) -> None:
    """Write `text` to a new file that only this user can read."""
    path.touch(mode=0o600)
    path.write_text(text + "\n")


def find_free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now. Addresses are part of every credential, so they are chosen first."""
    ports: list[int] = []
    with ExitStack() as bound:
        while len(ports) < count:
            port = secrets.choice(_PORTS)
            with suppress(RefusedError):
                bound.enter_context(listen("127.0.0.1", port))
                ports.append(port)
    return ports


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, *PROGRAM, *arguments, "--json"]


def _read_error(text: bytes) -> TallyError:
    try:
        error = object_member(parse_json_object(text), "error")
        code = find_code(text_member(error, "code"))
        message = optional_text_member(error, "message", max_characters=4096) or ""
    except MalformedError:
        code, message = None, ""
    return RefusedError(code or Code.INTERNAL_ERROR, message)
