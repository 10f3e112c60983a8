import pytest

from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document
from protocol.did.webvh.author import create_did, deactivate_did, update_did
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.parameters import key_hash
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, TallyError
from protocol.keys import P256PrivateKey
from tests.webvh_logs import (
    HOUR,
    KEY,
    NEXT_KEY,
    START,
    STRANGER,
    THIRD_KEY,
    document,
    first,
    log,
    multikey,
    verify,
)


def test_created_did_is_at_its_place_and_resolves_to_its_document() -> None:
    created = create_did(
        "ledger.localhost",
        8443,
        ("issuers", "uni"),
        document=document,
        key=KEY,
        next_keys=[NEXT_KEY.public_key],
        time=START,
        parameters={"ttl": 60, "watchers": ["https://watcher.example"]},
    )
    history = verify(created.line)
    did = created.version.did

    assert parse_webvh(did).log_url() == "https://ledger.localhost:8443/issuers/uni/did.jsonl"
    assert history.latest == created.version
    assert history.latest.state == document(did)
    assert "{SCID}" not in created.line
    parameters = created.version.parameters
    assert (parameters.ttl, parameters.watchers) == (60, ("https://watcher.example",))
    assert parameters.next_key_hashes == (key_hash(multikey(NEXT_KEY)),)
    verified = history.verified_did(evidence=None)
    assert verified.current_key(f"{did}#key-1", Relationship.ASSERTION) == KEY.public_key


def test_same_arguments_make_the_same_did_and_others_another() -> None:
    assert first().line == first().line
    assert first().version.did != first(parameters={"ttl": 60}).version.did


def test_document_is_updated_by_the_update_key() -> None:
    start = first()
    changed = create_did_document(
        start.version.did, {"key-2": NEXT_KEY.public_key}, assertion=["key-2"], authentication=[]
    )
    entries = log(start).then(update_did(start.version, key=KEY, time=START + HOUR, document=changed))
    history = verify(*entries.lines)
    assert history.latest.state == changed
    assert history.latest.parameters == start.version.parameters


def test_update_key_is_handed_over() -> None:
    start = first()
    handed = update_did(start.version, key=KEY, time=START + HOUR, update_keys=[NEXT_KEY.public_key])
    after = update_did(handed.version, key=NEXT_KEY, time=START + 2 * HOUR)
    verify(start.line, handed.line, after.line)
    with pytest.raises(TallyError) as refusal:
        update_did(handed.version, key=KEY, time=START + 2 * HOUR)
    assert refusal.value.code is Code.DID_KEY_NOT_AUTHORIZED


def test_keys_rotate_by_revealing_what_was_committed_to() -> None:
    start = first(NEXT_KEY)
    rotated = update_did(start.version, key=NEXT_KEY, time=START + HOUR, next_keys=[THIRD_KEY.public_key])
    ended = update_did(rotated.version, key=THIRD_KEY, time=START + 2 * HOUR, next_keys=[])
    after = update_did(ended.version, key=THIRD_KEY, time=START + 3 * HOUR)
    history = verify(start.line, rotated.line, ended.line, after.line)

    assert [version.parameters.update_keys for version in history.versions] == [
        (multikey(KEY),),
        (multikey(NEXT_KEY),),
        (multikey(THIRD_KEY),),
        (multikey(THIRD_KEY),),
    ]
    assert [bool(version.parameters.next_key_hashes) for version in history.versions] == [
        True,
        True,
        False,
        False,
    ]


def test_pre_rotation_can_begin_later() -> None:
    start = first()
    begun = update_did(start.version, key=KEY, time=START + HOUR, next_keys=[NEXT_KEY.public_key])
    rotated = update_did(begun.version, key=NEXT_KEY, time=START + 2 * HOUR, next_keys=[])
    verify(start.line, begun.line, rotated.line)


def test_pre_rotation_may_reveal_several_keys() -> None:
    start = first(NEXT_KEY, THIRD_KEY)
    both = update_did(
        start.version,
        key=THIRD_KEY,
        time=START + HOUR,
        update_keys=[NEXT_KEY.public_key, THIRD_KEY.public_key],
        next_keys=[],
    )
    verify(start.line, both.line)


def test_pre_rotation_without_next_keys_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="next keys"):
        update_did(first(NEXT_KEY).version, key=NEXT_KEY, time=START + HOUR)


def test_key_that_was_not_committed_to_is_refused_before_publishing() -> None:
    for key in (KEY, STRANGER):
        with pytest.raises(TallyError) as refusal:
            update_did(first(NEXT_KEY).version, key=key, time=START + HOUR, next_keys=[])
        assert refusal.value.code is Code.DID_PREROTATION_VIOLATED


def test_strangers_key_is_refused_before_publishing() -> None:
    with pytest.raises(TallyError) as refusal:
        update_did(first().version, key=STRANGER, time=START + HOUR)
    assert refusal.value.code is Code.DID_KEY_NOT_AUTHORIZED


def test_time_that_does_not_rise_is_refused_before_publishing() -> None:
    with pytest.raises(TallyError) as refusal:
        update_did(first().version, key=KEY, time=START)
    assert refusal.value.code is Code.DID_TIME_INVALID


def test_did_is_deactivated_by_one_entry() -> None:
    start = first()
    (end,) = deactivate_did(start.version, key=KEY, time=START + HOUR)
    history = verify(start.line, end.line)
    assert history.deactivated
    assert history.latest.parameters.update_keys == ()
    with pytest.raises(TallyError) as refusal:
        update_did(end.version, key=KEY, time=START + 2 * HOUR)
    assert refusal.value.code is Code.DID_DEACTIVATED


def test_did_with_pre_rotation_is_deactivated_by_two_entries() -> None:
    start = first(NEXT_KEY)
    released, end = deactivate_did(start.version, key=NEXT_KEY, time=START + HOUR)
    history = verify(start.line, released.line, end.line)
    assert [version.parameters.deactivated for version in history.versions] == [False, False, True]
    assert released.version.parameters.next_key_hashes == ()
    assert history.latest.state == start.version.state


@pytest.mark.parametrize("parameters", [{"ttl": -1}, {"unknown": 1}, {"witness": {"threshold": 1}}])
def test_parameters_that_break_their_rules_are_refused_before_publishing(parameters: JsonObject) -> None:
    with pytest.raises(MalformedError):
        first(parameters=parameters)
    with pytest.raises(MalformedError):
        update_did(first().version, key=KEY, time=START + HOUR, parameters=parameters)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "issuer.example/x", ""])
def test_place_that_no_did_may_have_is_refused(host: str) -> None:
    with pytest.raises(MalformedError):
        create_did(host, document=document, key=KEY, next_keys=[], time=START)


def test_key_of_another_kind_is_a_mistake_of_the_caller() -> None:
    key = P256PrivateKey(bytes(31) + b"\x07")
    with pytest.raises(ValueError, match="Ed25519"):
        create_did("issuer.example", document=document, key=key, next_keys=[], time=START)


def test_entry_does_not_change_when_its_authors_document_does() -> None:
    start = first()
    services: list[JsonValue] = []
    changed: JsonObject = document(start.version.did) | {"service": services}
    entry = update_did(start.version, key=KEY, time=START + HOUR, document=changed)
    services.append({"id": "#late"})
    assert entry.version.state["service"] == []
