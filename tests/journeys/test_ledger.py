"""The life of a ledger over real HTTP: made, served, written to, read, audited, stopped, taken up again."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest

from doors.command import run
from ledger.cli import commands
from ledger.client import LedgerClient
from ledger.fetch import Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from protocol.codes import Code
from protocol.did.webvh.history import verify_history
from protocol.did.webvh.witness import NO_WITNESS_PROOFS
from protocol.errors import RefusedError
from protocol.tlog.merkle import hash_leaf
from protocol.tlog.policy import verify_freshness
from protocol.tlog.proof import parse_log_proof, verify_log_proof
from tests.ledger.process import Operator, found_ledger
from tests.ledger.world import create, update


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    operator = found_ledger(tmp_path / "home")
    for name, value in operator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return operator


@pytest.fixture
def client(operator: Operator, tmp_path: Path) -> Iterator[LedgerClient]:
    with Fetcher(FetchRules(development=True)) as fetcher:
        yield LedgerClient(operator.ledger, fetcher=fetcher, memory=CheckpointMemory(tmp_path / "seen"))


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (the server in the other process has no other clock either)


def tally(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    status = run(commands, [*arguments, "--json"])
    said = capsys.readouterr()
    assert status == 0, said.err
    document: dict[str, object] = json.loads(said.out)
    return document


def test_ledger_is_written_read_audited_and_taken_up_again(
    operator: Operator, client: LedgerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    first = create("university", port=operator.port)
    second = update(first.version)
    did = first.version.did

    with operator.serving() as server:
        receipts = [
            client.submit(entry.line.encode(), onboarding_token=operator.token) for entry in (first, second)
        ]
        assert [receipt.index for receipt in receipts] == [0, 1]
        assert receipts[1].leaf_hash == hash_leaf(second.line.encode()).hex()
        with pytest.raises(RefusedError) as caught:
            client.submit(update(first.version, ttl=90).line.encode(), onboarding_token=operator.token)
        assert caught.value.code is Code.DID_FORK
        with pytest.raises(RefusedError) as caught:
            client.submit(create("other", port=operator.port).line.encode(), onboarding_token="wrong")
        assert caught.value.code is Code.WRITER_NOT_AUTHORIZED

        logged = client.read_history(did, now=now())
        assert [entry.decode() for entry in logged.leaves] == [first.line, second.line]
        history = verify_history(logged.leaves, did=did, now=now(), witness_proofs=NO_WITNESS_PROOFS)
        assert history.latest.version_id == second.version.version_id
        verify_freshness(logged.checkpoint, max_age=timedelta(minutes=10), now=now())

        # Any other did:webvh resolver finds the same history at the address in the DID.
        connection = HTTPConnection("127.0.0.1", operator.port, timeout=20)
        connection.request("GET", "/university/did.jsonl")
        assert connection.getresponse().read().decode() == f"{first.line}\n{second.line}\n"
        connection.close()

        assert tally(capsys, "check")["size"] == 2
        assert tally(capsys, "check", operator.ledger.url)["dids"] == 1
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        assert not list(operator.folder.path.glob("*-wal"))

    # Without any server: the head, and a proof that needs no network.
    assert tally(capsys, "head")["size"] == 2
    proof = parse_log_proof(Path(str(tally(capsys, "prove", did)["file"])).read_text())
    verify_log_proof(proof, entry=second.line.encode(), policy=operator.ledger.policy, now=now())

    with operator.serving():
        third = update(second.version)
        assert client.submit(third.line.encode(), onboarding_token=operator.token).index == 2
        assert len(client.read_history(did, now=now()).entries) == 3
        # The auditor remembers the smaller tree and finds that the larger one contains it.
        assert tally(capsys, "check")["size"] == 3


def test_second_server_for_the_same_ledger_does_not_start(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    with operator.serving():
        status = run(commands, ["serve", "--port", "0", "--json"])
        assert status != 0
        assert json.loads(capsys.readouterr().err)["error"]["code"] == Code.VAULT_LOCKED
