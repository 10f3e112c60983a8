from collections.abc import Callable
from datetime import timedelta

import pytest

from ledger.admission import Admission
from ledger.node.chunk import ChunkAdmission
from ledger.record_rules import MAX_ABOUT_A_TYPE, MAX_ACCREDITATIONS
from protocol.codes import Code
from protocol.did.document import create_did_document
from protocol.did.webvh.author import deactivate_did, update_did
from protocol.errors import TallyError
from protocol.index.leaf import IndexEntry
from protocol.index.map_proof import MapProof, PathStep
from protocol.index.proof import MAX_PROOF_BYTES, SubjectEntry, TallyProof, encode_tally_proof
from protocol.index.subject import KEY_BITS, MAX_NAME_BYTES, Subject
from protocol.keys import Ed25519PrivateKey
from protocol.records import MAX_RECORD_BYTES, Record, SignedRecord
from protocol.records.accreditation import Action, create_withdrawal
from protocol.records.key_compromise import create_key_compromised
from protocol.records.timestamp import create_timestamp
from protocol.records.type_metadata import create_type_metadata_record
from tests.ledger.world import AUTHORITY, KEY, NOW, OTHER_KEY, World, append, create, record
from tests.signed_records import (
    BELOW,
    BOTH,
    DEGREE,
    DIPLOMA,
    END,
    MIDDLE_DID,
    NAMES,
    ROOT,
    ROOT_DID,
    SCHOOL_DID,
    STRANGER_DID,
    TOP,
    accreditation,
    altered,
    reread,
    resigned,
    signer,
)

THIRD_KEY = Ed25519PrivateKey(bytes([3]) * 32)
SECOND = timedelta(seconds=1)
INTEGRITY = "sha256-" + "A" * 43 + "="

CodeOf = Callable[..., Code | None]


def judged(world: World, candidate: Record) -> Code | None:
    """What the operator says, and a node: never two things."""
    said = None
    try:
        Admission(world.store(), authority=AUTHORITY).admit(candidate, now=NOW)
    except TallyError as error:
        said = error.code
    chunk = ChunkAdmission(world.store(), authority=AUTHORITY).admit([candidate.leaf], first_index=0, now=NOW)
    if said is None:
        assert chunk.refusal is None
        assert chunk.records == (candidate,)
    else:
        assert chunk.refusal is not None
        assert chunk.refusal.detail.startswith(f"entry 0: {said.value}")
    return said


@pytest.fixture
def code_of(world: World) -> CodeOf:
    """What is said to a record where the others are logged."""
    append(world.store(), [record(entry) for entry in NAMES])

    def code_of(candidate: Record | bytes, *logged: Record) -> Code | None:
        for each in logged:
            append(world.store(), [each])
        return judged(world, reread(candidate) if isinstance(candidate, bytes) else candidate)

    return code_of


def rotated(*keys: tuple[str, Ed25519PrivateKey], version: int = 2) -> Record:
    """The version of the root's DID that lists these keys and no others."""
    before = ROOT.version
    for _ in range(version - 2):
        before = update_did(before, key=KEY, time=before.time + timedelta(hours=1)).version
    document = create_did_document(
        ROOT_DID,
        {name: key.public_key for name, key in keys},
        assertion=[name for name, _ in keys],
        authentication=[],
    )
    return record(update_did(before, key=KEY, time=before.time + timedelta(hours=1), document=document))


TO_OTHER = rotated(("key-2", OTHER_KEY))
BY_OTHER = signer(ROOT_DID, OTHER_KEY, "key-2")
MARK = create_key_compromised(
    f"{ROOT_DID}#key-1", KEY.public_key, signer=BY_OTHER, since=NOW - timedelta(days=1), time=NOW
)


def test_chain_of_accreditations_is_admitted(code_of: CodeOf) -> None:
    assert code_of(TOP) is None
    assert code_of(BELOW, TOP) is None


def test_author_who_does_not_live_on_the_ledger_is_refused(code_of: CodeOf) -> None:
    elsewhere = create("root", host="other.localhost").version.did
    assert code_of(accreditation(elsewhere, SCHOOL_DID)) is Code.ENTRY_NOT_ADMITTED


def test_author_who_was_deactivated_is_refused(code_of: CodeOf) -> None:
    [last] = deactivate_did(ROOT.version, key=KEY, time=ROOT.version.time + timedelta(hours=1))
    assert code_of(TOP, record(last)) is Code.DID_DEACTIVATED


@pytest.mark.parametrize(
    ("ahead", "code"),
    [(timedelta(minutes=5), None), (timedelta(minutes=5, seconds=1), Code.ENTRY_NOT_ADMITTED)],
)
def test_record_from_the_future_is_refused(code_of: CodeOf, ahead: timedelta, code: Code | None) -> None:
    assert code_of(accreditation(ROOT_DID, SCHOOL_DID, time=NOW + ahead)) is code


