import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.data_integrity import document_digest
from protocol.did.webvh.entry import MAX_ENTRY_BYTES, create_entry, encode_entry, multihash, parse_entry
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, TallyError, VerificationError
from tests.webvh_logs import START, first, forge_first

HONEST = first()
SOURCE: JsonObject = json.loads(HONEST.line)


def _without(name: str) -> JsonObject:
    return {member: value for member, value in SOURCE.items() if member != name}


def test_example_of_the_specification_has_its_entry_hash() -> None:
    """The preliminary entry in "Generate Entry Hash" and the hash printed under it."""
    text = (
        '{"versionId": "QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE", '
        '"versionTime": "2025-04-01T17:39:50Z", '
        '"parameters": {"witness": {"threshold": 2, "witnesses": '
        '[{"id": "did:key:z6Mkkc51mg2vpQzKWAbWQZupeGYhowaBjYkmvcKMTqteqHB4", "weight": 1}, '
        '{"id": "did:key:z6MkuDdJdKLCgwZuQuEi9xG6LVgJJ9Tebr74CXPYPSumqgJs", "weight": 1}, '
        '{"id": "did:key:z6MkoSWmQyp4fTk4ZQy4KUsss9dFX51XfEUzKKKj1J1JUsrF", "weight": 1}]}, '
        '"updateKeys": ["z6MkgzBDcBFV3sk4ypPE5YXMZHmS213A3HpYY2LmcVKV15jr"], '
        '"nextKeyHashes": ["QmZreDcjvWEpyRFznQeExWNCsvMLk5i59AcRJJuQC8UodJ"], "method": "did:webvh:0.5", '
        '"scid": "QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE"}, '
        '"state": {"@context": ["https://www.w3.org/ns/did/v1"], '
        '"id": "did:webvh:QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE:domain.example"}}'
    )
    source = json.loads(text)
    entry = create_entry(
        1,
        source["versionId"],
        time=datetime(2025, 4, 1, 17, 39, 50, tzinfo=UTC),
        parameters=source["parameters"],
        state=source["state"],
    )
    assert entry.entry_hash == "QmQ6FJ4fk2xheSSQoEjVpTgx9AQPKhJgtR9hn1nr4EeCrZ"


def test_entry_is_read_and_written_in_canonical_json_in_any_spelling() -> None:
    entry = parse_entry(HONEST.line)
    assert encode_entry(entry) == HONEST.line
    assert canonicalize(SOURCE).decode() == HONEST.line
    for spelling in (json.dumps(SOURCE, indent=1), f" {HONEST.line}\r\n".encode()):
        assert parse_entry(spelling) == entry


def test_texts_put_together_equal_the_canonical_entry() -> None:
    entry = parse_entry(HONEST.line)
    assert entry.digest() == document_digest(_without("proof"))
    before = canonicalize(_without("proof") | {"versionId": "QmBefore"})
    assert entry.hash_after("QmBefore") == multihash(before)
    assert entry.entry_hash == HONEST.version.version_id.removeprefix("1-")
    assert entry.hash_as_first(HONEST.version.parameters.scid) == HONEST.version.parameters.scid


def test_member_names_that_hold_the_scid_are_sorted_again() -> None:
    line = forge_first(state={"{SCID}": 1, "a": 2, "Zebra": 3})
    entry = parse_entry(line)
    scid = str(entry.parameters["scid"])
    assert entry.hash_as_first(scid) == scid


@pytest.mark.parametrize("state", [{"{SCID}": 1}, {"a": "did:webvh:{SCID}:issuer.example"}])
def test_first_entry_with_a_placeholder_left_in_it_is_refused(state: JsonObject) -> None:
    scid = HONEST.version.parameters.scid
    entry = create_entry(1, scid, time=START, parameters={}, state=state | {scid: 2})
    with pytest.raises(VerificationError) as refusal:
        entry.hash_as_first(scid)
    assert refusal.value.code is Code.DID_SCID_MISMATCH


def test_offset_of_zero_is_utc_too() -> None:
    source = SOURCE | {"versionTime": "2026-01-01T00:00:00+00:00"}
    assert parse_entry(json.dumps(source)).time == START


BAD_ENTRIES: list[tuple[JsonValue, Code]] = [
    ([], Code.FORMAT_INVALID),
    ({}, Code.MEMBER_MISSING),
    (SOURCE | {"extra": 1}, Code.MEMBER_INVALID),
    (SOURCE | {"versionId": 1}, Code.MEMBER_INVALID),
    (SOURCE | {"versionId": "1-"}, Code.FORMAT_INVALID),
    (SOURCE | {"versionId": "1-Qm0"}, Code.FORMAT_INVALID),
    (SOURCE | {"versionId": "1-" + "z" * 129}, Code.FORMAT_INVALID),
    (SOURCE | {"versionId": "1234567-z"}, Code.FORMAT_INVALID),
    (SOURCE | {"versionTime": 1}, Code.MEMBER_INVALID),
    (SOURCE | {"versionTime": "+00:00"}, Code.DID_TIME_INVALID),
    (SOURCE | {"parameters": []}, Code.MEMBER_INVALID),
    (SOURCE | {"state": "x"}, Code.MEMBER_INVALID),
    (SOURCE | {"proof": {}}, Code.DID_PROOF_INVALID),
    (SOURCE | {"proof": []}, Code.DID_PROOF_INVALID),
    (SOURCE | {"proof": ["x"]}, Code.DID_PROOF_INVALID),
    (SOURCE | {"proof": [{}] * 17}, Code.DID_PROOF_INVALID),
    (_without("proof"), Code.DID_PROOF_INVALID),
    (_without("versionId"), Code.MEMBER_MISSING),
    (_without("versionTime"), Code.MEMBER_MISSING),
    (_without("parameters"), Code.MEMBER_MISSING),
    (_without("state"), Code.MEMBER_MISSING),
]


@pytest.mark.parametrize(("source", "code"), BAD_ENTRIES)
def test_entry_of_another_form_is_refused(source: JsonValue, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_entry(json.dumps(source))
    assert refusal.value.code is code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", Code.JSON_INVALID),
        (HONEST.line + HONEST.line, Code.JSON_INVALID),
        (HONEST.line.replace('"versionId"', '"versionId":"1-z","versionId"'), Code.JSON_DUPLICATE_MEMBER),
        (HONEST.line.replace('"state":{', '"state":{"n":NaN,'), Code.JSON_NUMBER),
        (HONEST.line.replace('"state":{', '"state":{"n":9007199254740992,'), Code.JSON_NUMBER),
        (HONEST.line.replace('"state":{', '"state":{"n":"\\ud800",'), Code.TEXT_INVALID),
        (HONEST.line.replace('"state":{', '"state":{"n":' + "[" * 70 + "]" * 70 + ","), Code.JSON_DEPTH),
        (b"\xff", Code.TEXT_INVALID),
        (" " * (MAX_ENTRY_BYTES + 1), Code.SIZE_EXCEEDED),
    ],
)
def test_line_that_readers_could_read_differently_is_refused(line: str | bytes, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_entry(line)
    assert refusal.value.code is code


@given(
    st.binary() | st.text() | st.dictionaries(st.sampled_from(sorted(SOURCE)), st.integers()).map(json.dumps)
)
def test_garbage_is_refused_with_our_own_errors(line: str | bytes) -> None:
    with pytest.raises(TallyError):
        parse_entry(line)
