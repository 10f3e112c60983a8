"""What a node says to a log: every row of C2SP tlog-witness, on values; over HTTP in test_http."""

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ledger.node.cosigner import Cosigner, Promise
from ledger.node.last_cosigned import CosignedNote, LastCosigned, Recorded
from ledger.node.tables import METADATA
from ledger.node.witness import Cosigned, LogWitness, OldSizeDiffers, SignedCheckpoint
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.merkle import Node, compute_root, create_consistency_proof, hash_children, hash_leaf
from protocol.tlog.note import (
    NoteKey,
    SignatureType,
    encode_note,
    parse_note,
    parse_signature_line,
    sign_note,
)
from protocol.tlog.witness import AddCheckpointRequest, hash_origin
from storage.database import open_database
from tests.campaign import Chance, many
from tests.ledger.node.cosigned_log import LOG, LOG_KEY, ORIGIN, STRANGER, CosignedLog
from tests.ledger.world import NOW, Clock

COSIGNER = Cosigner("node.localhost:8104", Promise.WITNESS, Ed25519PrivateKey(bytes([77]) * 32))
COSIGNER_KEY = NoteKey(COSIGNER.name, SignatureType.ED25519_COSIGNATURE, COSIGNER.key.public_key)
HONEST = CosignedLog()