def test_record_that_was_altered_is_refused(code_of: CodeOf) -> None:
    assert code_of(altered(TOP, types=[DEGREE])) is Code.SIGNATURE_INVALID


def test_record_by_the_key_of_another_did_is_refused(code_of: CodeOf) -> None:
    foreign = signer(ROOT_DID, KEY, "key-1")
    assert code_of(resigned(TOP, foreign)) is None
    other = type(foreign)(ROOT_DID, KEY, f"{STRANGER_DID}#key-1")
    assert code_of(resigned(TOP, other)) is Code.ISSUER_KEY_NOT_AUTHORIZED


def test_record_by_a_key_that_was_rotated_out_is_refused(code_of: CodeOf) -> None:
    assert code_of(TOP, TO_OTHER) is Code.ISSUER_KEY_NOT_AUTHORIZED
    assert code_of(resigned(TOP, BY_OTHER)) is None


def test_record_by_a_key_marked_as_compromised_and_listed_again_is_refused(code_of: CodeOf) -> None:
    again = rotated(("key-2", OTHER_KEY), ("key-3", KEY), version=2)
    assert code_of(resigned(TOP, signer(ROOT_DID, KEY, "key-3")), again) is None
    third = update_did(
        update_did(
            ROOT.version,
            key=KEY,
            time=ROOT.version.time + timedelta(hours=1),
            document=create_did_document(
                ROOT_DID,
                {"key-2": OTHER_KEY.public_key, "key-3": KEY.public_key},
                assertion=["key-2", "key-3"],
                authentication=[],
            ),
        ).version,
        key=KEY,
        time=ROOT.version.time + timedelta(hours=2),
        document=create_did_document(
            ROOT_DID, {"key-2": OTHER_KEY.public_key}, assertion=["key-2"], authentication=[]
        ),
    )
    fourth = update_did(
        third.version,
        key=KEY,
        time=ROOT.version.time + timedelta(hours=3),
        document=create_did_document(
            ROOT_DID,
            {"key-2": OTHER_KEY.public_key, "key-4": KEY.public_key},
            assertion=["key-2", "key-4"],
            authentication=[],
        ),
    )
    by_fourth = resigned(TOP, signer(ROOT_DID, KEY, "key-4"))
    assert code_of(by_fourth, record(third), MARK, record(fourth)) is Code.ENTRY_NOT_ADMITTED
    assert code_of(resigned(TOP, BY_OTHER)) is None


def test_accreditation_under_one_that_is_not_logged_is_refused(code_of: CodeOf) -> None:
    assert code_of(BELOW) is Code.ENTRY_NOT_ADMITTED
    did_entry = record(ROOT)
    under_an_entry = accreditation(MIDDLE_DID, SCHOOL_DID, under=bytes(32))
    assert code_of(under_an_entry, record(create("more"))) is Code.ENTRY_NOT_ADMITTED
    assert did_entry.did.did == ROOT_DID


WIDENED: list[SignedRecord] = [
    accreditation(STRANGER_DID, SCHOOL_DID, under=TOP),
    accreditation(MIDDLE_DID, SCHOOL_DID, types=(DEGREE, "https://types.example/other"), under=TOP),
    accreditation(MIDDLE_DID, SCHOOL_DID, valid_from=TOP.valid_from - SECOND, under=TOP),
    accreditation(MIDDLE_DID, SCHOOL_DID, valid_until=TOP.valid_until + SECOND, under=TOP),
    accreditation(MIDDLE_DID, SCHOOL_DID, actions=BOTH, depth=1, under=TOP),
    accreditation(MIDDLE_DID, ROOT_DID, under=TOP),
]


@pytest.mark.parametrize("record", WIDENED)
def test_accreditation_that_gives_more_than_the_one_above_is_refused(
    code_of: CodeOf, record: SignedRecord
) -> None:
    assert code_of(record, TOP) is Code.ACCREDITATION_INVALID


def test_accreditation_as_wide_as_the_one_above_is_admitted(code_of: CodeOf) -> None:
    widest = accreditation(MIDDLE_DID, SCHOOL_DID, actions=BOTH, types=(DEGREE, DIPLOMA), depth=0, under=TOP)
    assert code_of(widest, TOP) is None


def test_issuer_cannot_accredit(code_of: CodeOf) -> None:
    assert code_of(accreditation(SCHOOL_DID, STRANGER_DID, under=BELOW), TOP, BELOW) is (
        Code.ACCREDITATION_INVALID
    )


