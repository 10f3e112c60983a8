from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.admission import Admission, admit, replay
from ledger.store import LedgerStore, StoredEntry
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.did.webvh.author import NewEntry, deactivate_did, update_did
from protocol.did.webvh.history import verify_history
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.version import VerifiedVersion
from protocol.did.webvh.witness import APPROVED_BY_LOG
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError, RefusedError, TallyError
from protocol.keys import Ed25519PrivateKey
from protocol.records import DidRecord
from protocol.records.did import parse_did_record
from tests.ledger.world import (
    AUTHORITY,
    KEY,
    NOW,
    OTHER_KEY,
    START,
    World,
    append,
    create,
    history,
    record,
    update,
)
from tests.webvh_logs import forge_next

FIRST = create("university")
SECOND = update(FIRST.version)
THIRD = update(SECOND.version)


CodeOf = Callable[..., Code | None]


def decision(admission: Admission, candidate: DidRecord) -> Code | None:
    try:
        admission.admit(candidate, now=NOW)
    except TallyError as error:
        return error.code
    return None


@pytest.fixture
def code_of(tmp_path: Path) -> CodeOf:
    """What is said to an entry by a ledger that has logged the others."""
    worlds = (World(tmp_path / str(number)) for number in range(1000))

    def code_of(entry: NewEntry | DidRecord, *history: NewEntry) -> Code | None:
        world = next(worlds)
        world.folder.mkdir()
        world.create()
        if history:
            append(world.store(), [record(logged) for logged in history])
        candidate = record(entry) if isinstance(entry, NewEntry) else entry
        code = decision(Admission(world.store(), authority=AUTHORITY), candidate)
        world.close()
        return code

    return code_of


def changed(entry: NewEntry, **members: JsonObject | str) -> DidRecord:
    return parse_did_record(canonicalize({**parse_json_object(entry.line), **members}))


def test_history_is_admitted_version_by_version(code_of: CodeOf) -> None:
    assert code_of(FIRST) is None
    assert code_of(SECOND, FIRST) is None
    assert code_of(THIRD, FIRST, SECOND) is None


def test_logged_entry_is_admitted_again(code_of: CodeOf) -> None:
    assert code_of(FIRST, FIRST, SECOND) is None
    assert code_of(SECOND, FIRST, SECOND) is None


def test_second_successor_of_a_version_is_refused(code_of: CodeOf) -> None:
    assert code_of(update(FIRST.version, ttl=90), FIRST) is None
    assert code_of(update(FIRST.version, ttl=90), FIRST, SECOND) is Code.DID_FORK


def test_version_without_its_predecessors_is_refused(code_of: CodeOf) -> None:
    assert code_of(SECOND) is Code.DID_CHAIN_BROKEN
    assert code_of(THIRD, FIRST) is Code.DID_CHAIN_BROKEN


def test_entry_that_does_not_follow_is_refused(code_of: CodeOf) -> None:
    rival = update(FIRST.version, ttl=90)
    assert code_of(THIRD, FIRST, rival) is Code.DID_CHAIN_BROKEN


def test_altered_entry_is_refused(code_of: CodeOf) -> None:
    parameters: JsonObject = {**parse_json_object(SECOND.line)["parameters"], "ttl": 61}  # type: ignore[dict-item]
    assert code_of(changed(SECOND, parameters=parameters), FIRST) is Code.DID_CHAIN_BROKEN


def test_entry_of_a_key_that_may_not_write_is_refused(code_of: CodeOf) -> None:
    stranger = parse_did_record(forge_next(FIRST.version, keys=(OTHER_KEY,)).encode())
    assert code_of(stranger, FIRST) is Code.DID_KEY_NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("ahead", "code"),
    [(timedelta(minutes=5), None), (timedelta(minutes=5, seconds=1), Code.DID_TIME_INVALID)],
)
def test_entry_from_the_future_is_refused(code_of: CodeOf, ahead: timedelta, code: Code | None) -> None:
    assert code_of(create("university", time=NOW + ahead)) is code


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=-1)])
def test_entry_not_later_than_the_last_is_refused(code_of: CodeOf, later: timedelta) -> None:
    entry = forge_next(FIRST.version, keys=(KEY,), time=FIRST.version.time + later)
    assert code_of(parse_did_record(entry.encode()), FIRST) is Code.DID_TIME_INVALID


