import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from doors.clock import now
from doors.exit_code import ExitCode
from ledger.memory import CheckpointMemory
from ledger.mirror import MirrorReport, mirror_ledger
from ledger.mirror_folder import MirrorFolder
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.note import parse_note
from protocol.tlog.policy import LogPolicy, encode_log_policy
from tests.issuer.anchored import anchored
from tests.ledger.conftest import Tally
from tests.ledger.mirror_crash import AFTER, BEFORE, entries
from tests.ledger.static_log import LEDGER, StaticLog, verify_folder
from tests.ledger.world import NOW, POLICY, Clock, create, record, update
from tests.processes import ROOT

ENTRIES = [f"entry {number}".encode() for number in range(600)]
FORKED = [*ENTRIES[:3], *(f"other {number}".encode() for number in range(597))]


class Mirror:
    """A mirror in `folder`, kept by one who remembers what was seen in another place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mirror"
        self.seen = folder / "seen"

    def follow(self, log: StaticLog, policy: LogPolicy = POLICY) -> MirrorReport:
        with MirrorFolder(self.folder) as files:
            ledger = replace(LEDGER, policy=policy)
            memory = CheckpointMemory(self.seen)
            return mirror_ledger(ledger, files, fetcher=log, memory=memory, now=NOW)

    def code(self, log: StaticLog) -> Code:
        with pytest.raises(TallyError) as caught:
            self.follow(log)
        return caught.value.code

    @property
    def size(self) -> int:
        note = (self.folder / "checkpoint").read_bytes()
        return parse_checkpoint(parse_note(note).text).tree_size

    def require_whole(self) -> None:
        """All that a reader of its checkpoint needs is in it."""
        assert verify_folder(self.folder).tree_size == self.size

    def forget(self) -> None:
        for file in self.seen.iterdir():
            file.unlink()


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path)


def test_mirror_of_a_growing_log_is_whole_at_every_size(mirror: Mirror) -> None:
    for size in (0, 1, 2, 255, 256, 257, 257, 300, 513, 600):
        report = mirror.follow(StaticLog(ENTRIES[:size]))
        assert report.checkpoint.tree_size == size
        mirror.require_whole()
    assert (mirror.folder / "policy").read_text() == encode_log_policy(POLICY)


def test_narrower_tiles_stay_for_readers_of_the_checkpoint_before_and_no_longer(mirror: Mirror) -> None:
    for size in (300, 400, 410, 420):
        mirror.follow(StaticLog(ENTRIES[:size]))
    narrow = {str(path.relative_to(mirror.folder)) for path in (mirror.folder / "tile").rglob("*.p/*")}
    expected = {f"tile/{kind}/001.p/{width}" for kind in ("0", "entries") for width in (154, 164)}
    assert narrow == expected | {"tile/1/000.p/1"}
    mirror.follow(StaticLog(ENTRIES))
    narrow = {str(path.relative_to(mirror.folder)) for path in (mirror.folder / "tile").rglob("*.p/*")}
    assert narrow == {"tile/0/002.p/88", "tile/entries/002.p/88", "tile/1/000.p/1", "tile/1/000.p/2"}
    assert not (mirror.folder / "tile/0/001.p").exists()


def test_only_what_is_new_is_fetched(mirror: Mirror) -> None:
    first, second = StaticLog(ENTRIES[:512]), StaticLog(ENTRIES[:520])
    assert mirror.follow(first).added == 512
    assert mirror.follow(second).added == 8
    assert {path for path in second.asked if "entries" in path} == {"tile/entries/002.p/8"}
    again = StaticLog(ENTRIES[:520])
    assert mirror.follow(again).added == 0
    of_log = {path for path in again.asked if not path.startswith("index/")}
    assert of_log <= {"checkpoint", "tile/0/002.p/8", "tile/1/000.p/2"}


def test_index_log_is_mirrored_before_the_log(mirror: Mirror) -> None:
    logs = [StaticLog(ENTRIES[:size], index_size=size + 1) for size in (1, 300, 513)]
    for log in logs:
        mirror.follow(log)
        assert (mirror.folder / "index/checkpoint").read_bytes() == log.files["index/checkpoint"]
        for path in ("index/tile/0/000.p/2", "index/tile/entries/001", "index/tile/1/000.p/2"):
            if path in log.files:
                assert (mirror.folder / path).read_bytes() == log.files[path]
        assert log.asked.index("index/checkpoint") < log.asked.index("checkpoint")
    assert mirror.code(StaticLog(ENTRIES, index_size=3)) is Code.LOG_ROLLBACK


def test_fresh_cosignature_of_the_same_tree_is_taken(mirror: Mirror) -> None:
    mirror.follow(StaticLog(ENTRIES[:5]))
    fresh = StaticLog(ENTRIES[:5], now=NOW.replace(minute=3))
    mirror.follow(fresh)
    assert (mirror.folder / "checkpoint").read_text() == fresh.note


def test_files_are_for_everybody_to_read(mirror: Mirror) -> None:
    mirror.follow(StaticLog(ENTRIES[:5]))
    assert all((mirror.folder / path).stat().st_mode & 0o044 for path in ("checkpoint", "tile/0/000.p/5"))


def test_history_of_a_did_is_the_file_that_its_resolvers_ask_for(mirror: Mirror) -> None:
    all_entries = entries()
    for size in (1, 100, AFTER - 2, AFTER):
        mirror.follow(StaticLog(all_entries[:size]))
    history = (mirror.folder / "university" / "did.jsonl").read_bytes()
    assert history == b"".join(all_entries[index] + b"\n" for index in (0, 1, AFTER - 2))


def test_entries_of_another_kind_and_names_of_files_are_mirrored_without_a_history(mirror: Mirror) -> None:
    strange = [b"", b"{}", *(record(create(name)).leaf for name in ("checkpoint", "index", "policy", "tile"))]
    strange += [record(create(*path)).leaf for path in (("tile", "entries", "000"), ("..a", "b"), ())]
    mirror.follow(StaticLog(strange))
    assert {path.parent.name for path in mirror.folder.rglob("did.jsonl")} == {"tile"}
    assert (mirror.folder / "checkpoint").is_file()
    mirror.follow(StaticLog([*strange, b"more"]))


def test_name_that_a_second_did_takes_stays_with_the_first(mirror: Mirror) -> None:
    first, thief = create("university"), create("university", parameters={"ttl": 9})
    mirror.follow(StaticLog([record(first).leaf, record(thief).leaf, record(update(thief.version)).leaf]))
    assert (mirror.folder / "university" / "did.jsonl").read_text() == f"{first.line}\n"


@pytest.mark.parametrize(
    "path",
    ["tile/entries/001", "tile/entries/002.p/88", "tile/1/000.p/2", "tile/0/002.p/88", "checkpoint"],
)
@pytest.mark.parametrize("position", [3, 40, -1])
def test_any_flipped_bit_is_refused_and_the_mirror_stays_as_it_was(
    mirror: Mirror, path: str, position: int
) -> None:
    mirror.follow(StaticLog(ENTRIES[:300]))
    log = StaticLog(ENTRIES)
    data = bytearray(log.files[path])
    data[position] ^= 1
    log.files[path] = bytes(data)
    with pytest.raises(TallyError):
        mirror.follow(log)
    assert mirror.size == 300
    mirror.require_whole()
    mirror.follow(StaticLog(ENTRIES))
    mirror.require_whole()


def test_missing_file_leaves_the_mirror_as_it_was(mirror: Mirror) -> None:
    mirror.follow(StaticLog(ENTRIES[:300]))
    log = StaticLog(ENTRIES)
    del log.files["tile/entries/002.p/88"]
    assert mirror.code(log) is Code.NETWORK_STATUS
    assert mirror.size == 300
    mirror.require_whole()


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize(
    ("size", "code"),
    [(200, Code.LOG_ROLLBACK), (300, Code.LOG_FORK), (301, Code.LOG_CONSISTENCY_INVALID)],
)
def test_log_that_does_not_continue_the_mirror_is_refused_and_proven(
    mirror: Mirror, size: int, code: Code, forgotten: bool
) -> None:
    mirror.follow(StaticLog(ENTRIES[:300]))
    if forgotten:
        mirror.forget()
    assert mirror.code(StaticLog(FORKED[:size])) is code
    assert mirror.size == 300
    assert bool(list(mirror.seen.glob("*.fork-evidence"))) == (size >= 300)


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (200, Code.LOG_ROLLBACK),
        (300, Code.LOG_FORK),
        (301, Code.LOG_TILE_INVALID),
        (600, Code.LOG_TILE_INVALID),
    ],
)
def test_mirror_by_an_older_policy_goes_on_with_its_own_log_only(
    mirror: Mirror, size: int, code: Code
) -> None:
    mirror.follow(StaticLog(ENTRIES[:300]))
    mirror.forget()
    note = (mirror.folder / "checkpoint").read_text()
    without_cosignature = "".join(note.splitlines(keepends=True)[:-1])
    (mirror.folder / "checkpoint").write_text(without_cosignature)
    assert mirror.code(StaticLog(FORKED[:size])) is code
    mirror.forget()
    assert mirror.follow(StaticLog(ENTRIES)).added == 300
    mirror.require_whole()


def test_last_block_that_was_another_is_refused(mirror: Mirror) -> None:
    fork = [*ENTRIES[:290], *FORKED[290:]]
    mirror.follow(StaticLog(ENTRIES[:300]))
    mirror.forget()
    note = (mirror.folder / "checkpoint").read_text()
    (mirror.folder / "checkpoint").write_text("".join(note.splitlines(keepends=True)[:-1]))
    assert mirror.code(StaticLog(fork)) is Code.LOG_CONSISTENCY_INVALID
    mirror.forget()
    assert mirror.code(StaticLog(fork[:301])) is Code.LOG_CONSISTENCY_INVALID
    assert mirror.size == 300


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1"])
@pytest.mark.parametrize("data", [b"", bytes(32), b"\xff" * 44 * 32])
def test_damaged_mirror_is_not_gone_on_with(mirror: Mirror, path: str, data: bytes) -> None:
    mirror.follow(StaticLog(ENTRIES[:300]))
    (mirror.folder / path).write_bytes(data)
    assert mirror.code(StaticLog(ENTRIES)) is Code.MIRROR_DAMAGED
    (mirror.folder / path).unlink()
    if path != "checkpoint":
        assert mirror.code(StaticLog(ENTRIES)) is Code.MIRROR_DAMAGED


def test_history_that_lost_its_beginning_is_not_gone_on_with(mirror: Mirror) -> None:
    mirror.follow(StaticLog(entries()[:BEFORE]))
    (mirror.folder / "university" / "did.jsonl").unlink()
    assert mirror.code(StaticLog(entries())) is Code.MIRROR_DAMAGED


def test_folder_of_somebody_else_is_left_alone(mirror: Mirror) -> None:
    mirror.folder.mkdir()
    (mirror.folder / "letter").write_text("mine")
    assert mirror.code(StaticLog(ENTRIES[:1])) is Code.VAULT_EXISTS
    assert [path.name for path in mirror.folder.iterdir()] == ["letter"]


def test_mirror_of_another_log_is_left_alone(mirror: Mirror) -> None:
    mirror.follow(StaticLog(ENTRIES[:1]))
    note = (mirror.folder / "checkpoint").read_text()
    (mirror.folder / "checkpoint").write_text(note.replace("ledger.localhost", "other.localhost"))
    assert mirror.code(StaticLog(ENTRIES[:2])) is Code.LOG_ORIGIN_MISMATCH


def test_two_do_not_write_one_mirror(mirror: Mirror) -> None:
    with MirrorFolder(mirror.folder):
        assert mirror.code(StaticLog(ENTRIES[:1])) is Code.VAULT_LOCKED


def test_mirror_killed_at_any_step_is_whole_and_goes_on(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.ledger.mirror_crash", str(tmp_path)], cwd=ROOT, check=True, timeout=120
    )
    sizes = set()
    copies = sorted(int(path.name) for path in tmp_path.iterdir() if path.name.isdigit())
    log = StaticLog(entries())
    for number in copies:
        copy = Mirror(tmp_path / "after" / str(number))
        copy.folder.parent.mkdir(parents=True)
        (tmp_path / str(number)).rename(copy.folder)
        copy.require_whole()
        sizes.add(copy.size)
        copy.follow(log)
        assert copy.size == AFTER
        copy.require_whole()
        history = (copy.folder / "university" / "did.jsonl").read_bytes()
        assert history.count(b"\n") == 3
    assert sizes == {BEFORE, AFTER}
    assert len(copies) > 20


@contextmanager
def web_server(folder: Path, port: int) -> Iterator[None]:
    """Any web server, which knows nothing of logs."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def said(tally: Tally, *arguments: str) -> Sequence[str]:
    return tally(*arguments).out.splitlines()