def test_did_that_stands_above_is_refused_further_down(code_of: CodeOf) -> None:
    top = accreditation(ROOT_DID, MIDDLE_DID, actions=BOTH, depth=4)
    below = accreditation(MIDDLE_DID, SCHOOL_DID, actions=BOTH, depth=3, under=top)
    for above in (ROOT_DID, MIDDLE_DID):
        circle = accreditation(SCHOOL_DID, above, under=below)
        logged = (top, below) if above == ROOT_DID else ()
        assert code_of(circle, *logged) is Code.ACCREDITATION_INVALID


def test_nothing_rests_on_what_was_withdrawn_or_on_what_rests_on_it(code_of: CodeOf) -> None:
    top = accreditation(ROOT_DID, MIDDLE_DID, actions=BOTH, depth=2)
    below = accreditation(MIDDLE_DID, SCHOOL_DID, actions=BOTH, depth=1, under=top)
    candidate = accreditation(SCHOOL_DID, STRANGER_DID, under=below)
    assert code_of(candidate, top, below) is None
    gone = create_withdrawal(top, signer=signer(ROOT_DID), reason=None, time=NOW)
    assert code_of(candidate, gone) is Code.ACCREDITATION_WITHDRAWN
    assert code_of(accreditation(MIDDLE_DID, STRANGER_DID, under=top)) is Code.ACCREDITATION_WITHDRAWN


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (MIDDLE_DID, None),
        (ROOT_DID, None),
        (SCHOOL_DID, Code.ENTRY_NOT_ADMITTED),
        (STRANGER_DID, Code.ENTRY_NOT_ADMITTED),
    ],
)
def test_only_its_author_and_those_above_withdraw_an_accreditation(
    code_of: CodeOf, by: str, code: Code | None
) -> None:
    assert code_of(create_withdrawal(BELOW, signer=signer(by), reason="over", time=NOW), TOP, BELOW) is code


def test_accreditation_is_withdrawn_once(code_of: CodeOf) -> None:
    first, second = (
        create_withdrawal(BELOW, signer=signer(by), reason=None, time=NOW) for by in (MIDDLE_DID, ROOT_DID)
    )
    assert code_of(second, TOP, BELOW, first) is Code.ENTRY_NOT_ADMITTED


def test_withdrawal_of_nothing_or_under_another_name_is_refused(code_of: CodeOf) -> None:
    withdrawal = create_withdrawal(BELOW, signer=signer(MIDDLE_DID), reason=None, time=NOW)
    assert code_of(withdrawal) is Code.ENTRY_NOT_ADMITTED
    misfiled = resigned(withdrawal, signer(MIDDLE_DID), subject=STRANGER_DID)
    assert code_of(misfiled, TOP, BELOW) is Code.ENTRY_NOT_ADMITTED
    assert code_of(withdrawal) is None


def test_key_that_was_rotated_out_is_marked(code_of: CodeOf) -> None:
    assert code_of(MARK, TO_OTHER) is None


def test_key_that_is_still_listed_is_not_marked(code_of: CodeOf) -> None:
    both = rotated(("key-2", OTHER_KEY), ("key-9", KEY))
    assert code_of(MARK, both) is Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize(("key_id", "key"), [(f"{ROOT_DID}#key-1", THIRD_KEY), (f"{ROOT_DID}#key-7", KEY)])
def test_key_that_was_never_listed_is_not_marked(
    code_of: CodeOf, key_id: str, key: Ed25519PrivateKey
) -> None:
    mark = create_key_compromised(key_id, key.public_key, signer=BY_OTHER, since=NOW, time=NOW)
    assert code_of(mark, TO_OTHER) is Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize(
    ("later", "code"),
    [(-SECOND, None), (timedelta(0), Code.ENTRY_NOT_ADMITTED), (SECOND, Code.ENTRY_NOT_ADMITTED)],
)
def test_second_mark_of_a_key_only_moves_it_to_an_earlier_time(
    code_of: CodeOf, later: timedelta, code: Code | None
) -> None:
    again = create_key_compromised(
        MARK.key_id, KEY.public_key, signer=BY_OTHER, since=MARK.since + later, time=NOW - SECOND
    )
    assert code_of(again, TO_OTHER, MARK) is code


def test_type_is_described_by_any_did_of_the_ledger(code_of: CodeOf) -> None:
    described = create_type_metadata_record(DEGREE, integrity=INTEGRITY, signer=signer(SCHOOL_DID), time=NOW)
    assert code_of(described) is None