def test_entry_after_the_last_is_refused(code_of: CodeOf) -> None:
    [last] = deactivate_did(FIRST.version, key=KEY, time=FIRST.version.time + timedelta(hours=1))
    assert code_of(last, FIRST) is None
    after = parse_did_record(forge_next(last.version, keys=(KEY,)).encode())
    assert code_of(after, FIRST, last) is Code.DID_DEACTIVATED


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("ledger.localhost", None),
        ("ledger.localhost", 8102),
        ("other.localhost", 8101),
        ("sub.ledger.localhost", 8101),
    ],
)
def test_did_that_lives_elsewhere_is_refused(code_of: CodeOf, host: str, port: int | None) -> None:
    assert code_of(create("university", host=host, port=port)) is Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("faculty", "university"),
        ("University",),
        ("über",),
        ("a b",),
        ("-a",),
        ("a-",),
        ("a.b",),
        ("a_b",),
        ("a" * 64,),
        ("tile",),
        ("proof",),
        ("checkpoint",),
        ("policy",),
    ],
)
def test_did_under_another_path_than_one_plain_name_is_refused(
    code_of: CodeOf, path: tuple[str, ...]
) -> None:
    assert code_of(create(*path)) is Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize("name", ["a", "0", "university-of-the-third-age", "a" * 63])
def test_did_under_a_plain_name_is_admitted(code_of: CodeOf, name: str) -> None:
    assert code_of(create(name)) is None


def test_portable_did_cannot_move_inside_the_ledger(code_of: CodeOf) -> None:
    first = create("university", parameters={"portable": True})
    moved_to = first.version.did.replace("university", "college")
    state: JsonObject = {
        **parse_json_object(canonicalize(first.version.state).replace(b":university", b":college")),
        "alsoKnownAs": [first.version.did],
    }
    moved = parse_did_record(forge_next(first.version, state=state, keys=(KEY,)).encode())
    assert moved.did.did == moved_to
    assert code_of(moved, first) is Code.ENTRY_NOT_ADMITTED


def test_did_with_witnesses_that_are_no_nodes_of_the_ledger_is_refused(tmp_path: Path) -> None:
    alice, bob, carol = (encode_did_key(Ed25519PrivateKey(bytes([n]) * 32).public_key) for n in (11, 12, 13))
    world = World(tmp_path)
    world.create()
    known = [alice, bob]
    admission = Admission(world.store(), authority=AUTHORITY, approvers=lambda: known)

    def witnessed_by(*witnesses: str) -> JsonObject:
        return {"witness": encode_witness_rule(WitnessRule(1, witnesses))}

    def decide(entry: NewEntry) -> Code | None:
        return decision(admission, record(entry))

    assert decide(create("university", parameters=witnessed_by(alice, carol))) is Code.ENTRY_NOT_ADMITTED
    first = create("university", parameters=witnessed_by(alice, bob))
    assert decide(first) is None
    append(world.store(), [record(first)])

    # A node that is gone since stands in nobody's way: not of what was logged, nor of what follows.
    known.remove(bob)
    assert decide(first) is None
    time = START + timedelta(hours=1)
    assert decide(update(first.version)) is None
    replaced = update_did(first.version, key=KEY, time=time, parameters=witnessed_by(alice, carol))
    assert decide(replaced) is Code.ENTRY_NOT_ADMITTED
    known.append(carol)
    assert decide(replaced) is None
    assert decide(update_did(first.version, key=KEY, time=time, parameters={"witness": {}})) is None
    world.close()


def test_document_that_readers_could_not_read_is_refused(code_of: CodeOf) -> None:
    method = FIRST.version.state["verificationMethod"]
    assert isinstance(method, list)
    twice = parse_did_record(
        forge_next(FIRST.version, state={"verificationMethod": [*method, *method]}, keys=(KEY,)).encode()
    )
    assert code_of(twice, FIRST) is Code.DID_DOCUMENT_INVALID


def by_full_replay(store: LedgerStore, candidate: DidRecord) -> Code | None:
    """The rules in the plainest words: the whole history verified with the entry at its end."""
    history = [entry.leaf for entry in store.history(candidate.did.scid)]
    number, did = candidate.entry.number, candidate.did.did
    if number <= len(history):
        return None if history[number - 1] == candidate.leaf else Code.DID_FORK
    try:
        if candidate.did.authority != AUTHORITY:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED)
        verified = verify_history(
            [*history, candidate.leaf], did=did, now=NOW, witness_proofs=APPROVED_BY_LOG
        )
        if verified.versions[0].did != did:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED)
        verified.latest.document()
    except TallyError as error:
        return error.code
    return None


