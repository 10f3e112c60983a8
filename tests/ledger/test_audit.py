from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from doors.server import listen
from ledger.audit import AuditReport, audit_ledger
from ledger.client import LedgerClient
from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.front_end import FrontEnd
from ledger.memory import CheckpointMemory
from ledger.signer import CheckpointSigner, create_memory
from protocol.codes import Audience, Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import TallyError, UnavailableError
from protocol.index.subject import Subject
from protocol.records import DidRecord, subject_of
from tests.ledger.world import NOW, OTHER_KEY, World, create, names, record, update
from tests.webvh_logs import forge_next


class Tampering(Fetcher):
    """Sees what a reader sees when somebody between the ledger and the reader changes answers."""

    def __init__(self) -> None:
        super().__init__(FetchRules(development=True))
        self.change: Callable[[str, Fetched], Fetched] = lambda _path, fetched: fetched

    def fetch_ok(self, url: str, *, accept: str, max_bytes: int = 1 << 20) -> Fetched:
        fetched = super().fetch_ok(url, accept=accept, max_bytes=max_bytes)
        return self.change(url.split("/", 3)[3], fetched)


@dataclass
class Auditor:
    world: World
    front_end: FrontEnd
    fetcher: Tampering
    memory: CheckpointMemory
    records: list[DidRecord] = field(default_factory=list)

    def log(self, *records: DidRecord) -> None:
        for answer in [self.front_end.submit(each) for each in records]:
            answer.result(20)

    def create(self, *path: str) -> DidRecord:
        return record(create(*path, port=self.world.port))

    def audit(self) -> AuditReport:
        client = LedgerClient(self.world.ledger, fetcher=self.fetcher, memory=self.memory)
        return audit_ledger(client, fetcher=self.fetcher, now=NOW)

    def code(self) -> Code:
        with pytest.raises(TallyError) as caught:
            self.audit()
        return caught.value.code


@contextmanager
def auditing(folder: Path) -> Iterator[Auditor]:
    with listen("127.0.0.1", 0) as listener, Tampering() as fetcher:
        assert isinstance(fetcher, Tampering)
        world = World(folder, port=listener.socket.getsockname()[1])
        world.create()
        with world.serving(listener) as front_end:
            yield Auditor(world, front_end, fetcher, CheckpointMemory(folder / "seen"))
        world.close()


@pytest.fixture
def auditor(tmp_path: Path) -> Iterator[Auditor]:
    with auditing(tmp_path) as auditor:
        yield auditor


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auditor]:
    """A ledger with 520 DIDs, one of them with two versions."""
    with auditing(tmp_path_factory.mktemp("ledger")) as auditor:
        first = create("university", port=auditor.world.port)
        auditor.log(record(first), *names(519, port=auditor.world.port), record(update(first.version)))
        yield auditor
        auditor.fetcher.change = lambda _path, fetched: fetched


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def test_sound_ledger_passes(full: Auditor) -> None:
    full.fetcher.change = lambda _path, fetched: fetched
    report = full.audit()
    assert (report.checkpoint.tree_size, report.dids, report.checkpoint.time) == (521, 520, NOW)
    assert report.tiles == 4


def test_empty_ledger_passes(auditor: Auditor) -> None:
    report = auditor.audit()
    assert (report.checkpoint.tree_size, report.tiles, report.dids) == (0, 0, 0)


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/0/002.p/9", "tile/1/000.p/2", "tile/entries/000", "tile/entries/002.p/9"]
)
@pytest.mark.parametrize("position", [2, 40, -1])
def test_any_flipped_bit_is_noticed(full: Auditor, path: str, position: int) -> None:
    """FI-C4, NT-L29."""
    full.fetcher.change = lambda asked, fetched: (
        replace(fetched, body=flip(fetched.body, position % len(fetched.body))) if asked == path else fetched
    )
    assert full.code() in {Code.LOG_TILE_INVALID, Code.FORMAT_INVALID, Code.JSON_INVALID, Code.DID_INVALID}


def test_index_is_computed_anew(full: Auditor) -> None:
    full.fetcher.change = lambda _path, fetched: fetched
    assert full.audit().index_entries == full.front_end.published.index.tree_size > 1


@pytest.mark.parametrize("path", ["index/tile/0/000", "index/tile/entries/000"])
def test_any_flipped_bit_of_the_index_log_is_noticed(auditor: Auditor, path: str) -> None:
    auditor.log(*(auditor.create(name) for name in "abc"))
    auditor.fetcher.change = lambda asked, fetched: (
        replace(fetched, body=flip(fetched.body, 60)) if asked.startswith(path) else fetched
    )
    assert auditor.code() in {Code.LOG_TILE_INVALID, Code.INDEX_ENTRY_INVALID}


