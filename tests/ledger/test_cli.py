import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from doors.clock import now
from doors.exit_code import ExitCode
from doors.server import listen
from ledger.cosigners import Cosigners
from ledger.followed_log import FollowedLog
from ledger.sequencer import Sequencer
from ledger.signer import parse_ledger_keys
from ledger.stored_tree import Head
from ledger.trust import parse_trusted_ledger
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.records import parse_record
from protocol.tlog.policy import parse_log_policy, verify_checkpoint
from protocol.tlog.proof import parse_log_proof, verify_log_proof
from storage.passphrase import Passphrase
from tests.issuer.anchored import anchored
from tests.ledger.conftest import Tally
from tests.ledger.process import PASSPHRASE, Operator
from tests.ledger.world import NOW, Clock, create, record, update
from tests.postgres import PostgresServer
from tests.processes import ROOT


def sequence(operator: Operator, *lines: str) -> None:
    """Log entries as the server would."""
    with operator.folder.open_keys(Passphrase(PASSPHRASE)) as keys:
        signers = operator.folder.signers(parse_ledger_keys(keys.body))
    cosigners = Cosigners(operator.ledger.policy, clock=Clock())
    with (
        operator.folder.open_store() as store,
        Sequencer(
            FollowedLog(store, signers), cosigners, evidence=operator.folder.evidence, clock=Clock()
        ) as sequencer,
    ):
        for line in lines:
            sequencer.submit(parse_record(line.encode())).result(20)


FIRST = create("university", port=18101)
SECOND = update(FIRST.version)
DID = FIRST.version.did


def test_new_ledger_has_keys_policy_and_a_token(home: Path, tally: Tally) -> None:
    made = tally("init", "--json")
    assert made.json["origin"] == "ledger.localhost:8101"
    assert made.json["url"] == "http://ledger.localhost:8101"
    trusted = parse_trusted_ledger(made.json["policy"])
    assert (trusted.origin, trusted.url) == ("ledger.localhost:8101", "http://ledger.localhost:8101")
    folder = home / "ledger"
    assert {file.name for file in folder.iterdir()} >= {"keys.sealed", "policy", "last-signed", "ledger.toml"}
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in folder.iterdir())
    assert made.json["policy"] == (folder / "policy").read_text()
    assert made.json["token"].startswith("tally_ledger_")


def test_public_ledger_speaks_https(tally: Tally) -> None:
    made = tally("init", "--host", "Ledger.Example.org", "--json")
    assert made.json["origin"] == "ledger.example.org"
    assert made.json["url"] == "https://ledger.example.org"


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", "network_host_forbidden"),
        ("127.0.0.1", "network_host_forbidden"),
        ("ledger", "network_host_forbidden"),
        ("a b.example", "usage_invalid"),
        ("ledger.example/x", "usage_invalid"),
        ("\x1b[31m.example", "usage_invalid"),
    ],
)
def test_host_that_no_did_can_name_is_refused(home: Path, tally: Tally, host: str, code: str) -> None:
    assert tally("init", "--host", host, "--json").code == code
    assert "\x1b" not in tally("init", "--host", host).err
    assert not (home / "ledger" / "keys.sealed").exists()


