from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError, VerificationError
from protocol.keys.multikey import parse_multikey
from protocol.records import Record, SignedRecord, parse_leaf, parse_record, split_history, subject_of
from protocol.records.accreditation import Action, create_withdrawal
from protocol.records.key_compromise import compromised_keys, create_key_compromised
from protocol.records.signed import Signer, verify_authorship
from protocol.records.timestamp import create_timestamp
from protocol.records.type_metadata import create_type_metadata_record
from protocol.type_metadata import metadata_integrity, verify_integrity
from tests.ledger.world import KEY, NOW, OTHER_KEY, record, update
from tests.signed_records import (
    BELOW,
    DEGREE,
    MIDDLE_DID,
    ROOT,
    ROOT_DID,
    SCHOOL_DID,
    TOP,
    altered,
    signer,
)

HASH = "a" * 64
WITHDRAWAL = create_withdrawal(TOP, signer=signer(ROOT_DID), reason="Closed. Ü", time=NOW)
MARK = create_key_compromised(
    f"{ROOT_DID}#key-1", KEY.public_key, signer=signer(ROOT_DID, OTHER_KEY, "key-2"), since=NOW, time=NOW
)
DESCRIBED = create_type_metadata_record(
    DEGREE, integrity="sha256-" + "A" * 43 + "=", signer=signer(ROOT_DID), time=NOW
)
STAMP = create_timestamp(bytes.fromhex(HASH))
ALL: list[Record] = [TOP, BELOW, WITHDRAWAL, MARK, DESCRIBED, STAMP, record(ROOT)]


@pytest.mark.parametrize("each", ALL)
def test_record_is_read_as_it_was_made_and_the_index_knows_it(each: Record) -> None:
    assert parse_leaf(each.leaf) == each
    assert canonicalize(parse_json_object(each.leaf)) == each.leaf
    assert subject_of(each.leaf) == each.subject


def test_subject_of_each_kind_is_the_list_it_belongs_to() -> None:
    assert [(each.subject.kind, each.subject.name) for each in ALL] == [
        ("accreditation", MIDDLE_DID),
        ("accreditation", SCHOOL_DID),
        ("accreditation", MIDDLE_DID),
        ("did", ROOT_DID),
        ("type", DEGREE),
        ("document", HASH),
        ("did", ROOT_DID),
    ]


def refusal(source: bytes) -> tuple[Code, str]:
    with pytest.raises(MalformedError) as caught:
        parse_record(source)
    return caught.value.code, caught.value.detail


@pytest.mark.parametrize("each", [TOP, WITHDRAWAL, MARK, DESCRIBED])
def test_member_that_is_missing_or_unknown_is_refused(each: SignedRecord) -> None:
    optional = {"under", "reason", "type"}
    for member in parse_json_object(each.leaf).keys() - optional:
        code, _ = refusal(altered(each, **{member: None}))
        assert code in (Code.MEMBER_MISSING, Code.MEMBER_INVALID)
    assert refusal(altered(each, note="x")) == (Code.MEMBER_INVALID, "unknown member note")


@pytest.mark.parametrize(
    ("each", "members"),
    [
        (TOP, {"by": "did:web:root.example"}),
        (TOP, {"time": "2026-11-22T12:00:00+00:00"}),
        (TOP, {"subject": ROOT_DID}),
        (TOP, {"subject": "did:key:z6Mk"}),
        (TOP, {"actions": []}),
        (TOP, {"actions": ["issue", "accredit"]}),
        (TOP, {"actions": ["accredit", "accredit"]}),
        (TOP, {"actions": ["revoke"], "depth": None}),
        (TOP, {"types": []}),
        (TOP, {"types": ["b", "a"]}),
        (TOP, {"types": ["a", "a"]}),
        (TOP, {"types": ["a\nb"]}),
        (TOP, {"types": [f"{number:03}" for number in range(65)]}),
        (TOP, {"depth": 5}),
        (TOP, {"depth": -1}),
        (TOP, {"depth": None}),
        (TOP, {"actions": ["issue"]}),
        (TOP, {"valid_until": "2026-11-01T00:00:00Z"}),
        (TOP, {"under": HASH.upper()}),
        (TOP, {"under": HASH[1:]}),
        (WITHDRAWAL, {"reason": "x" * 201}),
        (WITHDRAWAL, {"reason": "a\nb"}),
        (WITHDRAWAL, {"accreditation": "x" * 64}),
        (MARK, {"key": f"{MIDDLE_DID}#key-1"}),
        (MARK, {"multikey": "z6Mk"}),
        (MARK, {"since": "2026-11-22T12:00:01Z"}),
        (DESCRIBED, {"vct": "a\x7fb"}),
        (DESCRIBED, {"integrity": "sha512-" + "A" * 43 + "="}),
        (DESCRIBED, {"integrity": "A" * 43 + "="}),
        (DESCRIBED, {"integrity": "sha256-AAAA"}),
        (TOP, {"proof": []}),
    ],
)
def test_member_of_another_form_is_refused(each: SignedRecord, members: JsonObject) -> None:
    code, _ = refusal(altered(each, **members))
    assert code is not Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize(
    "members",
    [
        {"expires": "2027-11-22T12:00:00Z"},
        {"cryptosuite": "ecdsa-jcs-2019"},
        {"previousProof": ["x"]},
        {"proofValue": "zzz"},
    ],
)
def test_proof_of_another_form_is_refused(members: JsonObject) -> None:
    proof = parse_json_object(TOP.leaf)["proof"]
    assert isinstance(proof, dict)
    refusal(altered(TOP, proof={**proof, **members}))


