import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import pytest

from doors.server import listen
from ledger.admission import Admission
from ledger.app import LedgerApp
from ledger.client import TOKEN_PREFIX
from ledger.front_end import FrontEnd
from ledger.publisher import REFRESH_AFTER
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.did.webvh.author import NewEntry
from protocol.errors import UnavailableError
from protocol.index.leaf import parse_index_entry
from protocol.index.proof import parse_tally_proof, verify_tally_proof
from protocol.index.subject import did_subject
from protocol.records import MAX_RECORD_BYTES
from protocol.tlog.merkle import RightEdge, compute_root, hash_leaf
from protocol.tlog.policy import VerifiedCheckpoint, encode_log_policy, parse_log_policy, verify_checkpoint
from protocol.tlog.proof import parse_log_proof, verify_log_proof
from protocol.tlog.tiles import EntryBundle, HashTile, parse_entry_bundle, read_hashes_from_tiles
from storage.management_key import create_management_key
from tests.ledger.world import AUTHORITY, NOW, POLICY, URL, World, create, names, update

TEXT = encode_log_policy(POLICY)
FIRST = create("university")
SECOND = update(FIRST.version)


def evidence_path(did: str) -> str:
    return f"/evidence?name={did.replace('%', '%25')}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Ledger:
    """A ledger that answers on a port of loopback."""

    def __init__(self, world: World, front_end: FrontEnd, port: int) -> None:
        self.world = world
        self.front_end = front_end
        self._port = port
        self.token, key = create_management_key(TOKEN_PREFIX)
        world.store().add_token(key)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, body: bytes, token: str | None = None) -> Answer:
        headers = {
            "Authorization": f"Bearer {token or self.token}",
            "Content-Type": "application/json",
        }
        return self.ask("POST", "/entries", body, headers)

    def log(self, *entries: NewEntry) -> list[Answer]:
        answers = [self.post(entry.line.encode()) for entry in entries]
        assert {answer.status for answer in answers} <= {200}
        return answers

    def checkpoint(self) -> VerifiedCheckpoint:
        policy = parse_log_policy(self.get("/policy").body.decode())
        return verify_checkpoint(self.get("/checkpoint").body, policy=policy, now=self.world.clock())

    def tile(self, tile: HashTile) -> bytes:
        answer = self.get(f"/{tile.path}")
        assert answer.status == 200
        return answer.body