def move(version: VerifiedVersion) -> str:
    did = version.did.replace(":one", ":elsewhere")
    state = parse_json_object(canonicalize(version.state).replace(version.did.encode(), did.encode()))
    return forge_next(version, state={**state, "alsoKnownAs": [version.did]})


HISTORIES = [create("one", parameters={"portable": True}), create("two"), create("three")]
# What somebody may send after a version. The first three are in order.
SUCCESSORS: list[Callable[[VerifiedVersion], str]] = [
    lambda version: forge_next(version, {"ttl": 60}),
    lambda version: forge_next(version, {"ttl": 90}),
    lambda version: forge_next(version, {"deactivated": True}),
    lambda version: forge_next(version, keys=(OTHER_KEY,)),
    lambda version: forge_next(version, time=version.time),
    lambda version: forge_next(version, time=NOW + timedelta(hours=1)),
    lambda version: forge_next(version, {"portable": True}),
    lambda version: forge_next(version, state={"verificationMethod": [{}]}),
    lambda version: forge_next(replace(version, number=version.number + 1)),
    lambda version: forge_next(version).replace('"proof":[', '"proof":[{},'),
    move,
]
STEPS = st.tuples(
    st.integers(0, len(HISTORIES) - 1),
    st.integers(0, 2),  # after the newest version, or after one before
    st.one_of(st.just(0), st.integers(0, len(SUCCESSORS) - 1)),
    st.booleans(),  # whether it is logged, if it is admitted
)


@given(st.lists(STEPS, min_size=4, max_size=12))
@settings(max_examples=40, deadline=None)
def test_what_is_remembered_changes_no_decision(steps: list[tuple[int, int, int, bool]]) -> None:
    with TemporaryDirectory() as folder, patch("ledger.admission._MAX_REMEMBERED", 2):
        world = World(Path(folder))
        world.create()
        store = world.store()
        remembering = Admission(store, authority=AUTHORITY)
        versions: list[list[VerifiedVersion]] = [[] for _ in HISTORIES]
        for which, back, kind, logged in steps:
            known = versions[which]
            if known:
                source = SUCCESSORS[kind](known[max(len(known) - 1 - back, 0)])
            else:
                source = HISTORIES[which].line
            candidate = parse_did_record(source.encode())
            code = by_full_replay(store, candidate)
            assert decision(remembering, candidate) == code
            assert decision(Admission(store, authority=AUTHORITY), candidate) == code
            if logged and code is None and candidate.entry.number > len(known):
                append(store, [candidate])
                leaves = [entry.leaf for entry in store.history(candidate.did.scid)]
                known.append(replay(leaves, now=NOW))
        world.close()


def test_history_is_replayed_once_and_then_only_continued(world: World) -> None:
    replays: list[int] = []

    class Watched(LedgerStore):
        def history(self, scid: str) -> list[StoredEntry]:
            found = super().history(scid)
            replays.append(len(found))
            return found

    first, *rest = history("university", 6)
    append(world.store(), [first, rest[0]])
    admission = Admission(Watched(world.engine), authority=AUTHORITY)
    for each in rest[1:]:
        admission.admit(each, now=NOW)
        append(world.store(), [each])
    assert replays == [2]
    Admission(Watched(world.engine), authority=AUTHORITY).admit(rest[-1], now=NOW)
    assert replays == [2]


def test_history_that_went_another_way_is_not_taken_for_the_one_remembered(world: World) -> None:
    first = create("university")
    rival, logged = update(first.version, ttl=90), update(first.version)
    admission = Admission(world.store(), authority=AUTHORITY)
    append(world.store(), [record(first)])
    assert decision(admission, record(rival)) is None
    append(world.store(), [record(logged)])
    assert decision(admission, record(update(rival.version))) is Code.DID_CHAIN_BROKEN
    assert decision(admission, record(update(logged.version))) is None


def test_history_has_at_most_2000_versions() -> None:
    first = create("university")
    last = replace(first.version, number=2000)
    with pytest.raises(MalformedError) as caught:
        admit(parse_did_record(forge_next(last).encode()), last, authority=AUTHORITY, now=NOW)
    assert caught.value.code is Code.SIZE_EXCEEDED
    before = replace(first.version, number=1999)
    admit(parse_did_record(forge_next(before).encode()), before, authority=AUTHORITY, now=NOW)