@dataclass
class Desk:
    """A witness with its memories in a folder; another `Desk` in it goes on where this one ended."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    require: Callable[[SignedCheckpoint], None] = lambda _signed: None
    contradictions: list[int] = field(default_factory=list)
    address: str | None = None
    """Of its database; a file in the folder unless it is said."""

    def __post_init__(self) -> None:
        self.engine: Engine = open_database(self.address or str(self.folder / "node.sqlite"))
        METADATA.create_all(self.engine)
        self.reopen()

    def reopen(self) -> None:
        self.last = LastCosigned(self.engine, self.folder / "last-cosigned", ORIGIN)
        self.witness = LogWitness(
            LOG_KEY,
            cosigner=COSIGNER,
            last=self.last,
            require=lambda signed: self.require(signed),
            contradicted=lambda signed: self.contradictions.append(signed.tree_size),
            clock=self.clock,
        )

    @property
    def memory(self) -> Path:
        return self.folder / "last-cosigned" / hash_origin(ORIGIN)

    @property
    def size(self) -> int:
        return self.last.read().state.tree_size

    def ask(self, old: int, new: int, log: CosignedLog = HONEST) -> Cosigned | OldSizeDiffers:
        return self.witness.add_checkpoint(log.request(old, new))

    def refusal(self, request: AddCheckpointRequest) -> TallyError:
        """Why the request is refused; nothing has changed."""
        before = self.last.read(), self.memory.read_bytes()
        with pytest.raises(TallyError) as caught:
            self.witness.add_checkpoint(request)
        assert (self.last.read(), self.memory.read_bytes()) == before
        return caught.value


@pytest.fixture
def desk(tmp_path: Path, database: str) -> Iterator[Desk]:
    desk = Desk(tmp_path, address=database if "://" in database else None)
    yield desk
    desk.engine.dispose()


@pytest.mark.both_engines
def test_first_checkpoint_and_those_that_continue_it_are_cosigned(desk: Desk) -> None:
    for old, new in [(0, 3), (3, 3), (3, 8), (8, 300)]:
        answer = desk.ask(old, new)
        assert isinstance(answer, Cosigned)
        text = parse_note(HONEST.note(new)).text
        assert answer.line.endswith("\n")
        assert verify_cosignature(text, parse_signature_line(answer.line[:-1]), COSIGNER_KEY) == NOW
        assert desk.size == new
    assert desk.contradictions == []


def test_empty_log_is_cosigned(desk: Desk) -> None:
    assert isinstance(desk.ask(0, 0), Cosigned)
    assert isinstance(desk.ask(0, 5), Cosigned)


def test_cosigned_note_has_the_signature_of_the_log_and_the_own_one_and_no_other(desk: Desk) -> None:
    request = HONEST.request(0, 4)
    noisy = replace(request, checkpoint=request.checkpoint + "— stranger.example/x AAAAAAAAAAAA\n")
    assert isinstance(desk.witness.add_checkpoint(noisy), Cosigned)
    last = desk.witness.last_note()
    assert last is not None
    assert (last.tree_size, last.time) == (4, NOW)
    assert [line.key_name for line in parse_note(last.note).signatures] == [ORIGIN, COSIGNER.name]


@pytest.mark.both_engines
def test_checkpoint_that_is_cosigned_again_gets_the_time_of_then(desk: Desk) -> None:
    first = desk.ask(0, 4)
    desk.clock.time += timedelta(minutes=5)
    second = desk.ask(4, 4)
    assert first != second
    last = desk.witness.last_note()
    assert last is not None
    assert last.time == NOW + timedelta(minutes=5)


def test_request_that_is_repeated_at_once_writes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desk.ask(0, 4)
    monkeypatch.setattr(desk.last, "advance", None)
    desk.clock.time += timedelta(seconds=4)
    assert desk.ask(4, 4) == first


@pytest.mark.parametrize("later", [timedelta(seconds=5), timedelta(seconds=-1)])
def test_cosignature_is_not_repeated_when_its_time_is_another(desk: Desk, later: timedelta) -> None:
    first = desk.ask(0, 4)
    desk.clock.time += later
    assert desk.ask(4, 4) != first


def test_nothing_was_cosigned_in_the_beginning(desk: Desk) -> None:
    assert desk.witness.last_note() is None
    assert desk.size == 0


@pytest.mark.parametrize(("old", "new"), [(0, 8), (3, 8), (0, 5), (7, 8)])
def test_old_size_that_is_not_the_recorded_one_is_answered_with_that(desk: Desk, old: int, new: int) -> None:
    """NT-L26."""
    desk.ask(0, 5)
    assert desk.ask(old, new) == OldSizeDiffers(5)
    assert desk.size == 5


def _flip(hashes: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return (bytes(32), *hashes[1:])


FORKED = CosignedLog(branch="x")
BAD_REQUESTS: list[tuple[Callable[[], AddCheckpointRequest], Code]] = [
    # NT-L24
    (lambda: CosignedLog(key=STRANGER).request(5, 8), Code.LOG_SIGNATURE_INVALID),
    (lambda: replace(HONEST.request(5, 8), checkpoint=_only_stranger()), Code.LOG_SIGNATURE_INVALID),
    (lambda: CosignedLog(origin="other.localhost:8101").request(5, 8), Code.LOG_ORIGIN_MISMATCH),
    # NT-L25
    (lambda: replace(HONEST.request(5, 8), old_size=9), Code.LOG_NOTE_MALFORMED),
    (lambda: replace(HONEST.request(5, 8), checkpoint="no note"), Code.LOG_NOTE_MALFORMED),
    # NT-L27
    (lambda: replace(HONEST.request(5, 8), consistency_proof=()), Code.LOG_CONSISTENCY_INVALID),
    (lambda: _with_proof(_flip(HONEST.proof(5, 8))), Code.LOG_CONSISTENCY_INVALID),
    (lambda: _with_proof((*HONEST.proof(5, 8), bytes(32))), Code.LOG_CONSISTENCY_INVALID),
    (lambda: FORKED.request(5, 8), Code.LOG_CONSISTENCY_INVALID),
    (lambda: FORKED.request(5, 5), Code.LOG_FORK),
    (lambda: replace(HONEST.request(5, 5), consistency_proof=(bytes(32),)), Code.LOG_CONSISTENCY_INVALID),
]


def _only_stranger() -> str:
    text = parse_note(HONEST.note(8)).text
    return f"{text}\n— stranger.example/x AAAAAAAAAAAA\n"


def _with_proof(proof: tuple[bytes, ...]) -> AddCheckpointRequest:
    return replace(HONEST.request(5, 8), consistency_proof=proof)


@pytest.mark.parametrize(("make", "code"), BAD_REQUESTS)
def test_request_that_breaks_a_rule_changes_nothing(
    desk: Desk, make: Callable[[], AddCheckpointRequest], code: Code
) -> None:
    desk.ask(0, 5)
    assert desk.refusal(make()).code is code


def test_proof_from_size_0_is_refused(desk: Desk) -> None:
    """NT-L09, NT-L27."""
    request = replace(HONEST.request(0, 4), consistency_proof=(bytes(32),))
    assert desk.refusal(request).code is Code.LOG_CONSISTENCY_INVALID


def test_empty_tree_with_the_root_of_another_is_not_consistent(desk: Desk) -> None:
    text = f"{ORIGIN}\n0\n{'A' * 43}=\n"
    note = encode_note(text, [sign_note(text, name=ORIGIN, key=HONEST.key)])
    error = desk.refusal(AddCheckpointRequest(0, (), note))
    assert isinstance(error, VerificationError)
    assert error.code is Code.LOG_CONSISTENCY_INVALID


def test_second_tree_of_one_size_is_told_as_a_contradiction_and_a_wrong_proof_is_not(desk: Desk) -> None:
    desk.ask(0, 5)
    desk.refusal(FORKED.request(5, 8))
    desk.refusal(_with_proof(()))
    assert desk.contradictions == []
    desk.refusal(FORKED.request(5, 5))
    assert desk.contradictions == [5]
    # The first branch goes on.
    assert isinstance(desk.ask(5, 9), Cosigned)


def test_what_does_not_hold_is_not_cosigned(desk: Desk) -> None:
    def refuse(_signed: SignedCheckpoint) -> None:
        raise UnavailableError(Code.NODE_BEHIND)

    desk.require = refuse
    assert desk.refusal(HONEST.request(0, 5)).code is Code.NODE_BEHIND


def test_what_was_cosigned_while_a_requirement_was_checked_counts(desk: Desk) -> None:
    def overtake(signed: SignedCheckpoint) -> None:
        desk.require = lambda _signed: None
        assert signed.tree_size == 5
        assert isinstance(desk.ask(0, 8), Cosigned)

    desk.require = overtake
    assert desk.ask(0, 5) == OldSizeDiffers(8)
    assert desk.size == 8


@pytest.mark.both_engines
def test_witness_that_starts_again_goes_on_where_it_ended(desk: Desk) -> None:
    desk.ask(0, 5)
    desk.reopen()
    assert desk.ask(0, 8) == OldSizeDiffers(5)
    assert isinstance(desk.ask(5, 8), Cosigned)


def test_database_from_a_backup_does_not_turn_the_witness_back(desk: Desk) -> None:
    desk.ask(0, 5)
    desk.engine.dispose()
    backup = (desk.folder / "node.sqlite").read_bytes()
    desk.ask(5, 9)
    desk.engine.dispose()
    (desk.folder / "node.sqlite").write_bytes(backup)
    desk.reopen()
    assert desk.ask(5, 9, FORKED) == OldSizeDiffers(9)
    assert desk.refusal(FORKED.request(9, 9)).code is Code.LOG_FORK
    with pytest.raises(UnavailableError) as caught:
        desk.witness.last_note()
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED
    # What continues the second memory is cosigned, and mends the database.
    assert isinstance(desk.ask(9, 12), Cosigned)
    last = desk.witness.last_note()
    assert last is not None
    assert last.tree_size == 12


def test_lost_second_memory_is_not_begun_anew(desk: Desk) -> None:
    desk.ask(0, 5)
    desk.memory.unlink()
    with pytest.raises(RefusedError) as caught:
        desk.reopen()
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_two_memories_that_contradict_each_other_sign_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.ask(0, 5)
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    other.ask(0, 5, FORKED)
    desk.memory.write_bytes(other.memory.read_bytes())
    other.engine.dispose()
    desk.reopen()
    with pytest.raises(RefusedError) as caught:
        desk.ask(5, 8)
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


@pytest.mark.both_engines
def test_second_process_on_one_database_loses_the_race(desk: Desk) -> None:
    desk.ask(0, 5)
    before = desk.last.read()
    desk.ask(5, 8)
    assert before.note is not None
    with pytest.raises(RefusedError) as caught:
        desk.last.advance(replace(before.note, tree_size=7), after=before)
    assert caught.value.code is Code.VAULT_CHANGED
    with pytest.raises(RefusedError) as first:
        desk.last.advance(before.note, after=replace(before, note=None))
    assert first.value.code is Code.VAULT_CHANGED
    assert desk.size == 8


def test_cosignature_that_could_not_be_recorded_is_not_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ask(0, 5)

    def full(*_arguments: object) -> None:
        raise RefusedError(Code.DISK_FULL)

    with monkeypatch.context() as patch:
        patch.setattr("ledger.node.last_cosigned.replace_file", full)
        with pytest.raises(RefusedError):
            desk.ask(5, 8)
    # The database has it already, so the log is told to start from there.
    assert desk.ask(5, 8) == OldSizeDiffers(8)
    assert isinstance(desk.ask(8, 8), Cosigned)
    desk.reopen()
    assert desk.size == 8


def test_busy_database_signs_nothing_and_recovers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ask(0, 5)
    monkeypatch.setattr("storage.sqlite.BUSY_TIMEOUT_SECONDS", 0)
    impatient = Desk(desk.folder)
    with closing(sqlite3.connect(desk.folder / "node.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert impatient.refusal(HONEST.request(5, 8)).code is Code.DATABASE_BUSY
        other.execute("ROLLBACK")
    assert isinstance(impatient.ask(5, 8), Cosigned)
    impatient.engine.dispose()


class LongLog:
    """A log that is asked for at thousands of sizes, and computes each of its nodes once."""

    def __init__(self) -> None:
        self._nodes: dict[Node, bytes] = {}

    def _read(self, nodes: Sequence[Node]) -> list[bytes]:
        return [self._node(node) for node in nodes]

    def _node(self, node: Node) -> bytes:
        if node not in self._nodes:
            children = (Node(node.level - 1, 2 * node.index + side) for side in (0, 1))
            self._nodes[node] = (
                hash_children(*map(self._node, children))
                if node.level
                else hash_leaf(str(node.index).encode())
            )
        return self._nodes[node]

    def request(self, old: int, new: int) -> AddCheckpointRequest:
        text = encode_checkpoint(Checkpoint(ORIGIN, new, compute_root(new, self._read)))
        note = encode_note(text, [sign_note(text, name=ORIGIN, key=LOG)])
        proof = create_consistency_proof(old, new, self._read) if 0 < old < new else ()
        return AddCheckpointRequest(old, proof, note)


def race(desk: Desk, count: Callable[[str, object], None], *, threads: int, requests: int) -> None:
    """Threads that ask for a little more than they were told of, each so many times."""
    log = LongLog()
    granted: list[int] = []
    recorded: list[int] = []
    failures: list[BaseException] = []
    advance = desk.last.advance

    def watched(cosigned: CosignedNote, *, after: Recorded) -> None:
        advance(cosigned, after=after)
        recorded.append(cosigned.tree_size)

    desk.last.advance = watched  # type: ignore[method-assign]
    begin = threading.Barrier(threads)

    def ask(number: int) -> None:
        old, chance = 0, Chance(f"witness {number}")
        begin.wait()
        for _ in range(requests):
            new = old + 1 + chance.below(3)
            answer = desk.witness.add_checkpoint(log.request(old, new))
            if isinstance(answer, Cosigned):
                granted.append(new)
                assert desk.size >= new
                old = new
            else:
                assert answer.recorded_size > old
                old = answer.recorded_size

    def watch(number: int) -> None:
        try:
            ask(number)
        except BaseException as error:
            failures.append(error)
            raise

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        racers = [threading.Thread(target=watch, args=(number,)) for number in range(threads)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
    finally:
        sys.setswitchinterval(switch)
    assert failures == []
    assert recorded == sorted(set(recorded))
    assert sorted(granted) == recorded
    desk.reopen()
    assert desk.size == recorded[-1]
    count("requests to a witness by many at once", threads * requests)
    count("of them cosigned, each larger than the one before", len(recorded))


@pytest.mark.both_engines
def test_racing_requests_never_roll_back(desk: Desk, record_property: Callable[[str, object], None]) -> None:
    """FI-R3, NT-L28."""
    race(desk, record_property, threads=16, requests=12)


@pytest.mark.stress
def test_a_hundred_racing_threads_never_roll_back(
    desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    """FI-R3, NT-L28."""
    race(desk, record_property, threads=100, requests=many(1_000))