@pytest.mark.parametrize(
    ("limit", "candidate", "logged"),
    [
        ("MAX_ACCREDITATIONS", accreditation(STRANGER_DID, MIDDLE_DID), (TOP,)),
        (
            "MAX_MARKS",
            create_key_compromised(
                MARK.key_id, KEY.public_key, signer=BY_OTHER, since=MARK.since - SECOND, time=NOW
            ),
            (TO_OTHER, MARK),
        ),
        (
            "MAX_ABOUT_A_TYPE",
            create_type_metadata_record(DEGREE, integrity=INTEGRITY, signer=signer(SCHOOL_DID), time=NOW),
            (create_type_metadata_record(DEGREE, integrity=INTEGRITY, signer=signer(ROOT_DID), time=NOW),),
        ),
    ],
)
def test_list_that_could_not_be_proven_any_more_gets_no_further_record(
    code_of: CodeOf,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    candidate: Record,
    logged: tuple[Record, ...],
) -> None:
    assert code_of(candidate, *logged) is None
    monkeypatch.setattr(f"ledger.record_rules.{limit}", 1)
    assert code_of(candidate) is Code.ENTRY_NOT_ADMITTED


@pytest.mark.parametrize("longest", [2 * MAX_ACCREDITATIONS, MAX_ABOUT_A_TYPE])
def test_longest_list_of_the_longest_records_can_be_proven(longest: int) -> None:
    entry = SubjectEntry(2**40, NOW, bytes(MAX_RECORD_BYTES))
    path = tuple(PathStep(position, bytes(32)) for position in range(KEY_BITS))
    proof = TallyProof(
        Subject("type", "a" * MAX_NAME_BYTES),
        (entry,) * longest,
        MapProof(path),
        IndexEntry("log", 2**41, NOW, bytes(32), bytes(32)),
        (bytes(32),) * 63,
        "x" * 64 * 1024,
    )
    assert len(encode_tally_proof(proof)) <= MAX_PROOF_BYTES


def test_thief_cannot_use_up_the_marks_that_the_owner_needs_for_the_stolen_key(
    code_of: CodeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.record_rules.MAX_MARKS", 1)
    stolen = create_key_compromised(
        BY_OTHER.key_id,
        OTHER_KEY.public_key,
        signer=signer(ROOT_DID, THIRD_KEY, "key-3"),
        since=NOW,
        time=NOW,
    )
    third = update_did(
        update_did(
            ROOT.version,
            key=KEY,
            time=ROOT.version.time + timedelta(hours=1),
            document=create_did_document(
                ROOT_DID, {"key-2": OTHER_KEY.public_key}, assertion=["key-2"], authentication=[]
            ),
        ).version,
        key=KEY,
        time=ROOT.version.time + timedelta(hours=2),
        document=create_did_document(
            ROOT_DID, {"key-3": THIRD_KEY.public_key}, assertion=["key-3"], authentication=[]
        ),
    )
    assert code_of(stolen, TO_OTHER, MARK, record(third)) is None


def test_withdrawal_is_admitted_where_no_further_accreditation_is(
    code_of: CodeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.record_rules.MAX_ACCREDITATIONS", 1)
    gone = create_withdrawal(TOP, signer=signer(ROOT_DID), reason=None, time=NOW)
    assert code_of(gone, TOP) is None


def test_record_that_is_logged_is_admitted_again_by_the_operator_and_not_copied_twice(world: World) -> None:
    stamp = create_timestamp(bytes(32))
    append(world.store(), [*(record(entry) for entry in NAMES), TOP, stamp])
    for each in (TOP, stamp):
        Admission(world.store(), authority=AUTHORITY).admit(each, now=NOW)
        chunk = ChunkAdmission(world.store(), authority=AUTHORITY).admit([each.leaf], first_index=6, now=NOW)
        assert chunk.refusal is not None
        assert chunk.refusal.detail.startswith("entry 6: entry_not_admitted")


def test_node_takes_signed_records_one_by_one_and_the_others_together(world: World) -> None:
    stamps = [create_timestamp(bytes([number]) * 32) for number in range(3)]
    records: list[Record] = [*(record(entry) for entry in NAMES), stamps[0], TOP, BELOW, *stamps[1:]]
    admission = ChunkAdmission(world.store(), authority=AUTHORITY)
    sizes, rest = [], records
    while rest:
        leaves = [each.leaf for each in rest]
        chunk = admission.admit(leaves, first_index=len(records) - len(rest), now=NOW)
        assert chunk.refusal is None
        assert list(chunk.records) == rest[: len(chunk.records)]
        append(world.store(), chunk.records)
        sizes.append(len(chunk.records))
        rest = rest[len(chunk.records) :]
    assert sizes == [5, 1, 1, 2]


def test_action_that_is_not_given_on_is_not_needed_above(code_of: CodeOf) -> None:
    top = accreditation(ROOT_DID, MIDDLE_DID, actions=(Action.ACCREDIT,), depth=0, valid_until=END)
    assert code_of(accreditation(MIDDLE_DID, SCHOOL_DID, under=top), top) is None
