from datetime import timedelta

import pytest

from ledger.admission import admit
from protocol.codes import Code
from protocol.did.webvh.author import NewEntry, deactivate_did
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import TallyError
from protocol.records import DidRecord, parse_record
from tests.ledger.world import AUTHORITY, KEY, NOW, OTHER_KEY, create, record, update
from tests.webvh_logs import forge_next

FIRST = create("university")
SECOND = update(FIRST.version)
THIRD = update(SECOND.version)


def code_of(entry: NewEntry | DidRecord, *history: NewEntry) -> Code | None:
    candidate = record(entry) if isinstance(entry, NewEntry) else entry
    leaves = [logged.line.encode() for logged in history]
    try:
        admit(candidate, leaves, authority=AUTHORITY, now=NOW)
    except TallyError as error:
        return error.code
    return None


def changed(entry: NewEntry, **members: JsonObject | str) -> DidRecord:
    return parse_record(canonicalize({**parse_json_object(entry.line), **members}))


def test_history_is_admitted_version_by_version() -> None:
    assert code_of(FIRST) is None
    assert code_of(SECOND, FIRST) is None
    assert code_of(THIRD, FIRST, SECOND) is None


def test_logged_entry_is_admitted_again() -> None:
    assert code_of(FIRST, FIRST, SECOND) is None
    assert code_of(SECOND, FIRST, SECOND) is None


def test_second_successor_of_a_version_is_refused() -> None:
    assert code_of(update(FIRST.version, ttl=90), FIRST) is None
    assert code_of(update(FIRST.version, ttl=90), FIRST, SECOND) is Code.DID_FORK


def test_version_without_its_predecessors_is_refused() -> None:
    assert code_of(SECOND) is Code.DID_CHAIN_BROKEN
    assert code_of(THIRD, FIRST) is Code.DID_CHAIN_BROKEN


def test_entry_that_does_not_follow_is_refused() -> None:
    rival = update(FIRST.version, ttl=90)
    assert code_of(THIRD, FIRST, rival) is Code.DID_CHAIN_BROKEN


def test_altered_entry_is_refused() -> None:
    parameters: JsonObject = {**parse_json_object(SECOND.line)["parameters"], "ttl": 61}  # type: ignore[dict-item]
    assert code_of(changed(SECOND, parameters=parameters), FIRST) is Code.DID_CHAIN_BROKEN


def test_entry_of_a_key_that_may_not_write_is_refused() -> None:
    stranger = parse_record(forge_next(FIRST.version, keys=(OTHER_KEY,)).encode())
    assert code_of(stranger, FIRST) is Code.DID_KEY_NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("ahead", "code"),
    [(timedelta(minutes=5), None), (timedelta(minutes=5, seconds=1), Code.DID_TIME_INVALID)],
)
def test_entry_from_the_future_is_refused(ahead: timedelta, code: Code | None) -> None:
    assert code_of(create("university", time=NOW + ahead)) is code


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=-1)])
def test_entry_not_later_than_the_last_is_refused(later: timedelta) -> None:
    entry = forge_next(FIRST.version, keys=(KEY,), time=FIRST.version.time + later)
    assert code_of(parse_record(entry.encode()), FIRST) is Code.DID_TIME_INVALID


def test_entry_after_the_last_is_refused() -> None:
    [last] = deactivate_did(FIRST.version, key=KEY, time=FIRST.version.time + timedelta(hours=1))
    assert code_of(last, FIRST) is None
    after = parse_record(forge_next(last.version, keys=(KEY,)).encode())
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
def test_did_that_lives_elsewhere_is_refused(host: str, port: int | None) -> None:
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
    ],
)
def test_did_under_another_path_than_one_plain_name_is_refused(path: tuple[str, ...]) -> None:
    assert code_of(create(*path)) is Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize("name", ["a", "0", "university-of-the-third-age", "a" * 63])
def test_did_under_a_plain_name_is_admitted(name: str) -> None:
    assert code_of(create(name)) is None


def test_portable_did_cannot_move_inside_the_ledger() -> None:
    first = create("university", parameters={"portable": True})
    moved_to = first.version.did.replace("university", "college")
    state: JsonObject = {
        **parse_json_object(canonicalize(first.version.state).replace(b":university", b":college")),
        "alsoKnownAs": [first.version.did],
    }
    moved = parse_record(forge_next(first.version, state=state, keys=(KEY,)).encode())
    assert moved.did.did == moved_to
    assert code_of(moved, first) is Code.ENTRY_NOT_ADMITTED


def test_did_whose_own_witnesses_the_ledger_cannot_know_is_refused() -> None:
    key = f"did:key:{parse_json_object(FIRST.line)['parameters']['updateKeys'][0]}"  # type: ignore[index,call-overload]
    witness: JsonObject = {"threshold": 1, "witnesses": [{"id": key}]}
    assert code_of(create("university", parameters={"witness": witness})) is Code.DID_WITNESS_MISSING


def test_document_that_readers_could_not_read_is_refused() -> None:
    method = FIRST.version.state["verificationMethod"]
    assert isinstance(method, list)
    twice = parse_record(
        forge_next(FIRST.version, state={"verificationMethod": [*method, *method]}, keys=(KEY,)).encode()
    )
    assert code_of(twice, FIRST) is Code.DID_DOCUMENT_INVALID
