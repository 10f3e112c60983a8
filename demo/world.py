"""The small world: who lives in it, and where their servers are."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from demo.party import Party, write_secret
from doors.server import listen
from ledger.folder import LedgerFolder
from ledger.trust import TrustedLedger
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import RefusedError
from schemas import credential_type
from wallet.folder import WalletFolder

PURPOSE = "To check that you hold the degree this position asks for"
NODES = 4
"""How many nodes there are: three of four agree, so one may lie or be away."""

# Below the ports a system hands out to whoever wants any, so nobody else gets them before our servers do.
_PORTS = range(20_000, 30_000)
_STATUS_TTL = "ttl_seconds = 1"  # so that a revocation is noticed while one watches


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