@contextmanager
def serving(world: World) -> Iterator[Ledger]:
    with listen("127.0.0.1", 0) as listener, world.serving(listener) as front_end:
        yield Ledger(world, front_end, listener.socket.getsockname()[1])


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    with serving(world) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger with one version of one DID, for requests that change nothing."""
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    with serving(world) as ledger:
        ledger.log(FIRST)
        yield ledger
    world.close()


def code_of(answer: Answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.json["code"]


def test_entry_is_logged_and_its_history_served(ledger: Ledger) -> None:
    answers = ledger.log(FIRST, SECOND)
    for index, (entry, answer) in enumerate(zip([FIRST, SECOND], answers, strict=True)):
        assert answer.json == {
            "index": index,
            "leaf_hash": hash_leaf(entry.line.encode()).hex(),
            "did": FIRST.version.did,
            "version_id": entry.version.version_id,
        }
    served = ledger.get("/university/did.jsonl")
    assert served.headers["content-type"] == "text/jsonl; charset=utf-8"
    assert served.body.decode() == f"{FIRST.line}\n{SECOND.line}\n"


def test_checkpoint_is_signed_cosigned_and_satisfies_the_served_policy(ledger: Ledger) -> None:
    ledger.log(FIRST)
    assert ledger.get("/checkpoint").headers["content-type"] == "text/plain; charset=utf-8"
    checkpoint = ledger.checkpoint()
    assert (checkpoint.origin, checkpoint.tree_size, checkpoint.time) == (AUTHORITY, 1, NOW)
    assert checkpoint.root_hash == hash_leaf(FIRST.line.encode())
    assert ledger.get("/policy").body.decode() == TEXT
    assert parse_log_policy(TEXT).logs[0].url == URL


@pytest.mark.parametrize(
    "path",
    [
        "/checkpoint",
        "/policy",
        "/university/did.jsonl",
        evidence_path(FIRST.version.did),
        f"/proof/{hash_leaf(FIRST.line.encode()).hex()}",
    ],
)
def test_what_grows_is_kept_by_no_cache_and_read_by_any_page(unchanged: Ledger, path: str) -> None:
    answer = unchanged.get(path)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_tiles_and_bundles_lead_to_the_checkpoint(ledger: Ledger) -> None:
    records = names(300)
    for logged in [ledger.front_end.submit(each) for each in records]:
        logged.result(20)
    checkpoint = ledger.checkpoint()
    assert checkpoint.tree_size == 300
    read_hashes = read_hashes_from_tiles(300, lambda tiles: [ledger.tile(tile) for tile in tiles])
    assert compute_root(300, read_hashes) == checkpoint.root_hash
    leaves: list[bytes] = []
    for bundle in (EntryBundle(0), EntryBundle(1, 44)):
        answer = ledger.get(f"/{bundle.path}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "immutable" in answer.headers["cache-control"]
        leaves += parse_entry_bundle(answer.body, bundle)
    assert leaves == [each.leaf for each in records]
    # Narrower than now: what an earlier checkpoint had.
    assert ledger.get("/tile/0/001.p/3").body == ledger.get("/tile/0/001.p/44").body[:96]
    assert ledger.get("/tile/0/000.p/7").status == 200
    assert len(parse_entry_bundle(ledger.get("/tile/entries/001.p/1").body, EntryBundle(1, 1))) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tile/0/000", (404, "not_found")),
        ("/tile/0/000.p/3", (404, "not_found")),
        ("/tile/0/001.p/1", (404, "not_found")),
        ("/tile/1/000.p/1", (404, "not_found")),
        ("/tile/63/000.p/1", (404, "not_found")),
        ("/tile/entries/000.p/3", (404, "not_found")),
        ("/tile/0/000.p/0", (400, "log_tile_invalid")),
        ("/tile/64/000", (400, "log_tile_invalid")),
        ("/tile/0/x1/2", (400, "log_tile_invalid")),
        ("/tile/", (400, "log_tile_invalid")),
        ("/tile/did.jsonl", (400, "log_tile_invalid")),
        ("/nobody/did.jsonl", (404, "did_not_found")),
        ("/UNIVERSITY/did.jsonl", (404, "did_not_found")),
        ("/university/did-witness.json", (404, "not_found")),
        ("/university/more/did.jsonl", (404, "not_found")),
        (f"/proof/{'0' * 64}", (404, "not_found")),
        (f"/proof/{'0' * 63}", (404, "not_found")),
        (f"/proof/{hash_leaf(FIRST.line.encode()).hex().upper()}", (404, "not_found")),
        ("/proof/did.jsonl", (404, "not_found")),
        ("/index/tile/entries/001", (404, "not_found")),
        ("/index/tile/x", (400, "log_tile_invalid")),
        ("/evidence", (400, "member_invalid")),
        (f"/evidence?name={'x' * 1025}", (400, "member_invalid")),
        ("/evidence?name=a%0Ab", (400, "format_invalid")),
        ("/evidence?kind=DID&name=a", (400, "format_invalid")),
        ("/entries", (405, "method_not_allowed")),
    ],
)
def test_what_is_not_there_is_refused(unchanged: Ledger, path: str, expected: tuple[int, str]) -> None:
    assert code_of(unchanged.get(path)) == expected


def test_evidence_about_a_did_is_its_whole_history(ledger: Ledger) -> None:
    entries = [FIRST]
    for number in range(5):
        ledger.log(entries[-1], create(f"other-{number}"))
        entries.append(update(entries[-1].version))
    ledger.log(entries[-1])
    did = FIRST.version.did
    served = ledger.get(evidence_path(did))
    assert served.headers["content-type"] == "text/plain; charset=utf-8"
    proof = parse_tally_proof(served.body)
    records = verify_tally_proof(proof, subject=did_subject(did), policy=POLICY, now=NOW)
    assert [entry.leaf.decode() for entry in records.entries] == [entry.line for entry in entries]
    assert [entry.leaf_index for entry in records.entries] == [0, 2, 4, 6, 8, 10]
    checkpoint = ledger.checkpoint()
    assert (records.log.tree_size, records.log.root_hash) == (11, checkpoint.root_hash)


@pytest.mark.parametrize("logged", [0, 1, 3])
def test_evidence_about_a_stranger_is_that_there_is_nothing(ledger: Ledger, logged: int) -> None:
    ledger.log(*(create(f"other-{number}") for number in range(logged)))
    did = FIRST.version.did
    proof = parse_tally_proof(ledger.get(evidence_path(did)).body)
    records = verify_tally_proof(proof, subject=did_subject(did), policy=POLICY, now=NOW)
    assert records.entries == ()
    assert records.log.tree_size == logged


def test_index_log_has_an_entry_for_every_size_that_was_published(ledger: Ledger) -> None:
    ledger.log(*(create(f"other-{number}") for number in range(4)))
    note = verify_checkpoint(ledger.get("/index/checkpoint").body, policy=POLICY, now=NOW)
    assert note.origin == f"{AUTHORITY}/index"
    assert note.tree_size == 5
    bundle = EntryBundle(0, 5)
    leaves = parse_entry_bundle(ledger.get(f"/index/{bundle.path}").body, bundle)
    assert [parse_index_entry(leaf).tree_size for leaf in leaves] == [0, 1, 2, 3, 4]
    assert RightEdge().append(map(hash_leaf, leaves)).root_hash() == note.root_hash
    tile = HashTile(0, 0, 5)
    assert ledger.get(f"/index/{tile.path}").body == b"".join(map(hash_leaf, leaves))
    assert code_of(ledger.get(f"/index/{HashTile(0, 0, 6).path}")) == (404, "not_found")


def test_evidence_that_the_database_contradicts_is_not_given(ledger: Ledger) -> None:
    ledger.log(FIRST, create("other"))
    ledger.world.alter("UPDATE entry SET subject_key = ? WHERE leaf_index = 0", bytes(32))
    assert code_of(ledger.get(evidence_path(FIRST.version.did))) == (503, "log_self_check_failed")


def test_proof_file_of_an_entry_verifies_offline(ledger: Ledger) -> None:
    [answer] = ledger.log(FIRST)
    ledger.log(create("other"), create("another"))
    served = ledger.get(f"/proof/{answer.json['leaf_hash']}")
    assert served.headers["content-type"] == "text/plain; charset=utf-8"
    proof = parse_log_proof(served.body.decode())
    checkpoint = verify_log_proof(proof, entry=FIRST.line.encode(), policy=POLICY, now=NOW)
    assert (proof.leaf_index, checkpoint.tree_size) == (0, 3)


def test_entry_submitted_again_gets_the_same_answer(ledger: Ledger) -> None:
    """NT-L31."""
    [first] = ledger.log(FIRST)
    ledger.log(SECOND)
    spelled_otherwise = json.dumps(json.loads(FIRST.line), indent=1).encode()
    assert ledger.post(spelled_otherwise).body == first.body
    assert ledger.checkpoint().tree_size == 2


def test_entry_submitted_by_64_at_once_is_logged_once(ledger: Ledger) -> None:
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(ledger.post, [FIRST.line.encode()] * 64))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert ledger.checkpoint().tree_size == 1


@pytest.mark.parametrize("token", ["", "x", "tally_ledger_00000000_" + "a" * 43, "tally_issuer_00000000_a"])
def test_writer_without_an_onboarding_token_is_refused(unchanged: Ledger, token: str) -> None:
    """NT-L31."""
    answer = unchanged.ask(
        "POST",
        "/entries",
        SECOND.line.encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    assert answer.status == 401
    assert unchanged.ask("POST", "/entries", SECOND.line.encode()).status == 401
    assert unchanged.post(SECOND.line.encode(), unchanged.token[:-1] + "!").status == 401
    assert unchanged.checkpoint().tree_size == 1


def test_writer_whose_token_was_removed_is_refused(ledger: Ledger) -> None:
    ledger.log(FIRST)
    ledger.world.store().remove_token(ledger.token.split("_")[2])
    assert code_of(ledger.post(SECOND.line.encode())) == (401, "writer_not_authorized")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "json_invalid")),
        (b"{}", (400, "member_missing")),
        (b'{"type":"accreditation/v1"}', (422, "entry_not_admitted")),
        (FIRST.line.encode() + b" " * MAX_RECORD_BYTES, (413, "entry_too_large")),
        (FIRST.line.encode() + b" " * 65_536, (413, "size_exceeded")),
        (update(SECOND.version).line.encode(), (422, "did_chain_broken")),
        (SECOND.line.replace('"ttl":60', '"ttl":61').encode(), (422, "did_chain_broken")),
        (create("university", port=None).line.encode(), (422, "entry_not_admitted")),
        (create("a", "b").line.encode(), (422, "entry_not_admitted")),
        pytest.param(
            SECOND.line.replace('"ttl":60', '"ttl":61,"ttl":60').encode(),
            (400, "json_duplicate_member"),
            id="NT-D34-parameter-twice",
        ),
    ],
)
def test_entry_that_is_not_admitted_is_refused(
    unchanged: Ledger, body: bytes, expected: tuple[int, str]
) -> None:
    assert code_of(unchanged.post(body)) == expected
    assert unchanged.checkpoint().tree_size == 1


def test_rival_of_a_logged_version_is_refused(ledger: Ledger) -> None:
    """NT-D33."""
    ledger.log(FIRST, SECOND)
    assert code_of(ledger.post(update(FIRST.version, ttl=90).line.encode())) == (409, "did_fork")
    assert code_of(ledger.post(create("university", time=NOW).line.encode())) == (422, "entry_not_admitted")


def test_entry_that_is_not_sent_as_json_is_refused(unchanged: Ledger) -> None:
    headers = {"Authorization": f"Bearer {unchanged.token}", "Content-Type": "text/plain"}
    answer = unchanged.ask("POST", "/entries", FIRST.line.encode(), headers)
    assert code_of(answer) == (415, "media_type_unsupported")


def test_healthy_ledger_says_how_far_it_is(unchanged: Ledger) -> None:
    answer = unchanged.get("/healthz")
    assert (answer.status, answer.json["tree_size"]) == (200, 1)
    assert answer.json["checkpoint_time"] == "2026-11-22T12:00:00Z"


def test_checkpoint_is_signed_anew_when_it_is_asked_for_after_a_long_sleep(ledger: Ledger) -> None:
    ledger.world.clock.time = NOW + timedelta(hours=8)
    assert code_of(ledger.get("/healthz")) == (503, "log_stale")
    assert ledger.checkpoint().time == NOW + timedelta(hours=8)
    assert ledger.get("/healthz").status == 200


def test_ledger_that_cannot_write_any_more_says_so_and_still_shows_what_it_signed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.log(FIRST)
    before = ledger.checkpoint()

    def broken(*_arguments: object, **_options: object) -> None:
        raise UnavailableError(Code.DISK_ERROR, "broken")

    monkeypatch.setattr(ledger.front_end._log.store, "append", broken)
    assert code_of(ledger.post(SECOND.line.encode())) == (503, "disk_error")
    assert code_of(ledger.post(SECOND.line.encode())) == (503, "disk_error")
    assert code_of(ledger.get("/healthz")) == (503, "disk_error")
    ledger.world.clock.time = NOW + REFRESH_AFTER
    assert ledger.checkpoint() == before
    assert ledger.get("/university/did.jsonl").status == 200


def test_ledger_whose_disk_was_full_says_so_until_it_can_write_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise UnavailableError(Code.DISK_FULL)

    with monkeypatch.context() as while_full:
        while_full.setattr(ledger.front_end._log.store, "append", full)
        assert code_of(ledger.post(FIRST.line.encode())) == (503, "disk_full")
        assert code_of(ledger.get("/healthz")) == (503, "disk_full")
    ledger.log(FIRST)
    assert ledger.get("/healthz").status == 200


def test_entry_that_no_checkpoint_covers_yet_is_not_shown(world: World) -> None:
    [logged] = names(1)
    head = Head(1, hash_leaf(logged.leaf))
    with world.begun() as front_end:
        store = world.store()
        app = LedgerApp(store, front_end, Admission(store, authority=AUTHORITY), TEXT, world.clock)
        world.store().append([logged], after=world.store().head(), then=head)
        assert app.evidence(logged.subject).entries == ()


def test_every_public_answer_may_be_read_by_any_page(unchanged: Ledger) -> None:
    [answer] = unchanged.log(FIRST)
    for path in (
        "/checkpoint",
        "/policy",
        "/tile/0/000.p/1",
        "/tile/entries/000.p/1",
        "/university/did.jsonl",
        evidence_path(FIRST.version.did),
        f"/proof/{answer.json['leaf_hash']}",
    ):
        served = unchanged.get(path)
        assert served.status == 200
        assert served.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in answer.headers


def test_paths_are_described_for_programs(unchanged: Ledger) -> None:
    assert set(unchanged.get("/openapi.json").json["paths"]) == {
        "/healthz",
        "/checkpoint",
        "/policy",
        "/authorization",
        "/recognition",
        "/tile/{path}",
        "/proof/{leaf_hash}",
        "/entries",
        "/accredited",
        "/evidence",
        "/index/checkpoint",
        "/index/tile/{path}",
        "/approvers",
        "/{name}/did.jsonl",
        "/{name}/did-witness.json",
    }