def test_ledger_is_made_once(operator: Operator, tally: Tally) -> None:
    before = (operator.home / "ledger" / "keys.sealed").read_bytes()
    again = tally("init", "--json")
    assert (again.status, again.code) == (ExitCode.FAILURE, "vault_exists")
    assert (operator.home / "ledger" / "keys.sealed").read_bytes() == before


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.stress)])
def test_ledger_whose_making_was_interrupted_at_any_step_is_finished_by_the_next_call(
    home: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    command = [sys.executable, "-m", "tests.ledger.crash", str(home), str(every), "init", "--json"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    homes = sorted(home.glob("[0-9]*"), key=lambda each: int(each.name))
    for each in homes:
        monkeypatch.setenv("TALLY_HOME", str(each))
        folder = each / "ledger"
        begun = folder / "keys.sealed"
        keys = begun.read_bytes() if begun.exists() else None
        again = tally("init", "--json")
        if again.status != 0:
            # Only the token had not been shown yet.
            assert (again.code, (folder / "ledger.toml").exists()) == ("vault_exists", True)
            again = tally("token", "--json")
        assert keys in (None, begun.read_bytes())
        sequence(Operator(each, 8101, again.json["token"]), create("university").line)
        assert tally("head", "--json").json["size"] == 1
    assert len(homes) * every > 40


def test_ledger_that_was_begun_under_another_name_is_not_finished_under_this_one(
    home: Path, tally: Tally
) -> None:
    assert tally("init", "--port", "18101").status == 0
    (home / "ledger" / "ledger.toml").unlink()
    said = tally("init", "--json")
    assert (said.status, said.code) == (ExitCode.FAILURE, "vault_exists")
    assert tally("init", "--port", "18101").status == 0


def test_ledger_that_lost_its_settings_forgets_nothing(operator: Operator, tally: Tally) -> None:
    sequence(operator, FIRST.line)
    (operator.home / "ledger" / "ledger.toml").unlink()
    signed = operator.folder.memory.read_bytes()
    assert tally("init", "--port", "18101", "--json").code == "vault_exists"
    assert tally("init", "--port", "18101", "--database", "other.sqlite").status == 0
    assert operator.folder.memory.read_bytes() == signed
    assert tally("serve", "--port", "0", "--json").code == "log_rollback"


@pytest.mark.parametrize(
    "database", ["postgresql+psycopg2://db/x", "mysql://db/x", "sqlite://", "sqlite:///:memory:", "a://"]
)
def test_database_that_is_not_supported_is_refused(home: Path, tally: Tally, database: str) -> None:
    said = tally("init", "--database", database, "--json")
    assert (said.status, said.code) == (ExitCode.FAILURE, "settings_invalid")
    assert tally("init").status == 0
    (home / "ledger" / "ledger.toml").write_text(f"database = {json.dumps(database)}")
    assert tally("show", "--json").code == "settings_invalid"


@pytest.mark.parametrize("command", [["head"], ["show"], ["token"], ["check"], ["serve"], ["prove", DID]])
def test_command_without_a_ledger_says_how_to_make_one(tally: Tally, command: list[str]) -> None:
    said = tally(*command, "--json")
    assert (said.status, said.code) == (ExitCode.NOT_FOUND, "not_initialized")


def test_head_is_the_published_checkpoint(operator: Operator, tally: Tally) -> None:
    early = tally("head", "--json")
    assert (early.status, early.code) == (ExitCode.NOT_FOUND, "log_unpublished")
    sequence(operator, FIRST.line)
    head = tally("head", "--json").json
    checkpoint = verify_checkpoint(head["checkpoint"], policy=operator.ledger.policy, now=NOW)
    assert head == {
        "origin": "ledger.localhost:18101",
        "size": 1,
        "root": checkpoint.root_hash.hex(),
        "time": "2026-11-22T12:00:00Z",
        "checkpoint": checkpoint.note,
    }
    assert tally("head").out == checkpoint.note


def test_dids_and_their_versions_are_listed(operator: Operator, tally: Tally) -> None:
    sequence(operator, FIRST.line, create("other", port=18101).line, SECOND.line)
    assert DID in tally("show").out.splitlines()
    assert len(tally("show", "--json").json["dids"]) == 2
    versions = tally("show", DID, "--json").json["versions"]
    assert [version["index"] for version in versions] == [0, 2]
    assert [version["version_id"] for version in versions] == [
        FIRST.version.version_id,
        SECOND.version.version_id,
    ]
    assert SECOND.version.version_id in tally("show", DID).out
    unknown = tally("show", "did:webvh:nobody", "--json")
    assert (unknown.status, unknown.code) == (ExitCode.NOT_FOUND, "did_not_found")


@pytest.mark.parametrize(("option", "entry", "index"), [([], SECOND, 1), (["--version", "1"], FIRST, 0)])
def test_proof_file_verifies_offline(
    operator: Operator, tally: Tally, option: list[str], entry: Any, index: int
) -> None:
    sequence(operator, FIRST.line, SECOND.line)
    said = tally("prove", DID, *option, "--json").json
    assert (said["index"], said["size"]) == (index, 2)
    assert said["file"] == f"university-{index + 1}.tlog-proof"
    proof = parse_log_proof(Path(said["file"]).read_text())
    policy = parse_log_policy(operator.folder.policy())
    assert verify_log_proof(proof, entry=entry.line.encode(), policy=policy, now=NOW).tree_size == 2


def test_proof_file_is_not_overwritten_and_a_missing_version_refused(
    operator: Operator, tally: Tally, tmp_path: Path
) -> None:
    sequence(operator, FIRST.line)
    out = str(tmp_path / "proof")
    assert out in tally("prove", DID, "--out", out).out
    assert tally("prove", DID, "--out", out, "--json").code == "vault_exists"
    assert tally("prove", DID, "--version", "2", "--json").code == "did_not_found"


def test_entry_that_no_checkpoint_covers_cannot_be_proven(operator: Operator, tally: Tally) -> None:
    sequence(operator)
    with operator.folder.open_store() as store:
        store.append([record(FIRST)], after=store.head(), then=Head(1, bytes(32)))
    assert tally("prove", DID, "--json").code == "not_found"


def test_token_is_made_and_taken_back(operator: Operator, tally: Tally) -> None:
    made = tally("token", "--json").json
    assert made["token"].startswith(f"tally_ledger_{made['id']}_")
    assert made["token"] != operator.token
    with operator.folder.open_store() as store:
        assert store.find_token(made["id"]) is not None
        assert made["id"] in tally("token", "--revoke", made["id"]).out
        assert store.find_token(made["id"]) is None
    assert tally("token", "--revoke", made["id"], "--json").code == "not_found"
    assert tally("token").out.startswith("tally_ledger_")


def test_check_of_a_ledger_that_is_not_reachable_is_no_verdict(operator: Operator, tally: Tally) -> None:
    said = tally("check", "--json")
    assert (said.status, said.code) == (ExitCode.NETWORK, "network_ledger_unreachable")


def test_check_says_whether_it_is_the_first_look_and_counts_in_words(tmp_path: Path, tally: Tally) -> None:
    (tmp_path / "world").mkdir()
    with anchored(tmp_path / "world", Clock(now())) as anchor:
        anchor.found()
        first, again = (tally("check", anchor.world.ledger.url).out for _ in range(2))
    assert "and it is the first one seen here" in first
    assert "and continues the last one seen here" in again
    assert "1 entry and 1 tile lead" in again
    assert "1 DID:" in again


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "ledger"],
        ["check", "ftp://ledger.example"],
        ["check", "http://ledger.example"],
        ["check", "https://ledger"],
        ["check", "http://ledger.localhost:99999"],
        ["check", "--policy", "missing"],
        ["check", "--policy", "."],
        ["prove", DID, "--out", "missing/proof"],
        ["serve", "--port", "65536"],
    ],
)
def test_wrong_usage_is_said_in_words(operator: Operator, tally: Tally, arguments: list[str]) -> None:
    sequence(operator, FIRST.line)
    said = tally(*arguments, "--json")
    assert (said.status, said.code) == (ExitCode.USAGE, "usage_invalid")


