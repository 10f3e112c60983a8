import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from doors.server import listen
from ledger.front_end import FrontEnd
from ledger.node.evidence import kept_evidence
from ledger.node.folder import NodeFolder
from ledger.node.trouble import TroubleNote, approver_note
from ledger.node_policy import parse_node_line
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.tlog.note import encode_vkey, parse_vkey
from protocol.tlog.policy import LogPolicy, encode_log_policy
from storage.passphrase import Passphrase
from storage.sealed_file import SealedFile
from tests.ledger.conftest import Said, Tally
from tests.ledger.process import PASSPHRASE
from tests.ledger.world import KEY, POLICY, URL, World, names
from tests.processes import ROOT


@pytest.fixture(autouse=True)
def policy(home: Path) -> None:
    """The policy of the ledger to follow, where the commands are typed."""
    (home / "policy").write_text(encode_log_policy(POLICY))


@pytest.fixture
def tally(tally: Tally) -> Tally:
    return lambda *arguments: tally("node", *arguments)


@pytest.fixture
def node(home: Path) -> NodeFolder:
    return NodeFolder(home / "ledger-node", marks=home / "state" / "ledger-node")


def test_new_node_has_a_key_and_the_line_that_names_it(home: Path, node: NodeFolder, tally: Tally) -> None:
    made = tally("init", "--policy", "policy", "--json")
    line = parse_node_line(made.json["policy_line"])
    assert made.json == {
        "name": "node.localhost:8104/copy",
        "url": "http://node.localhost:8104",
        "origin": "ledger.localhost:8101",
        "policy_line": made.json["policy_line"],
        "approver": node.approver(),
    }
    assert (line.name, line.key.name, line.url) == (
        "node.localhost:8104",
        "node.localhost:8104/copy",
        "http://node.localhost:8104",
    )
    assert node.policy_line.read_text() == made.json["policy_line"] + "\n"
    files = {file.name: file for file in node.path.iterdir()}
    assert files.keys() >= {
        "key.sealed",
        "policy",
        "policy-line",
        "node.toml",
        "node.sqlite",
        "last-cosigned",
    }
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files.values() if file.is_file())
    assert node.ledger().policy == POLICY


def test_public_witness_speaks_https_and_promises_less(tally: Tally) -> None:
    made = tally("init", "--policy", "policy", "--host", "Node.Example.org", "--witness-only", "--json")
    assert (made.json["name"], made.json["url"]) == ("node.example.org/witness", "https://node.example.org")


def test_line_can_be_copied_from_the_screen(node: NodeFolder, tally: Tally) -> None:
    assert tally("init", "--policy", "policy").out.splitlines()[1] == node.policy_line.read_text().strip()


def test_node_is_made_once(node: NodeFolder, tally: Tally) -> None:
    assert tally("init", "--policy", "policy").status == 0
    before = (node.path / "key.sealed").read_bytes()
    again = tally("init", "--policy", "policy", "--json")
    assert (again.status, again.code) == (ExitCode.FAILURE, "vault_exists")
    assert (node.path / "key.sealed").read_bytes() == before


def test_ledger_to_follow_must_be_named(tally: Tally) -> None:
    said = tally("init", "--json")
    assert (said.status, said.code) == (ExitCode.USAGE, "usage_invalid")


def test_policy_for_another_ledger_is_refused(tally: Tally) -> None:
    said = tally("init", "--policy", "policy", "--ledger", "http://other.localhost:8101", "--json")
    assert (said.status, said.code) == (ExitCode.FAILURE, "log_policy_invalid")
    assert tally("init", "--policy", "policy", "--ledger", URL).status == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "node", "a b.example", "node.example/x"])
def test_host_that_is_no_name_is_refused(node: NodeFolder, tally: Tally, host: str) -> None:
    assert tally("init", "--policy", "policy", "--host", host, "--json").status != 0
    assert not (node.path / "key.sealed").exists()


