"""A node over HTTP: a conversation that another witness had, each row of NT-L23 to NT-L28, and its mirror."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from doors.server import listen
from ledger.audit import audit_ledger
from ledger.client import LedgerClient
from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.front_end import FrontEnd
from ledger.memory import CheckpointMemory
from ledger.node.cosigner import Promise
from ledger.signer import CheckpointSigner, create_memory
from ledger.trust import TrustedLedger, parse_trusted_ledger
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from protocol.records import DidRecord
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.fork import parse_fork_evidence, verify_fork_evidence
from protocol.tlog.merkle import create_consistency_proof
from protocol.tlog.node_approver import verify_approver_statement
from protocol.tlog.note import encode_vkey, parse_note, parse_signature_line, parse_vkey
from protocol.tlog.policy import Witness, parse_log_policy
from protocol.tlog.witness import MAX_REQUEST_BYTES, AddCheckpointRequest, encode_add_checkpoint
from tests.browser import Answer
from tests.ledger.node.cosigned_log import LOG_KEY, STRANGER, CosignedLog
from tests.ledger.node.followed_log import Gate
from tests.ledger.node.node_door import Elsewhere, NodeDoor, keys_of, make_node, serving
from tests.ledger.world import NOW, POLICY, URL, World, create, names, record

VECTORS = Path(__file__).parents[2] / "vectors" / "tlog" / "tlog-vectors.json"
TRANSCRIPT = json.loads(VECTORS.read_bytes())["add_checkpoint_transcript"]
HONEST = CosignedLog()


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[NodeDoor]:
    """A bare witness that has cosigned 5 entries of a log that answers nothing."""
    with serving(make_node(tmp_path, TrustedLedger(URL, POLICY), promise=Promise.WITNESS)) as door:
        assert door.ask(HONEST.request(0, 5)).status == 200
        yield door


def code_of(answer: Answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.json["code"]


def test_recorded_conversation_with_a_witness_is_had_again(tmp_path: Path) -> None:
    log = parse_vkey(TRANSCRIPT["log_vkey"])
    index = encode_vkey(replace(log, name=f"{log.name}/index", public_key=STRANGER.public_key))
    policy = parse_trusted_ledger(
        f"log {TRANSCRIPT['log_vkey']} http://log.localhost:1\nlog {index}\nquorum none\n"
    )
    expected = [step["status"] for step in TRANSCRIPT["steps"]]
    assert len(expected) == 9
    # The bad signature ends in base64 with unused bits set, which we do not read at all; and the recorded
    # witness is older than the word of the specification that an unknown origin is a 404.
    expected[1:3] = [400, 404]
    with serving(make_node(tmp_path, policy, promise=Promise.WITNESS)) as door:
        answers = [door.post(step["body"].encode()) for step in TRANSCRIPT["steps"]]
        assert [answer.status for answer in answers] == expected
        for answer in answers:
            if answer.status == 200:
                signature = parse_signature_line(answer.body.decode().removesuffix("\n"))
                assert signature.key_name == door.cosigner.name
        assert [answers[6].body, answers[8].body] == [b"3\n", b"5\n"]
        bad_signature = TRANSCRIPT["steps"][1]["body"].replace("x6gx=", "x6gw=").replace("old 1", "old 5")
        assert code_of(door.post(bad_signature.encode())) == (403, "log_signature_invalid")


def test_unknown_origin_is_a_404(witness: NodeDoor) -> None:
    """NT-L23."""
    other = CosignedLog(origin="other.localhost:8101")
    assert code_of(witness.ask(other.request(5, 8))) == (404, "log_origin_mismatch")


def test_checkpoint_that_the_log_did_not_sign_is_a_403(witness: NodeDoor) -> None:
    """NT-L24."""
    assert code_of(witness.ask(CosignedLog(key=STRANGER).request(5, 8))) == (403, "log_signature_invalid")
    altered = HONEST.note(8).replace("\n8\n", "\n9\n")
    request = replace(HONEST.request(5, 8), checkpoint=altered)
    assert code_of(witness.ask(request)) == (403, "log_signature_invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xff",
        b"old 9\n\nnothing\n",
        encode_add_checkpoint(replace(HONEST.request(5, 8), old_size=9)),
        encode_add_checkpoint(replace(HONEST.request(5, 8), consistency_proof=(bytes(32),) * 64)),
        encode_add_checkpoint(replace(HONEST.request(5, 8), checkpoint="x\n\n— x AAAA\n")),
        encode_add_checkpoint(HONEST.request(5, 8)) + "— x AAAAAAAAAAAA\n".encode() * 64,
    ],
)
def test_request_that_cannot_be_read_is_a_400(witness: NodeDoor, body: bytes) -> None:
    """NT-L25."""
    answer = witness.post(body)
    assert answer.status == 400
    assert witness.get("checkpoint").body.decode().split("\n")[1] == "5"


def test_request_that_is_too_large_is_not_read(witness: NodeDoor) -> None:
    assert code_of(witness.post(bytes(MAX_REQUEST_BYTES + 1))) == (413, "size_exceeded")


@pytest.mark.parametrize("old", [0, 3, 8])
def test_other_old_size_is_a_409_with_the_recorded_one(witness: NodeDoor, old: int) -> None:
    """NT-L26."""
    answer = witness.ask(HONEST.request(old, 8))
    assert (answer.status, answer.body) == (409, b"5\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(HONEST.request(5, 8), consistency_proof=(bytes(32),) * 3), "log_consistency_invalid"),
        (CosignedLog(branch="x").request(5, 8), "log_consistency_invalid"),
        (CosignedLog(branch="x").request(5, 5), "log_fork"),
    ],
)
def test_what_does_not_continue_is_a_422_and_changes_nothing(
    witness: NodeDoor, request_: AddCheckpointRequest, code: str
) -> None:
    """NT-L27."""
    before = witness.get("checkpoint").body
    assert code_of(witness.ask(request_)) == (422, code)
    assert witness.get("checkpoint").body == before


def test_two_trees_of_one_size_are_kept_as_proof_by_a_bare_witness_too(witness: NodeDoor) -> None:
    witness.ask(CosignedLog(branch="x").request(5, 5))
    [file] = witness.kept
    fork = verify_fork_evidence(parse_fork_evidence(file.read_text()))
    assert {fork.smaller, fork.larger} == {HONEST.checkpoint(5), CosignedLog(branch="x").checkpoint(5)}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/octet-stream"])
def test_body_of_any_media_type_is_read(witness: NodeDoor, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = encode_add_checkpoint(HONEST.request(5, 6))
    assert witness.browser.ask("POST", "/add-checkpoint", body, headers).status == 200


def test_monitor_sees_the_log_s_signature_and_the_node_s(witness: NodeDoor) -> None:
    answer = witness.get("checkpoint")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    note = parse_note(answer.body)
    assert [line.key_name for line in note.signatures] == [LOG_KEY.name, witness.cosigner.name]
    assert verify_cosignature(note.text, note.signatures[1], witness.key) == NOW
    assert code_of(witness.browser.get(f"/{'0' * 64}/checkpoint")) == (404, "not_found")


def test_bare_witness_mirrors_nothing(witness: NodeDoor) -> None:
    assert code_of(witness.get("tile/0/000.p/5")) == (404, "not_found")
    assert witness.browser.get("/healthz").json == {"status": "ok", "copied": {}}


def test_line_of_the_node_fits_into_a_policy(witness: NodeDoor) -> None:
    line = witness.browser.get("/policy-line").body.decode()
    policy = parse_log_policy(f"{line}quorum none\n")
    assert policy.witnesses == (
        Witness("node.localhost:8104", witness.key, f"http://127.0.0.1:{witness.browser.port}"),
    )


def test_bare_witness_approves_nothing(witness: NodeDoor) -> None:
    for path in ("/approver", f"/{witness.origin_hash}/approvals"):
        assert code_of(witness.browser.get(path)) == (404, "not_found")


def test_disk_that_fails_is_a_503_and_recovered_from(
    witness: NodeDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise UnavailableError(Code.DISK_FULL)

    with monkeypatch.context() as patch:
        patch.setattr("ledger.node.last_cosigned.LastCosigned._compare_and_swap", full)
        answer = witness.ask(HONEST.request(5, 8))
        assert code_of(answer) == (503, "disk_full")
        assert answer.headers["retry-after"] == "5"
    assert witness.ask(HONEST.request(5, 8)).status == 200


# A copy follows a real ledger.


@dataclass
class Ledger:
    world: World
    front_end: FrontEnd
    port: int

    def log(self, *records: DidRecord) -> None:
        for answer in [self.front_end.submit(each) for each in records]:
            answer.result(20)

    def names(self, count: int, prefix: str = "did") -> list[DidRecord]:
        return names(count, prefix, port=self.world.port)

    def request(self, old: int) -> AddCheckpointRequest:
        """What the ledger would ask of a node that has cosigned `old` entries."""
        note = self.front_end.published.log.note
        size = self.front_end.published.log.tree_size
        reader = self.world.store().hash_reader(size)
        proof = create_consistency_proof(old, size, reader) if 0 < old < size else ()
        return AddCheckpointRequest(old, proof, note)


@contextmanager
def ledger_at(folder: Path, *, origin: int | None = None) -> Iterator[Ledger]:
    """A ledger on a free port, or one that calls itself as the one at the port `origin`."""
    folder.mkdir()
    with listen("127.0.0.1", 0) as listener:
        port = listener.socket.getsockname()[1]
        world = World(folder, port=origin or port)
        world.create()
        with world.serving(listener) as front_end:
            yield Ledger(world, front_end, port)
        world.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_at(tmp_path / "ledger") as ledger:
        yield ledger


@pytest.fixture
def copy(tmp_path: Path, ledger: Ledger) -> Iterator[NodeDoor]:
    with serving(make_node(tmp_path, ledger.world.ledger)) as door:
        yield door


def test_copy_reads_what_it_is_asked_to_vouch_for(copy: NodeDoor, ledger: Ledger) -> None:
    size = 0
    for count in (1, 299, 3):
        ledger.log(*ledger.names(count, f"from-{size}"))
        answer = copy.ask(ledger.request(size))
        assert answer.status == 200, answer.body
        size += count
        signature = parse_signature_line(answer.body.decode().removesuffix("\n"))
        text = parse_note(ledger.front_end.published.log.note).text
        assert verify_cosignature(text, signature, copy.key) == NOW
    assert copy.browser.get("/healthz").json["copied"][copy.origin_hash] == 303


def test_copy_says_which_witness_of_dids_it_is_and_what_it_approved(copy: NodeDoor, ledger: Ledger) -> None:
    statement = copy.browser.get("/approver").body
    did = verify_approver_statement(statement, origin=ledger.world.keys.origin, cosigner=copy.key)
    assert did == keys_of("node").approver_did == copy.folder.approver()
    # Its policy counts the operator alone.
    ledger.log(record(create("university", port=ledger.world.port)))
    assert copy.get("approvals").json == {"tree_size": 0, "approvals": []}
    assert code_of(copy.browser.get(f"/{'0' * 64}/approvals")) == (404, "not_found")
    assert copy.get("approvals?after=-1").status == 400


def test_copy_is_a_mirror_that_passes_the_audit(copy: NodeDoor, ledger: Ledger, tmp_path: Path) -> None:
    ledger.log(*ledger.names(300))
    copy.ask(ledger.request(0))

    class Mirror(Fetcher):
        """Reads the tiles of the ledger from the node."""

        def fetch_ok(self, url: str, *, accept: str, max_bytes: int = 1 << 20) -> Fetched:
            path = url.split("/", 3)[3]
            there = f"http://node.localhost:{copy.browser.port}/{copy.origin_hash}/{path}"
            return super().fetch_ok(
                there if path.startswith("tile/") else url, accept=accept, max_bytes=max_bytes
            )

    with Mirror(FetchRules(development=True)) as fetcher:
        client = LedgerClient(
            ledger.world.ledger, fetcher=fetcher, memory=CheckpointMemory(tmp_path / "seen")
        )
        report = audit_ledger(client, fetcher=fetcher, now=NOW)
    assert (report.checkpoint.tree_size, report.dids, report.tiles) == (300, 300, 3)
    assert code_of(copy.get("tile/0/001.p/45")) == (404, "not_found")
    assert code_of(copy.get("tile/64/000")) == (400, "log_tile_invalid")


def test_entry_that_was_logged_past_the_rules_is_never_vouched_for(copy: NodeDoor, ledger: Ledger) -> None:
    ledger.log(*ledger.names(2))
    assert copy.ask(ledger.request(0)).status == 200
    ledger.log(record(create("elsewhere", host="other.localhost")))
    answer = copy.ask(ledger.request(2))
    assert code_of(answer) == (422, "log_entry_inadmissible")
    assert answer.json["detail"].startswith("entry 2: entry_not_admitted")
    ledger.log(*ledger.names(3, "after"))
    assert code_of(copy.ask(ledger.request(2))) == (422, "log_entry_inadmissible")
    assert copy.get("checkpoint").body.decode().split("\n")[1] == "2"
    assert code_of(copy.browser.get("/healthz")) == (503, "log_entry_inadmissible")


def test_root_that_the_entries_do_not_have_is_not_vouched_for(
    copy: NodeDoor, ledger: Ledger, tmp_path: Path
) -> None:
    ledger.log(*ledger.names(3))
    create_memory(tmp_path / "forgotten", ledger.world.keys.origin)
    signer = CheckpointSigner(ledger.world.keys, tmp_path / "forgotten")
    forged = signer.sign(3, bytes(32), now=NOW)
    assert code_of(copy.ask(AddCheckpointRequest(0, (), forged))) == (422, "log_tile_invalid")
    assert copy.get("checkpoint").status == 404
    # Once the true branch is here, the other is a proven fork.
    assert copy.ask(ledger.request(0)).status == 200
    assert code_of(copy.ask(AddCheckpointRequest(3, (), forged))) == (422, "log_fork")
    [file] = copy.kept
    verify_fork_evidence(parse_fork_evidence(file.read_text()))


def test_log_that_cannot_be_read_is_a_503(copy: NodeDoor, ledger: Ledger) -> None:
    ledger.log(*ledger.names(3))
    request = ledger.request(0)
    ledger.world.alter("ALTER TABLE entry RENAME TO gone")
    answer = copy.ask(request)
    assert code_of(answer) == (503, "network_status")
    assert "retry-after" in answer.headers
    ledger.world.alter("ALTER TABLE gone RENAME TO entry")
    assert copy.ask(request).status == 200


def test_log_that_shows_two_nodes_two_histories_is_convicted_by_both(tmp_path: Path) -> None:
    with (
        ledger_at(tmp_path / "first") as first,
        ledger_at(tmp_path / "second", origin=first.world.port) as second,
    ):
        bob_asks = Elsewhere(first.world.port, instead=second.port)
        alice_folder, bob_folder = (
            make_node(tmp_path, first.world.ledger, name=name) for name in ("alice", "bob")
        )
        common = first.names(4)
        first.log(*common, *first.names(2, "shown"))
        second.log(*common, *first.names(2, "hidden"))
        with (
            serving(alice_folder, name="alice") as alice,
            serving(bob_folder, name="bob", fetcher=bob_asks) as bob,
        ):
            assert alice.ask(first.request(0)).status == 200
            assert bob.ask(second.request(0)).status == 200
            # Each hears what the other was told.
            assert code_of(alice.ask(second.request(6))) == (422, "log_fork")
            assert code_of(bob.ask(first.request(6))) == (422, "log_fork")
            for door in (alice, bob):
                [file] = door.kept
                fork = verify_fork_evidence(parse_fork_evidence(file.read_text()))
                assert fork.smaller.tree_size == fork.larger.tree_size == 6
            # Neither changes its branch.
            first.log(*first.names(1, "more"))
            second.log(*first.names(1, "more"))
            assert alice.ask(second.request(6)).status == bob.ask(first.request(6)).status == 422
            assert alice.ask(first.request(6)).status == bob.ask(second.request(6)).status == 200


def test_log_that_answers_slowly_is_told_to_ask_again(tmp_path: Path, ledger: Ledger) -> None:
    class Slow(Elsewhere):
        gate = Gate()

        def fetch(self, url: str, **options: Any) -> Fetched:
            self.gate("tile/entries" if "/tile/entries/" in url else "", b"")
            return super().fetch(url, **options)

    node = make_node(tmp_path, ledger.world.ledger)
    settings = node.path / "node.toml"
    settings.write_text(settings.read_text().replace("wait_seconds = 4", "wait_seconds = 1"))
    ledger.log(*ledger.names(3))
    with Slow(0, instead=0) as slow, serving(node, fetcher=slow) as door:
        answer = door.ask(ledger.request(0))
        assert code_of(answer) == (503, "node_behind")
        assert (answer.json["detail"], answer.headers["retry-after"]) == ("0 of 3 entries", "5")
        Slow.gate.open()
        assert door.ask(ledger.request(0)).status == 200


def test_database_of_a_copy_from_a_backup_is_filled_again_and_goes_on_from_the_second_memory(
    tmp_path: Path, ledger: Ledger
) -> None:
    node = make_node(tmp_path, ledger.world.ledger)
    database = node.path / "node.sqlite"
    ledger.log(*ledger.names(2))
    with serving(node) as door:
        assert door.ask(ledger.request(0)).status == 200
    backup = database.read_bytes()
    ledger.log(*ledger.names(3, "more"))
    with serving(node) as door:
        assert door.ask(ledger.request(2)).status == 200
    database.write_bytes(backup)
    with serving(node) as door:
        assert code_of(door.get("checkpoint")) == (503, "log_self_check_failed")
        answer = door.ask(ledger.request(2))
        assert (answer.status, answer.body) == (409, b"5\n")
        assert door.ask(ledger.request(5)).status == 200
        assert door.get("checkpoint").body.decode().split("\n")[1] == "5"


def test_node_without_its_database_is_made_again_and_goes_on_from_the_second_memory(
    tmp_path: Path, ledger: Ledger
) -> None:
    node = make_node(tmp_path, ledger.world.ledger)
    ledger.log(*ledger.names(5))
    with serving(node) as door:
        assert door.ask(ledger.request(0)).status == 200
    for name in ("node.toml", "node.sqlite"):
        (node.path / name).unlink()
    with serving(make_node(tmp_path, ledger.world.ledger)) as door:
        answer = door.ask(ledger.request(0))
        assert (answer.status, answer.body) == (409, b"5\n")
        assert door.ask(ledger.request(5)).status == 200
        assert door.browser.get("/healthz").json["copied"][door.origin_hash] == 5


def test_damaged_copy_is_not_served(tmp_path: Path, ledger: Ledger) -> None:
    node = make_node(tmp_path, ledger.world.ledger)
    ledger.log(*ledger.names(3))
    with serving(node) as door:
        assert door.ask(ledger.request(0)).status == 200
    with closing(sqlite3.connect(node.path / "node.sqlite")) as database, database:
        database.execute("UPDATE entry SET leaf = ? WHERE leaf_index = 1", (ledger.names(9)[8].leaf,))
    with pytest.raises(UnavailableError) as caught, serving(node):
        pass
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_node_without_its_second_memory_is_not_served(tmp_path: Path, ledger: Ledger) -> None:
    node = make_node(tmp_path, ledger.world.ledger)
    with serving(node) as door:
        assert door.ask(ledger.request(0)).status == 200
    for file in node.last_cosigned.iterdir():
        file.unlink()
    with pytest.raises(RefusedError) as caught, serving(node):
        pass
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED
