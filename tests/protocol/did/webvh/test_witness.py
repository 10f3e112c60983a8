import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.key import encode_did_key, encode_did_key_method
from protocol.did.webvh.author import update_did
from protocol.did.webvh.entry import parse_entry
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule, governing_witnesses
from protocol.did.webvh.witness import (
    APPROVED_BY_LOG,
    MAX_WITNESS_FILE_BYTES,
    MAX_WITNESS_PROOFS,
    NO_WITNESS_PROOFS,
    WitnessProofs,
    count_approved,
    create_witness_proof,
    encode_witness_file,
    parse_witness_file,
    verify_witness_proof,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from tests.webvh_logs import HOUR, KEY, START, STRANGER, Log, first, log, multikey, verify

A, B, C = (Ed25519PrivateKey(bytes([number]) * 32) for number in (11, 12, 13))


def _rule(threshold: int, *keys: Ed25519PrivateKey) -> JsonObject:
    return encode_witness_rule(WitnessRule(threshold, tuple(f"did:key:{multikey(key)}" for key in keys)))


def _log(*rules: JsonObject | None) -> Log:
    """A history with one entry per rule; None states none."""
    entries: Log | None = None
    for rule in rules:
        parameters: JsonObject = {} if rule is None else {"witness": rule}
        if entries is None:
            entries = log(first(parameters=parameters))
        else:
            time = entries.version.time + HOUR
            entries = entries.then(update_did(entries.version, key=KEY, time=time, parameters=parameters))
    assert entries is not None
    return entries


def _approve(entries: Log, *approvals: tuple[int, Ed25519PrivateKey]) -> WitnessProofs:
    """Proofs for versions by number, read again from the file they were written to."""
    proofs: dict[str, list[JsonObject]] = {}
    for number, key in approvals:
        version_id = str(json.loads(entries.lines[number - 1])["versionId"])
        proofs.setdefault(version_id, []).append(create_witness_proof(version_id, key=key, created=START))
    return parse_witness_file(encode_witness_file(proofs))


def _is_approved(entries: Log, *approvals: tuple[int, Ed25519PrivateKey]) -> bool:
    try:
        verify(*entries.lines, witness_proofs=_approve(entries, *approvals))
    except VerificationError as error:
        if error.code is Code.DID_WITNESS_MISSING:
            return False
        raise
    return True


WITNESSED = _log(_rule(1, A))


def test_threshold_counts_distinct_witnesses() -> None:
    entries = _log(_rule(2, A, B, C))
    assert _is_approved(entries, (1, A), (1, C))
    assert _is_approved(entries, (1, A), (1, B), (1, C))
    assert not _is_approved(entries, (1, A))
    assert not _is_approved(entries, (1, A), (1, A))
    assert not _is_approved(entries, (1, A), (1, STRANGER))
    assert not _is_approved(entries)


def test_approval_covers_all_entries_before_and_none_after() -> None:
    entries = _log(_rule(1, A), None, None)
    assert _is_approved(entries, (3, A))
    assert not _is_approved(entries, (2, A))
    assert not _is_approved(entries, (1, A), (2, A))


def test_approvals_of_different_versions_add_up() -> None:
    entries = _log(_rule(2, A, B, C), None)
    assert _is_approved(entries, (2, A), (2, B))
    assert _is_approved(entries, (1, C), (2, A), (2, B))
    assert not _is_approved(entries, (1, C), (1, B), (2, A))


def test_first_witnesses_approve_the_entry_that_names_them() -> None:
    entries = _log(None, _rule(1, A))
    assert _is_approved(entries, (2, A))
    assert not _is_approved(entries)


def test_replaced_witnesses_approve_their_replacement() -> None:
    entries = _log(_rule(1, A), _rule(1, B))
    assert _is_approved(entries, (2, A))
    assert not _is_approved(entries, (1, A), (2, B))
    entries = _log(_rule(1, A), _rule(1, B), None)
    assert _is_approved(entries, (2, A), (3, B))
    assert _is_approved(entries, (3, A), (3, B))
    assert not _is_approved(entries, (3, A))


def test_witnesses_approve_that_there_are_none_from_then_on() -> None:
    entries = _log(_rule(1, A), {}, None)
    assert _is_approved(entries, (2, A))
    assert not _is_approved(entries, (1, A))


def test_history_without_witnesses_needs_no_proofs() -> None:
    entries = _log(None, None)
    verify(*entries.lines, witness_proofs=NO_WITNESS_PROOFS)
    assert _is_approved(entries, (2, STRANGER))


def test_entries_of_a_log_need_no_proofs() -> None:
    verify(*_log(_rule(1, A), None).lines, witness_proofs=APPROVED_BY_LOG)


def _rules(entries: Log) -> list[WitnessRule | None]:
    return governing_witnesses(parse_entry(line).parameters for line in entries.lines)


def test_rules_are_read_as_they_govern_each_version() -> None:
    a, b = (WitnessRule(1, (encode_did_key(key.public_key),)) for key in (A, B))
    assert _rules(_log(None, _rule(1, A), None, _rule(1, B), None, {}, None)) == [None, a, a, a, b, b, None]


def _count(entries: Log, *approvals: tuple[int, Ed25519PrivateKey]) -> int:
    numbers: dict[str, list[int]] = {}
    for number, key in approvals:
        numbers.setdefault(encode_did_key(key.public_key), []).append(number)
    return count_approved(_rules(entries), numbers)


def test_history_is_shown_as_far_as_its_witnesses_approve_it() -> None:
    entries = _log(_rule(2, A, B), None, None)
    assert _count(entries) == 0
    assert _count(entries, (1, A)) == 0
    assert _count(entries, (1, A), (1, B)) == 1
    assert _count(entries, (2, A), (3, B)) == 0
    assert _count(entries, (2, A), (1, B), (3, B)) == 0
    assert _count(entries, (1, A), (2, A), (1, B), (3, B)) == 1
    assert _count(entries, (3, A), (3, B)) == 3
    assert _count(_log(None, None)) == 2
    assert _count(_log(None, _rule(1, A), None)) == 1
    assert _count(_log(_rule(1, A), _rule(1, B), None), (2, A), (3, B)) == 3


@given(
    st.lists(
        st.sampled_from([None, _rule(1, A), _rule(2, A, B), _rule(2, A, B, C), {}]), min_size=1, max_size=6
    ),
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from([A, B, C])), max_size=8),
)
def test_what_is_shown_is_what_readers_accept_and_never_less(
    rules: list[JsonObject | None], approvals: list[tuple[int, Ed25519PrivateKey]]
) -> None:
    entries = _log(*rules)
    approvals = [each for each in approvals if each[0] <= len(rules)]

    def is_accepted(shown: int) -> bool:
        try:
            verify(*entries.lines[:shown], witness_proofs=_approve(entries, *approvals))
        except VerificationError:
            return False
        return True

    assert _count(entries, *approvals) == max(
        (shown for shown in range(1, len(rules) + 1) if is_accepted(shown)), default=0
    )


def test_proof_that_is_handed_on_is_that_of_the_witness_for_the_entry() -> None:
    witness, name = encode_did_key(A.public_key), WITNESSED.version.version_id
    proof = create_witness_proof(name, key=A, created=START)
    verify_witness_proof(proof, version_id=name, witness=witness, now=START)
    verify_witness_proof(proof, version_id=name, witness=witness, now=START - timedelta(minutes=5))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires": "2100-01-01T00:00:00Z"}, Code.MEMBER_INVALID),
        ({"previousProof": "urn:uuid:1"}, Code.MEMBER_INVALID),
        ({"created": "2026-01-01T00:00:01Z"}, Code.SIGNATURE_INVALID),
        ({"created": "2026-01-01T00:05:01Z"}, Code.DID_TIME_INVALID),
        ({"created": "2026-01-01T01:00:00+01:00"}, Code.FORMAT_INVALID),
        ({"proofPurpose": "authentication"}, Code.TYPE_MISMATCH),
        ({"cryptosuite": "eddsa-rdfc-2022"}, Code.ALGORITHM_NOT_ALLOWED),
        ({"verificationMethod": "did:key:z6Mk"}, Code.DID_INVALID),
        ({"verificationMethod": encode_did_key_method(B.public_key)}, Code.DID_KEY_NOT_AUTHORIZED),
    ],
)
def test_proof_that_would_not_count_for_every_reader_for_good_is_not_handed_on(
    change: JsonObject, code: Code
) -> None:
    name = WITNESSED.version.version_id
    proof = create_witness_proof(name, key=A, created=START) | change
    with pytest.raises(TallyError) as refusal:
        verify_witness_proof(proof, version_id=name, witness=encode_did_key(A.public_key), now=START)
    assert refusal.value.code is code


def test_proof_for_another_entry_is_not_handed_on() -> None:
    proof = create_witness_proof("1-a", key=A, created=START)
    with pytest.raises(VerificationError) as refusal:
        verify_witness_proof(proof, version_id="1-b", witness=encode_did_key(A.public_key), now=START)
    assert refusal.value.code is Code.SIGNATURE_INVALID


def test_false_proof_beside_a_good_one_counts_for_nobody_and_harms_nobody() -> None:
    entries = _log(_rule(1, A), None)
    good = _approve(entries, (2, A))
    name = entries.version.version_id
    false_proofs: list[JsonObject] = [
        {**good[name][0], "created": "2000-01-01T00:00:00Z"},
        {**good[name][0], "previousProof": "urn:uuid:1"},
        {**good[name][0], "proofPurpose": "authentication"},
        {**good[name][0], "cryptosuite": "eddsa-rdfc-2022"},
        {"verificationMethod": 1},
        {},
    ]
    for false in false_proofs:
        verify(*entries.lines, witness_proofs={name: [false, *good[name]]})
        with pytest.raises(VerificationError):
            verify(*entries.lines, witness_proofs={name: [false]})


def test_item_without_proofs_and_repeated_items_are_read() -> None:
    proofs = parse_witness_file(
        b'[{"versionId":"1-a"},{"versionId":"2-b","proof":[{}]},{"versionId":"2-b","proof":[{"id":"x"}]}]'
    )
    assert proofs == {"1-a": [], "2-b": [{}, {"id": "x"}]}
    assert parse_witness_file("[]") == NO_WITNESS_PROOFS == {}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Code.JSON_INVALID),
        (b"{}", Code.FORMAT_INVALID),
        (b"[1]", Code.FORMAT_INVALID),
        (b"[{}]", Code.MEMBER_MISSING),
        (b'[{"versionId":1}]', Code.MEMBER_INVALID),
        (b'[{"versionId":"1-a","proof":{}}]', Code.MEMBER_INVALID),
        (b'[{"versionId":"1-a","proof":[1]}]', Code.MEMBER_INVALID),
        (b" " * (MAX_WITNESS_FILE_BYTES + 1), Code.SIZE_EXCEEDED),
        (
            json.dumps([{"versionId": "1-a", "proof": [{}] * (MAX_WITNESS_PROOFS + 1)}]).encode(),
            Code.SIZE_EXCEEDED,
        ),
    ],
)
def test_witness_file_of_another_form_is_refused(data: bytes, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_witness_file(data)
    assert refusal.value.code is code


def test_witness_with_another_kind_of_key_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        create_witness_proof("1-a", key=P256PrivateKey(bytes(31) + b"\x07"), created=START)


JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["versionId", "proof", "verificationMethod"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(["versionId", "proof"]), JSON)) | JSON)
def test_garbage_is_refused_with_our_own_errors(value: JsonValue) -> None:
    try:
        proofs = parse_witness_file(json.dumps(value))
    except MalformedError:
        return
    garbage = {WITNESSED.version.version_id: [proof for found in proofs.values() for proof in found]}
    with pytest.raises(VerificationError):
        verify(*WITNESSED.lines, witness_proofs=garbage)