def test_node_that_was_begun_otherwise_is_not_finished_like_this(node: NodeFolder, tally: Tally) -> None:
    assert tally("init", "--policy", "policy").status == 0
    (node.path / "node.toml").unlink()
    for other in (["--port", "18104"], ["--witness-only"]):
        assert tally("init", "--policy", "policy", *other, "--json").code == "vault_exists"
    assert tally("init", "--policy", "policy").status == 0


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.stress)])
def test_node_whose_making_was_interrupted_at_any_step_is_finished_by_the_next_call(
    home: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    command = ["node", "init", "--policy", str(home / "policy"), "--json"]
    crash = [sys.executable, "-m", "tests.ledger.crash", str(home), str(every), *command]
    subprocess.run(crash, cwd=ROOT, check=True, timeout=60)
    homes = sorted(home.glob("[0-9]*"), key=lambda each: int(each.name))
    for each in homes:
        monkeypatch.setenv("TALLY_HOME", str(each))
        folder = NodeFolder(each / "ledger-node", marks=each / "state" / "ledger-node")
        sealed = folder.path / "key.sealed"
        before = sealed.read_bytes() if sealed.exists() else None
        again = tally(*command[1:])
        assert again.status == 0 or (again.code == "vault_exists" and folder.is_initialized())
        assert before in (None, sealed.read_bytes())
        with folder.open_key(Passphrase(PASSPHRASE)) as key:
            assert isinstance(key, SealedFile)
            assert key.body
        assert folder.policy_line.exists()
        assert tally("status", "--json").json["copied"] == 0
    assert len(homes) * every > 60


@pytest.mark.parametrize("command", ["serve", "status"])
def test_command_without_a_node_says_how_to_make_one(tally: Tally, command: str) -> None:
    said = tally(command, "--json")
    assert (said.status, said.code) == (ExitCode.NOT_FOUND, "not_initialized")


@pytest.mark.parametrize(
    "line", ["database = 5", "look_every_seconds = 0", "wait_seconds = 61", 'url = "ftp://x"', "other = 1"]
)
def test_settings_that_cannot_be_used_are_refused(node: NodeFolder, tally: Tally, line: str) -> None:
    assert tally("init", "--policy", "policy").status == 0
    settings = node.path / "node.toml"
    name = line.partition(" ")[0]
    kept = [each for each in settings.read_text().splitlines() if not each.startswith(name)]
    settings.write_text("\n".join([*kept, line]))
    assert tally("serve", "--json").code == "settings_invalid"


@dataclass
class Followed:
    """A ledger that a node of this home follows."""

    world: World
    front_end: FrontEnd
    node: NodeFolder

    def log(self, count: int, prefix: str = "did") -> None:
        for each in names(count, prefix, port=self.world.port):
            self.front_end.submit(each).result(20)


@pytest.fixture
def followed(home: Path, node: NodeFolder, tally: Tally) -> Iterator[Followed]:
    (home / "log").mkdir()
    with listen("127.0.0.1", 0) as listener:
        world = World(home / "log", port=listener.socket.getsockname()[1])
        world.create()
        with world.serving(listener) as front_end:
            made = tally("init", "--ledger", world.ledger.url, "--json")
            assert made.json["origin"] == world.keys.origin
            yield Followed(world, front_end, node)
        world.close()


def test_policy_is_fetched_from_the_ledger_where_there_is_none(node: NodeFolder, followed: Followed) -> None:
    assert node.ledger() == followed.world.ledger


def test_running_node_is_well(
    home: Path, node: NodeFolder, followed: Followed, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed.log(3)
    seen: list[Said] = []

    def serve(*_arguments: object) -> None:
        seen.append(tally("status", "--json"))
        seen.append(tally("status"))

    monkeypatch.setattr("doors.server.serve", serve)
    assert tally("serve", "--port", "0").status == 0
    document, text = seen
    assert document.status == text.status == ExitCode.SUCCESS
    assert document.json == {
        "origin": followed.world.keys.origin,
        "url": "http://node.localhost:8104",
        "running": True,
        "copied": 0,
        "cosigned": None,
        "published": 3,
        "lag": 3,
        "trouble": None,
        "approver": {
            "did": followed.node.approver(),
            "counts_nodes": False,
            "approved": 0,
            "dids": 0,
            "trouble": None,
        },
        "evidence": [],
    }
    assert text.out.splitlines() == [
        "✓ it is running",
        f"✓ {followed.world.keys.origin} has published 3 entries: 3 of them are missing here",
        "✓ copied and checked: 0 entries",
        "  nothing was cosigned yet",
        f"! it approves nothing as {followed.node.approver()}: its policy counts no nodes"
        " (`tally ledger node trust`)",
    ]


def counting_policy(followed: Followed) -> str:
    """A policy with the node itself in it."""
    node = parse_node_line(followed.node.policy_line.read_text())
    logs = followed.world.ledger.policy.logs
    return encode_log_policy(LogPolicy(logs, (node,), (), node.name))


def test_node_that_trusts_a_policy_with_nodes_says_what_it_approved(
    home: Path, followed: Followed, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    Running(monkeypatch)
    (home / "counting").write_text(counting_policy(followed))
    trusted = tally("trust", "counting", "--json")
    assert trusted.json == {"origin": followed.world.keys.origin, "counts_nodes": True}
    did = followed.node.approver()
    assert f"✓ approved: 0 DIDs in 0 entries, as {did}" in tally("status").out
    engine = followed.node.open_database()
    failure = TallyError(Code.LOG_QUORUM_MISSING, "1 of 3")
    approver_note(engine, followed.world.keys.origin, clock=followed.world.clock).tell(failure, copied_size=0)
    engine.dispose()
    said = tally("status")
    assert said.status == ExitCode.NOT_VALID
    assert f"✗ it approves nothing as {did}, since 2026-11-22T12:00:00Z: " in said.out
    assert tally("status", "--json").json["approver"]["trouble"]["code"] == "log_quorum_missing"
    (home / "back").write_text(encode_log_policy(followed.world.ledger.policy))
    assert "counts no nodes" in tally("trust", "back").err
    assert tally("status").status == ExitCode.SUCCESS


def test_policy_of_another_log_is_not_trusted(node: NodeFolder, followed: Followed, tally: Tally) -> None:
    before = node.ledger()
    said = tally("trust", "policy", "--json")
    assert (said.status, said.code) == (ExitCode.FAILURE, "log_policy_invalid")
    assert node.ledger() == before


def test_node_that_was_made_without_an_approver_says_so(
    node: NodeFolder, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    Running(monkeypatch)
    assert tally("init", "--policy", "policy", "--witness-only", "--json").json["approver"] is None
    assert tally("status", "--json").json["approver"] is None
    assert "  it approves no entries of DIDs: it was made without a key for that" in tally("status").out


def test_node_that_does_not_run_is_not_well(followed: Followed, tally: Tally) -> None:
    said = tally("status")
    assert said.status == ExitCode.NOT_VALID
    assert said.out.startswith("✗ it is not running\n")


class Running:
    """Lets `status` believe that the node runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ledger.node.status._is_held", lambda _path: True)


def test_node_whose_ledger_is_away_cannot_tell(
    home: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "policy").write_text(encode_log_policy(POLICY).replace(URL, "http://ledger.localhost:1"))
    assert tally("init", "--policy", "policy").status == 0
    Running(monkeypatch)
    said = tally("status")
    assert said.status == ExitCode.NETWORK
    assert "! what ledger.localhost:8101 has published cannot be known" in said.out


def test_ledger_that_signs_with_another_key_is_wrong(
    node: NodeFolder, followed: Followed, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = node.path / "policy"
    other = World(node.path, port=followed.world.port).ledger
    assert policy.read_text() == encode_log_policy(other.policy)
    vkey = policy.read_text().split()[1]
    stranger = encode_vkey(replace(parse_vkey(vkey), public_key=KEY.public_key))
    policy.write_text(policy.read_text().replace(vkey, stranger))
    Running(monkeypatch)
    assert tally("status", "--json").json["published"] is None
    assert tally("status").status == ExitCode.NOT_VALID


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (Code.LOG_ENTRY_INADMISSIBLE, ExitCode.NOT_VALID),
        (Code.NETWORK_LEDGER_UNREACHABLE, ExitCode.NETWORK),
    ],
)
def test_trouble_of_the_follower_is_shown(
    node: NodeFolder,
    followed: Followed,
    tally: Tally,
    monkeypatch: pytest.MonkeyPatch,
    code: Code,
    expected: ExitCode,
) -> None:
    engine = node.open_database()
    TroubleNote(engine, followed.world.keys.origin, clock=followed.world.clock).tell(
        TallyError(code, "entry 7"), copied_size=0
    )
    engine.dispose()
    Running(monkeypatch)
    said = tally("status")
    assert said.status == expected
    assert f"✗ since 2026-11-22T12:00:00Z: {code.meaning} (entry 7)" in said.out
    assert tally("status", "--json").json["trouble"] == {
        "code": code.value,
        "detail": "entry 7",
        "since": "2026-11-22T12:00:00Z",
    }


def test_kept_evidence_is_shown(
    node: NodeFolder, followed: Followed, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.evidence.mkdir(exist_ok=True)
    for name in ("a.conflict-1", "b.fork-evidence", "c.checkpoint", "lock"):
        (node.evidence / name).touch()
    Running(monkeypatch)
    said = tally("status", "--json")
    assert said.status == ExitCode.NOT_VALID
    assert said.json["evidence"] == [str(path) for path in kept_evidence(node.evidence)]
    assert len(said.json["evidence"]) == 2
    assert "✗ kept as evidence: " in tally("status").out


def test_second_server_of_one_node_is_refused(node: NodeFolder, followed: Followed, tally: Tally) -> None:
    with node.open_key(Passphrase(PASSPHRASE)) as key, key.hold():
        assert tally("serve", "--port", "0", "--json").code == "vault_locked"
