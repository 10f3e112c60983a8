from dataclasses import replace
from pathlib import Path

import pytest

from doors.clock import now
from doors.exit_code import ExitCode
from doors.server import listen
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.fork import create_fork_evidence, encode_fork_evidence
from protocol.tlog.note import NoteKey, SignatureType, encode_vkey
from protocol.tlog.policy import encode_log_policy
from tests.issuer.anchored import anchored
from tests.ledger.conftest import Tally
from tests.ledger.process import Operator
from tests.ledger.world import POLICY, Clock, World, names
from tests.protocol.tlog.test_fork import DIFFERENT, EQUAL, KEY, LOG, ONE, TWO, note_of
from tests.protocol.tlog.test_merkle import reader_of

TRUSTS = f"log {encode_vkey(KEY)}\nquorum none\n"
TRUSTS_ANOTHER = f"log {encode_vkey(POLICY.logs[0].key)}\nquorum none\n"


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    return written(tmp_path, encode_fork_evidence(DIFFERENT))


def written(folder: Path, text: str, name: str = "file.fork-evidence") -> Path:
    file = folder / name
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return file


def test_proven_fork_is_told_in_words_and_for_programs(tally: Tally, evidence: Path) -> None:
    said = tally("check", "--evidence", str(evidence))
    assert said.status == ExitCode.SUCCESS
    assert encode_vkey(KEY) in said.out
    assert "does not begin with" in said.out
    document = tally("check", "--evidence", str(evidence), "--json").json
    assert (document["origin"], document["key"]) == (KEY.name, encode_vkey(KEY))
    assert (document["smaller"]["size"], document["larger"]["size"]) == (7, 13)
    assert (document["trusted"], document["false_cosigners"]) == (None, [])


def test_fork_of_one_size_is_proven_too(tally: Tally, tmp_path: Path) -> None:
    said = tally("check", "--evidence", str(written(tmp_path, encode_fork_evidence(EQUAL))))
    assert said.status == ExitCode.SUCCESS
    assert "does not begin with" not in said.out


@pytest.mark.parametrize(
    ("policy", "trusted", "status"),
    [(TRUSTS, True, ExitCode.SUCCESS), (TRUSTS_ANOTHER, False, ExitCode.UNTRUSTED)],
)
def test_policy_says_whether_the_key_is_one_it_trusts(
    tally: Tally, evidence: Path, tmp_path: Path, policy: str, trusted: bool, status: ExitCode
) -> None:
    file = str(written(tmp_path, policy, "policy"))
    said = tally("check", "--evidence", str(evidence), "--policy", file)
    assert said.status == status
    assert ("stop trusting" in said.out) is trusted
    said = tally("check", "--evidence", str(evidence), "--policy", file, "--json")
    assert (said.status, said.json["trusted"]) == (status, trusted)


def test_fork_of_another_log_than_that_of_this_machine_is_proven_all_the_same(
    operator: Operator, tally: Tally, evidence: Path
) -> None:
    said = tally("check", "--evidence", str(evidence), "--json")
    assert (said.status, said.json["trusted"]) == (ExitCode.SUCCESS, False)
    assert "not the key of the ledger of this machine" in tally("check", "--evidence", str(evidence)).out