def test_mirror_takes_the_place_of_its_ledger(tmp_path: Path, tally: Tally) -> None:
    (tmp_path / "world").mkdir()
    copy = tmp_path / "copy"
    policy = tmp_path / "policy"
    with anchored(tmp_path / "world", Clock(now())) as anchor:
        url = anchor.world.ledger.url
        policy.write_text(encode_log_policy(anchor.world.ledger.policy))
        assert tally("mirror", url, str(copy), "--json").json["added"] == 0
        anchor.found()
        assert tally("mirror", url, str(copy), "--policy", str(policy), "--json").json["added"] == 1
        assert "1 entry" in said(tally, "mirror", url, str(copy))[0]
        assert tally("check", url, "--policy", str(policy), "--json").json["size"] == 1
    assert tally("check", url, "--policy", str(policy)).status == ExitCode.NETWORK
    with web_server(copy, anchor.world.port):
        checked = tally("check", url, "--policy", str(policy), "--json")
        assert (checked.status, checked.json["size"], checked.json["dids"]) == (ExitCode.SUCCESS, 1, 1)
        # A mirror of the mirror.
        again = tally("mirror", url, str(tmp_path / "again"), "--policy", str(policy), "--json")
        assert again.json["added"] == 1
        (copy / "checkpoint").write_text("nothing")
        assert tally("check", url, "--policy", str(policy), "--json").code == "log_note_malformed"


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["mirror"], ExitCode.USAGE, "usage_invalid"),
        (["mirror", "ledger", "copy"], ExitCode.USAGE, "usage_invalid"),
        (["mirror", "http://ledger.localhost:1", "passphrase"], ExitCode.USAGE, "usage_invalid"),
        (["mirror", "http://ledger.localhost:1", "copy"], ExitCode.NETWORK, "network_ledger_unreachable"),
    ],
)
def test_wrong_use_of_the_mirror_is_said_in_words(
    tally: Tally, arguments: list[str], status: ExitCode, code: str
) -> None:
    answer = tally(*arguments, "--json")
    assert (answer.status, answer.code) == (status, code)