def test_operator_that_leaves_an_entry_out_of_the_index_is_found_out(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody notices who asks for one DID: without nodes, the index is the operator's word."""
    first = create("university", port=auditor.world.port)
    auditor.log(record(first))

    def hide(leaf: bytes) -> Subject:
        return Subject("nothing", "hidden") if b'"versionId":"2-' in leaf else subject_of(leaf)

    monkeypatch.setattr("ledger.index.subject_of", hide)
    auditor.log(record(update(first.version)))
    assert auditor.code() is Code.INDEX_ENTRY_INVALID


def test_altered_checkpoint_is_noticed(full: Auditor) -> None:
    def change(path: str, fetched: Fetched) -> Fetched:
        if path != "checkpoint":
            return fetched
        return replace(fetched, body=fetched.body.replace(b"\n521\n", b"\n520\n"))

    full.fetcher.change = change
    assert full.code() is Code.LOG_SIGNATURE_INVALID


def test_signed_root_that_the_entries_do_not_have_is_noticed(auditor: Auditor, tmp_path: Path) -> None:
    auditor.log(auditor.create("a"))
    create_memory(tmp_path / "forgotten", auditor.world.keys.origin)
    forged = CheckpointSigner(auditor.world.keys, tmp_path / "forgotten").sign(1, bytes(32), now=NOW)
    auditor.fetcher.change = lambda path, fetched: (
        replace(fetched, body=forged.encode()) if path == "checkpoint" else fetched
    )
    assert auditor.code() is Code.LOG_TILE_INVALID


def test_ledger_that_lost_entries_it_showed_is_noticed(auditor: Auditor, tmp_path: Path) -> None:
    auditor.log(auditor.create("a"), auditor.create("b"))
    before = auditor.fetcher.fetch_ok(f"{auditor.world.ledger.url}/checkpoint", accept="text/plain")
    auditor.log(auditor.create("c"))
    auditor.audit()
    auditor.fetcher.change = lambda path, fetched: before if path == "checkpoint" else fetched
    assert auditor.code() is Code.LOG_ROLLBACK


def test_entry_changed_under_the_checkpoint_is_noticed(auditor: Auditor) -> None:
    first, second = auditor.create("a"), auditor.create("b")
    auditor.log(first, second)
    auditor.world.alter("UPDATE entry SET leaf = ? WHERE leaf_index = 0", auditor.create("x").leaf)
    assert auditor.code() is Code.LOG_TILE_INVALID


def test_partial_bundle_that_was_replaced_by_the_full_one_is_read_from_it(full: Auditor) -> None:
    def gone(url: str, *, accept: str, max_bytes: int = 1 << 20) -> Fetched:
        if url.endswith(".p/9"):
            raise UnavailableError(Code.NETWORK_STATUS, "404")
        if url.endswith(("tile/entries/002", "tile/0/002")):
            fetched = Fetcher.fetch_ok(full.fetcher, f"{url}.p/9", accept=accept)
            filler = b"\0\0" * 247 if "entries" in url else bytes(32) * 247
            return replace(fetched, body=fetched.body + filler)
        return Fetcher.fetch_ok(full.fetcher, url, accept=accept, max_bytes=max_bytes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full.fetcher, "fetch_ok", gone)
        assert full.audit().checkpoint.tree_size == 521


@pytest.mark.parametrize("missing", ["tile/entries/000", "tile/entries/002.p/9"])
def test_bundle_that_cannot_be_had_is_no_verdict(full: Auditor, missing: str) -> None:
    def fail(path: str, fetched: Fetched) -> Fetched:
        if path.startswith(missing):
            raise UnavailableError(Code.NETWORK_TIMEOUT)
        return fetched

    full.fetcher.change = fail
    assert full.code() is Code.NETWORK_TIMEOUT


# What follows was never admitted: an operator who writes past the rules signs it all the same.


def test_entry_that_is_not_canonical_is_noticed(auditor: Auditor) -> None:
    good = auditor.create("a")
    auditor.log(auditor.create("b"), replace(good, leaf=good.leaf + b" "))
    assert auditor.code() is Code.FORMAT_INVALID


def test_second_version_of_one_number_is_noticed(auditor: Auditor) -> None:
    first = create("a", port=auditor.world.port)
    auditor.log(record(first))
    rival = record(create("a", port=auditor.world.port, time=NOW))
    auditor.log(replace(rival, did=replace(rival.did, path=("b",))))
    assert auditor.code() is Code.ENTRY_NOT_ADMITTED


def test_auditor_of_an_inadmissible_entry_is_not_told_to_correct_it() -> None:
    assert "do not trust a ledger" in Code.ENTRY_NOT_ADMITTED.remedy_for(Audience.OPERATOR)


def test_version_that_skips_one_is_noticed(auditor: Auditor) -> None:
    first = create("a", port=auditor.world.port)
    third = update(update(first.version).version)
    auditor.log(record(first), record(third))
    assert auditor.code() is Code.ENTRY_NOT_ADMITTED


def test_entry_of_a_key_that_may_not_write_is_noticed(auditor: Auditor) -> None:
    first = create("a", port=auditor.world.port)
    forged = forge_next(first.version, keys=(OTHER_KEY,))
    stolen = replace(record(update(first.version)), leaf=forged.encode())
    auditor.log(record(first), stolen)
    assert auditor.code() is Code.DID_KEY_NOT_AUTHORIZED


def test_did_that_lives_elsewhere_is_noticed(auditor: Auditor) -> None:
    auditor.log(record(create("a")))
    assert auditor.code() is Code.ENTRY_NOT_ADMITTED


def test_altered_document_is_noticed(auditor: Auditor) -> None:
    good = auditor.create("a")
    entry = parse_json_object(good.leaf)
    state = entry["state"]
    assert isinstance(state, dict)
    auditor.log(replace(good, leaf=canonicalize({**entry, "state": {**state, "note": "added"}})))
    assert auditor.code() is Code.DID_SCID_MISMATCH