def test_fork_of_the_ledger_of_this_machine_is_said_to_be_it(
    operator: Operator, tally: Tally, evidence: Path
) -> None:
    index = encode_vkey(
        replace(KEY, name=f"{KEY.name}/index", public_key=Ed25519PrivateKey(bytes([99]) * 32).public_key)
    )
    policy = f"log {encode_vkey(KEY)} http://ledger.localhost:18101\nlog {index}\nquorum none\n"
    (operator.home / "ledger" / "policy").write_text(policy)
    assert tally("check", "--evidence", str(evidence), "--json").json["trusted"] is True
    assert "It is the key of the ledger of this machine" in tally("check", "--evidence", str(evidence)).out


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", ExitCode.FAILURE, "fork_evidence_malformed"),
        (TRUSTS, ExitCode.FAILURE, "fork_evidence_malformed"),
        ("\udcff", ExitCode.FAILURE, "text_invalid"),
        ("\x00" * 2_000_000, ExitCode.FAILURE, "size_exceeded"),
        (
            encode_fork_evidence(replace(EQUAL, larger=EQUAL.smaller)),
            ExitCode.NOT_VALID,
            "fork_not_proven",
        ),
        (
            encode_fork_evidence(replace(EQUAL, larger=note_of(TWO[:7], Ed25519PrivateKey(bytes([9]) * 32)))),
            ExitCode.NOT_VALID,
            "log_signature_invalid",
        ),
        (
            encode_fork_evidence(replace(EQUAL, larger="x\n\n— y AAAAAAAA\n")),
            ExitCode.FAILURE,
            "log_note_malformed",
        ),
    ],
)
def test_file_that_proves_nothing_ends_with_another_number(
    tally: Tally, tmp_path: Path, text: str, status: ExitCode, code: str
) -> None:
    said = tally("check", "--evidence", str(written(tmp_path, text)), "--json")
    assert (said.status, said.code) == (status, code)
    assert said.out == ""


def test_names_of_strangers_do_not_act_on_the_terminal(tally: Tally, tmp_path: Path) -> None:
    name = "led\x7f\x9b31mger\u202e.example\u200b" + "x" * 1000
    key = NoteKey(name, SignatureType.ED25519, LOG.public_key)
    evidence = create_fork_evidence(
        note_of(ONE[:7], origin=name), note_of(TWO[:8], origin=name), log_key=key, read_hashes=reader_of(TWO)
    )
    file = str(written(tmp_path, encode_fork_evidence(evidence)))
    said = tally("check", "--evidence", file)
    assert said.status == ExitCode.SUCCESS
    assert all(character.isprintable() or character == "\n" for character in said.out)
    assert max(map(len, said.out.splitlines())) < 500
    assert tally("check", "--evidence", file, "--json").out.isascii()


def test_evidence_is_checked_without_a_ledger(tally: Tally, evidence: Path) -> None:
    said = tally("check", "https://ledger.example", "--evidence", str(evidence), "--json")
    assert (said.status, said.code) == (ExitCode.USAGE, "usage_invalid")


def test_policy_that_is_none_is_refused(tally: Tally, evidence: Path) -> None:
    said = tally("check", "--evidence", str(evidence), "--policy", str(evidence), "--json")
    assert (said.status, said.code) == (ExitCode.FAILURE, "log_policy_invalid")


def test_fork_that_the_audit_finds_is_proven_to_everybody(tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    with anchored(tmp_path / "world", Clock(now())) as anchor:
        anchor.found()
        url, port = anchor.world.ledger.url, anchor.world.port
        policy = str(written(tmp_path, encode_log_policy(anchor.world.ledger.policy), "policy"))
        assert tally("check", url, "--policy", policy).status == ExitCode.SUCCESS
    other = World(tmp_path / "other", Clock(now()), port=port)
    other.folder.mkdir()
    other.create()
    with listen("127.0.0.1", port) as listener, other.serving(listener) as sequencer:
        for record in names(3, port=port):
            sequencer.submit(record).result(20)
        found = tally("check", url, "--policy", policy)
    other.close()
    assert found.status == ExitCode.NOT_VALID
    [file] = [line.split(": ")[1] for line in found.err.splitlines() if line.startswith("Kept as evidence")]
    assert file.endswith(".fork-evidence")
    proven = tally("check", "--evidence", file, "--policy", policy, "--json")
    assert (proven.status, proven.json["trusted"]) == (ExitCode.SUCCESS, True)
    # The index log comes first; it has forked with the log.
    assert (proven.json["smaller"]["size"], proven.json["larger"]["size"]) == (2, 4)
    assert proven.json["false_cosigners"] == ["operator"]
    said = tally("check", "--evidence", file, "--policy", policy).out
    assert "✗ The cosigner operator of the policy has cosigned both." in said
