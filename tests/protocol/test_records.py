import json

import pytest

from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError
from protocol.records import MAX_RECORD_BYTES, DidRecord, parse_leaf, parse_record
from protocol.records.did import parse_did_record
from tests.ledger.world import create, update

FIRST = create("university")
LINE = FIRST.line.encode()
ENTRY = parse_json_object(LINE)


def padded(length: int) -> bytes:
    """An entry whose canonical form has `length` bytes."""
    state = {**FIRST.version.state, "note": ""}
    empty = canonicalize({**ENTRY, "state": state})
    return canonicalize({**ENTRY, "state": {**state, "note": "x" * (length - len(empty))}})


def test_record_says_which_did_and_version_it_is_about() -> None:
    record = parse_record(LINE)
    assert isinstance(record, DidRecord)
    assert record.did.did == FIRST.version.did
    assert (record.did.authority, record.did.path) == ("ledger.localhost:8101", ("university",))
    assert (record.entry.number, record.entry.version_id) == (1, FIRST.version.version_id)
    second = update(FIRST.version)
    assert parse_did_record(second.line.encode()).entry.version_id == second.version.version_id


def test_leaf_is_the_canonical_form_of_the_whole_entry() -> None:
    spelled_otherwise = json.dumps(dict(reversed(ENTRY.items())), indent=2).replace("u", "\\u0075").encode()
    assert spelled_otherwise != LINE
    record = parse_record(spelled_otherwise)
    assert record.leaf == canonicalize(ENTRY) == LINE
    assert b'"proof":[' in record.leaf
    assert parse_leaf(record.leaf) == record


def test_leaf_in_another_spelling_is_refused() -> None:
    for leaf in (LINE + b"\n", b" " + LINE, json.dumps(ENTRY).encode()):
        assert parse_record(leaf).leaf == LINE
        with pytest.raises(MalformedError) as caught:
            parse_leaf(leaf)
        assert caught.value.code is Code.FORMAT_INVALID


def test_record_of_16_kib_is_read_and_a_larger_one_refused() -> None:
    assert len(parse_record(padded(MAX_RECORD_BYTES)).leaf) == 16_384
    with pytest.raises(MalformedError) as caught:
        parse_record(padded(MAX_RECORD_BYTES + 1))
    assert caught.value.code is Code.ENTRY_TOO_LARGE
    with pytest.raises(MalformedError) as caught:
        parse_record(LINE + b" " * MAX_RECORD_BYTES)
    assert caught.value.code is Code.ENTRY_TOO_LARGE


def test_record_that_is_too_large_only_in_canonical_form_is_refused() -> None:
    numbers: JsonObject = {**ENTRY, "state": {**FIRST.version.state, "note": [1e20] * 900}}
    source = canonicalize(numbers).replace(b"100000000000000000000", b"1e20")
    assert len(source) < MAX_RECORD_BYTES < len(canonicalize(numbers))
    with pytest.raises(MalformedError) as caught:
        parse_record(source)
    assert caught.value.code is Code.ENTRY_TOO_LARGE


@pytest.mark.parametrize("name", ["accreditation/v1", "", 1, None])
def test_record_of_an_unknown_type_is_refused(name: str | int | None) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_record(canonicalize({**ENTRY, "type": name}))
    assert caught.value.code is Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"", Code.JSON_INVALID),
        (b"[]", Code.FORMAT_INVALID),
        (b"{}", Code.MEMBER_MISSING),
        (LINE.replace(b'{"parameters"', b'{"versionId":"1-x","parameters"'), Code.JSON_DUPLICATE_MEMBER),
        (canonicalize({**ENTRY, "more": 1}), Code.MEMBER_INVALID),
        (canonicalize({**ENTRY, "state": {}}), Code.MEMBER_MISSING),
        (canonicalize({**ENTRY, "state": {"id": "did:web:example.org"}}), Code.DID_METHOD_UNSUPPORTED),
    ],
)
def test_record_in_another_form_is_refused(source: bytes, code: Code) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_record(source)
    assert caught.value.code is code