def test_timestamp_has_its_hash_and_nothing_else() -> None:
    assert STAMP.leaf == b'{"hash":"' + HASH.encode() + b'","type":"tallystick/timestamp@v1"}'
    assert refusal(STAMP.leaf.replace(b'"hash"', b'"by":"x","hash"'))[0] is Code.MEMBER_INVALID
    assert refusal(STAMP.leaf.replace(HASH.encode(), b"A" * 64)) == (Code.MEMBER_INVALID, "hash")


def test_record_is_signed_by_a_key_that_its_author_lists() -> None:
    document = ROOT.version.document()
    assert verify_authorship(TOP.authorship, document) == KEY.public_key
    forged = parse_record(altered(TOP, types=[DEGREE]))
    assert isinstance(forged, type(TOP))
    with pytest.raises(VerificationError) as caught:
        verify_authorship(forged.authorship, document)
    assert caught.value.code is Code.SIGNATURE_INVALID
    with pytest.raises(VerificationError) as caught:
        verify_authorship(MARK.authorship, document)
    assert caught.value.code is Code.ISSUER_KEY_NOT_AUTHORIZED


def test_withdrawal_without_a_reason_is_read() -> None:
    withdrawal = create_withdrawal(TOP, signer=signer(ROOT_DID), reason=None, time=NOW)
    assert withdrawal.reason is None
    assert WITHDRAWAL.reason == "Closed. Ü"


def test_history_is_taken_apart_from_the_marks_on_its_keys() -> None:
    second = record(update(ROOT.version))
    entries, marks = split_history([record(ROOT).leaf, MARK.leaf, second.leaf])
    assert entries == (record(ROOT).leaf, second.leaf)
    assert marks == (MARK,)


def test_key_marked_several_times_is_in_other_hands_since_the_earliest() -> None:
    earlier, later = (replace(MARK, since=MARK.since + timedelta(hours=hours)) for hours in (-1, 1))
    assert compromised_keys([MARK, earlier, later]) == {parse_multikey(MARK.multikey): earlier.since}
    assert compromised_keys([]) == {}


def test_entry_that_only_looks_like_another_record_stays_in_the_history() -> None:
    entry = parse_json_object(record(ROOT).leaf)
    entry["parameters"] = {"x": {"type": "tallystick/timestamp@v1"}}
    leaf = canonicalize(entry)
    assert split_history([leaf]) == ((leaf,), ())


def test_record_that_belongs_to_no_history_is_refused_in_one() -> None:
    with pytest.raises(MalformedError) as caught:
        split_history([record(ROOT).leaf, TOP.leaf])
    assert caught.value.code is Code.FORMAT_INVALID


@pytest.mark.parametrize("leaf", [b"{}", b'{"type":"tallystick/other@v1"}', b"[]", b"x"])
def test_index_knows_nothing_that_is_no_record(leaf: bytes) -> None:
    with pytest.raises(MalformedError):
        subject_of(leaf)


def test_actions_are_written_in_their_order() -> None:
    assert TOP.actions == (Action.ACCREDIT, Action.ISSUE)
    assert Signer(ROOT_DID, KEY, f"{ROOT_DID}#key-1") == signer(ROOT_DID)


def test_integrity_of_a_document_is_the_one_that_credentials_name() -> None:
    document = b"{}"
    assert metadata_integrity(document) == "sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="
    verify_integrity(document, metadata_integrity(document))