@pytest.mark.parametrize("command", [["show"], ["token", "--revoke"]])
def test_name_in_another_encoding_is_that_of_nothing(
    operator: Operator, tally: Tally, command: list[str]
) -> None:
    said = tally(*command, "\udcff", "--json")
    assert (said.status, said.code) == (ExitCode.NOT_FOUND, "not_found")


def test_server_whose_port_is_taken_does_not_start(operator: Operator, tally: Tally) -> None:
    with listen("127.0.0.1", 0) as listener:
        listener.socket.listen()
        port = listener.socket.getsockname()[1]
        said = tally("serve", "--port", str(port), "--json")
    assert (said.status, said.code) == (ExitCode.FAILURE, "address_unavailable")


def test_check_of_another_address_than_the_policy_names_is_refused(operator: Operator, tally: Tally) -> None:
    policy = str(operator.home / "ledger" / "policy")
    said = tally("check", "http://ledger.localhost:18102", "--policy", policy, "--json")
    assert said.code == "log_policy_invalid"


@pytest.mark.parametrize(
    "settings",
    [
        b"",
        b"database = 1",
        b'database = ""',
        b'database = "a"\nport = 1',
        b"database =",
        b'database = "\xff"',
    ],
)
def test_settings_that_say_something_else_are_refused(operator: Operator, settings: bytes) -> None:
    (operator.home / "ledger" / "ledger.toml").write_bytes(settings)
    with pytest.raises(RefusedError) as caught:
        operator.folder.open_store()
    assert caught.value.code is Code.SETTINGS_INVALID


@pytest.mark.parametrize("name", ["😂.sqlite", 'a "quoted" \\ name'])
def test_database_of_any_name_is_found_again(home: Path, tally: Tally, name: str) -> None:
    assert tally("init", "--database", name).status == 0
    assert tally("show", "--json").status == 0
    assert (home / "ledger" / name).exists()


def test_database_whose_name_no_settings_could_say_is_refused(home: Path, tally: Tally) -> None:
    assert tally("init", "--database", "\udcff.sqlite", "--json").code == "settings_invalid"
    assert not (home / "ledger" / "keys.sealed").exists()


def test_database_may_be_elsewhere(home: Path, tally: Tally, tmp_path: Path) -> None:
    database = tmp_path / "elsewhere.sqlite"
    assert tally("init", "--database", f"sqlite:///{database}").status == 0
    assert database.exists()
    assert json.loads(tally("show", "--json").out) == {"dids": []}


def test_database_may_be_on_a_server(home: Path, tally: Tally, postgres: PostgresServer) -> None:
    assert tally("init", "--database", postgres.new_database(), "--port", "18101").status == 0
    settings = home / "ledger" / "ledger.toml"
    assert settings.stat().st_mode & 0o777 == 0o600
    assert tally("show", "--json").json == {"dids": []}
    assert tally("token", "--json").status == 0
    assert not (home / "ledger" / "ledger.sqlite").exists()


def test_database_that_does_not_let_us_in_is_told_without_its_password(
    home: Path, tally: Tally, postgres: PostgresServer
) -> None:
    said = tally("init", "--database", postgres.url(user="nobody:hunter2", database="none"), "--json")
    assert (said.status, said.code) == (ExitCode.FAILURE, "database_refused")
    assert "hunter2" not in said.out + said.err
    # What was begun is finished with a database that does.
    assert tally("init", "--database", postgres.new_database(), "--json").status == 0


def test_serving_needs_the_passphrase(operator: Operator, tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("another")
    said = tally("serve", "--port", "0", "--json")
    assert (said.status, said.code) == (ExitCode.LOCKED, "passphrase_wrong")
