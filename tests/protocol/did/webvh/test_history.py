from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document
from protocol.did.verified import DatedKey, LogEvidence
from protocol.did.webvh.author import deactivate_did, update_did
from protocol.did.webvh.entry import parse_entry
from protocol.did.webvh.history import (
    MAX_ENTRIES,
    MAX_LOG_BYTES,
    VerifiedHistory,
    extend_history,
    split_log,
    verify_history,
)
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.version import verify_first_entry, verify_next_entry
from protocol.did.webvh.witness import NO_WITNESS_PROOFS, create_witness_proof
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, TallyError, UnavailableError, VerificationError
from protocol.keys import Ed25519PrivateKey
from tests.webvh_logs import (
    HOUR,
    KEY,
    NEXT_KEY,
    NOW,
    START,
    STRANGER,
    THIRD_KEY,
    WITNESS,
    document,
    first,
    forge_first,
    forge_next,
    log,
    multikey,
    sign,
    verify,
)

HONEST = first()
DID = HONEST.version.did
ISSUING, ACTING = Relationship.ASSERTION, Relationship.AUTHENTICATION
EVIDENCE = LogEvidence("ledger.example/log", 7, NOW)
SECOND = timedelta(seconds=1)


def _documents(*keys: dict[str, Ed25519PrivateKey]) -> VerifiedHistory:
    """A history whose versions list these keys for issuing."""
    entries = log(first())
    for listed in keys:
        changed = create_did_document(
            DID,
            {name: key.public_key for name, key in listed.items()},
            assertion=list(listed),
            authentication=[],
        )
        entries = entries.then(
            update_did(entries.version, key=KEY, time=entries.version.time + HOUR, document=changed)
        )
    return verify(*entries.lines)


def test_history_holds_every_version_with_its_id_time_state_and_parameters() -> None:
    history = _documents({"a": KEY}, {"b": NEXT_KEY})

    assert [version.number for version in history.versions] == [1, 2, 3]
    assert [version.time for version in history.versions] == [START, START + HOUR, START + 2 * HOUR]
    assert [version.version_id.partition("-")[0] for version in history.versions] == ["1", "2", "3"]
    assert history.versions[0].state == document(DID)
    assert history.versions[1].parameters.update_keys == (multikey(KEY),)
    assert history.latest is history.versions[-1]
    assert (history.did, history.scid) == (DID, DID.split(":")[2])
    assert (history.created, history.updated) == (START, START + 2 * HOUR)
    assert (history.portable, history.deactivated, history.ttl) == (False, False, HOUR)


def test_versions_are_found_by_number_id_and_time() -> None:
    history = _documents({"a": KEY}, {"b": NEXT_KEY})
    second = history.versions[1]

    assert history.version_numbered(2) is second
    assert history.version_with_id(second.version_id) is second
    assert history.version_at(second.time) is second
    assert history.version_at(second.time + HOUR - SECOND) is second
    assert history.version_at(NOW + 10 * HOUR) is history.latest


def test_version_that_is_not_there_is_not_found() -> None:
    history = _documents({"a": KEY})
    for number in (-1, 0, 3):
        with pytest.raises(UnavailableError):
            history.version_numbered(number)
    with pytest.raises(UnavailableError):
        history.version_with_id(history.latest.version_id[:-1])
    with pytest.raises(UnavailableError) as refusal:
        history.version_at(START - SECOND)
    assert refusal.value.code is Code.DID_NOT_FOUND


def test_metadata_say_what_did_resolution_asks_for() -> None:
    history = _documents({"a": KEY})
    assert history.metadata(history.versions[0]) == {
        "versionId": history.versions[0].version_id,
        "versionTime": "2026-01-01T00:00:00Z",
        "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T01:00:00Z",
        "scid": history.scid,
        "portable": False,
        "deactivated": False,
        "ttl": "3600",
    }


def test_metadata_name_witnesses_and_watchers() -> None:
    rule = WitnessRule(1, (f"did:key:{multikey(WITNESS)}",))
    start = first(parameters={"witness": encode_witness_rule(rule), "watchers": ["https://watcher.example"]})
    metadata = VerifiedHistory(start.version.did, (start.version,)).metadata(start.version)
    assert metadata["witness"] == encode_witness_rule(rule) | {"threshold": "1"}
    assert metadata["watchers"] == ["https://watcher.example"]


def test_metadata_keep_the_fraction_of_a_second() -> None:
    entry = replace(parse_entry(forge_next(HONEST.version)), time_text="2026-01-01T01:00:00.25+00:00")
    entry = replace(entry, version_id=f"2-{entry.hash_after(HONEST.version.version_id)}")
    history = verify(HONEST.line, sign(entry, KEY))
    assert history.metadata(history.latest)["versionTime"] == "2026-01-01T01:00:00.250000Z"
    assert history.version_at(START + HOUR) is history.versions[0]


def test_keys_have_the_interval_in_which_the_history_lists_them() -> None:
    history = _documents({"a": KEY, "b": NEXT_KEY}, {"b": NEXT_KEY}, {"a": KEY, "b": THIRD_KEY})
    verified = history.verified_did(evidence=EVIDENCE)
    times = [START + number * HOUR for number in range(4)]

    assert (verified.did, verified.evidence) == (DID, EVIDENCE)
    assert verified.document.source == history.latest.state
    assert list(verified.keys) == [
        DatedKey(f"{DID}#key-1", KEY.public_key, ISSUING, times[0], times[1]),
        DatedKey(f"{DID}#key-1", KEY.public_key, ACTING, times[0], times[1]),
        DatedKey(f"{DID}#a", KEY.public_key, ISSUING, times[1], times[2]),
        DatedKey(f"{DID}#b", NEXT_KEY.public_key, ISSUING, times[1], times[3]),
        DatedKey(f"{DID}#a", KEY.public_key, ISSUING, times[3], None),
        DatedKey(f"{DID}#b", THIRD_KEY.public_key, ISSUING, times[3], None),
    ]
    assert verified.key_used_at(f"{DID}#b", ISSUING, times[1]) == NEXT_KEY.public_key
    assert verified.current_key(f"{DID}#b", ISSUING) == THIRD_KEY.public_key


def test_deactivated_did_is_verified_and_has_no_keys_to_trust() -> None:
    (end,) = deactivate_did(HONEST.version, key=KEY, time=START + HOUR)
    history = verify(HONEST.line, end.line)
    assert history.deactivated
    with pytest.raises(VerificationError) as refusal:
        history.verified_did(evidence=EVIDENCE)
    assert refusal.value.code is Code.DID_DEACTIVATED


def test_document_that_breaks_its_rules_is_refused_by_who_reads_its_keys() -> None:
    bad: JsonObject = {"assertionMethod": ["did:web:other.example#key-1"]}
    history = verify(HONEST.line, forge_next(HONEST.version, state=bad))
    with pytest.raises(MalformedError):
        history.verified_did(evidence=EVIDENCE)
    with pytest.raises(MalformedError) as refusal:
        history.latest.document()
    assert refusal.value.code is Code.DID_DOCUMENT_INVALID


PORTABLE = first(parameters={"portable": True})
OLD = PORTABLE.version.did
MOVED = OLD.replace("issuer.example", "elsewhere.example")


def _move(**changes: JsonValue) -> JsonObject:
    return document(MOVED) | {"alsoKnownAs": ["did:web:x.example", OLD]} | changes


def test_portable_did_moves_and_is_found_under_both_names() -> None:
    moved = update_did(PORTABLE.version, key=KEY, time=START + HOUR, document=_move())
    for did in (OLD, MOVED):
        history = verify(PORTABLE.line, moved.line, did=did)
        assert (history.did, history.latest.did, history.portable) == (did, MOVED, True)
        assert history.verified_did(evidence=None).did == did


@pytest.mark.parametrize(
    ("state", "parameters", "code"),
    [
        (_move(alsoKnownAs=[]), {}, Code.DID_DOCUMENT_INVALID),
        (_move(alsoKnownAs=OLD), {}, Code.DID_DOCUMENT_INVALID),
        (_move(alsoKnownAs=None), {}, Code.DID_DOCUMENT_INVALID),
        (_move(), {"portable": False}, Code.DID_PARAMETERS_INVALID),
        (_move(id=f"{MOVED}#me"), {}, Code.DID_INVALID),
        (_move(id=MOVED.replace("elsewhere.example", "127.0.0.1")), {}, Code.NETWORK_HOST_FORBIDDEN),
        (_move(id="did:web:elsewhere.example"), {}, Code.DID_SCID_MISMATCH),
        (_move(id=None), {}, Code.MEMBER_MISSING),
        (_move(id=[OLD]), {}, Code.MEMBER_INVALID),
    ],
)
def test_move_that_breaks_the_rules_is_refused(state: JsonObject, parameters: JsonObject, code: Code) -> None:
    with pytest.raises(TallyError) as refusal:
        verify(PORTABLE.line, forge_next(PORTABLE.version, parameters, state))
    assert refusal.value.code is code


def test_did_that_gave_up_moving_stays_where_it_is() -> None:
    settled = update_did(PORTABLE.version, key=KEY, time=START + HOUR, parameters={"portable": False})
    assert not verify(PORTABLE.line, settled.line).portable
    with pytest.raises(TallyError) as refusal:
        update_did(settled.version, key=KEY, time=START + 2 * HOUR, document=_move())
    assert refusal.value.code is Code.DID_PARAMETERS_INVALID


@pytest.mark.parametrize(
    ("did", "code"),
    [
        (OLD, Code.DID_SCID_MISMATCH),
        (DID.replace("issuer", "other"), Code.DID_SCID_MISMATCH),
        (f"{DID}#key-1", Code.DID_INVALID),
        ("did:web:issuer.example", Code.DID_METHOD_UNSUPPORTED),
    ],
)
def test_history_of_another_did_is_refused(did: str, code: Code) -> None:
    with pytest.raises(TallyError) as refusal:
        verify(HONEST.line, did=did)
    assert refusal.value.code is code


def test_next_entry_is_verified_on_top_of_one_version_alone() -> None:
    entry = parse_entry(forge_next(HONEST.version))
    version = verify_next_entry(HONEST.version, entry, now=NOW)
    assert version == verify(HONEST.line, forge_next(HONEST.version)).latest
    assert verify_first_entry(parse_entry(HONEST.line), now=NOW) == HONEST.version
    with pytest.raises(VerificationError) as refusal:
        verify_next_entry(version, entry, now=NOW)
    assert refusal.value.code is Code.DID_CHAIN_BROKEN
    with pytest.raises(VerificationError):
        verify_first_entry(entry, now=NOW)


def test_extended_history_equals_one_verified_as_a_whole() -> None:
    lines = [HONEST.line, forge_next(HONEST.version)]
    known = verify(*lines)
    lines.append(forge_next(known.latest))
    extended = extend_history(known, lines[2:], now=NOW, witness_proofs=NO_WITNESS_PROOFS)
    assert extended == verify(*lines)
    assert extend_history(extended, [], now=NOW, witness_proofs=NO_WITNESS_PROOFS) == extended


def test_extension_by_a_strangers_entry_is_refused() -> None:
    known = verify(HONEST.line)
    with pytest.raises(VerificationError) as refusal:
        extend_history(
            known,
            [forge_next(known.latest, keys=(STRANGER,))],
            now=NOW,
            witness_proofs=NO_WITNESS_PROOFS,
        )
    assert refusal.value.code is Code.DID_KEY_NOT_AUTHORIZED


def test_extension_is_approved_by_the_witnesses_of_the_version_before() -> None:
    rule = WitnessRule(1, (f"did:key:{multikey(WITNESS)}",))
    start = first(parameters={"witness": encode_witness_rule(rule)})
    name = start.version.version_id
    proofs = {name: [create_witness_proof(name, key=WITNESS, created=START)]}
    known = verify(start.line, witness_proofs=proofs)
    added = update_did(start.version, key=KEY, time=START + HOUR, parameters={"witness": {}})
    with pytest.raises(VerificationError) as refusal:
        extend_history(known, [added.line], now=NOW, witness_proofs=proofs)
    assert refusal.value.code is Code.DID_WITNESS_MISSING
    name = added.version.version_id
    proofs = {name: [create_witness_proof(name, key=WITNESS, created=START)]}
    assert len(extend_history(known, [added.line], now=NOW, witness_proofs=proofs).versions) == 2


def test_log_is_split_into_its_lines() -> None:
    assert split_log(b"a\nb\n") == split_log(b"a\nb") == [b"a", b"b"]
    assert split_log(b"") == [b""]


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n"])
def test_log_without_entries_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        verify_history(split_log(data), did=DID, now=NOW, witness_proofs=NO_WITNESS_PROOFS)
    with pytest.raises(MalformedError) as refusal:
        verify_history([], did=DID, now=NOW, witness_proofs=NO_WITNESS_PROOFS)
    assert refusal.value.code is Code.FORMAT_INVALID


def test_log_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedError) as refusal:
        split_log(bytes(MAX_LOG_BYTES + 1))
    assert refusal.value.code is Code.SIZE_EXCEEDED
    with pytest.raises(MalformedError) as refusal:
        verify(*[HONEST.line] * (MAX_ENTRIES + 1))
    assert refusal.value.code is Code.SIZE_EXCEEDED
    known = verify(HONEST.line)
    with pytest.raises(MalformedError) as refusal:
        extend_history(known, [HONEST.line] * MAX_ENTRIES, now=NOW, witness_proofs=NO_WITNESS_PROOFS)
    assert refusal.value.code is Code.SIZE_EXCEEDED


def test_entry_of_the_next_five_minutes_is_accepted() -> None:
    verify(HONEST.line, forge_next(HONEST.version, time=NOW + timedelta(minutes=5)))


def test_proof_that_expires_is_judged_at_the_time_of_its_entry() -> None:
    verify(HONEST.line, forge_next(HONEST.version, expires="2026-01-01T01:00:01Z"))


def test_entry_whose_canonical_form_could_not_be_read_again_is_refused() -> None:
    for number, is_readable in ((1e15, True), (1e20, False)):
        line = forge_next(HONEST.version, state={"note": number})
        line = line.replace(f"{number:.0f}", f"{number}")
        if is_readable:
            verify(HONEST.line, line)
        else:
            with pytest.raises(MalformedError) as refusal:
                verify(HONEST.line, line)
            assert refusal.value.code is Code.JSON_NUMBER


def test_two_authorized_keys_may_sign_one_entry() -> None:
    both: JsonObject = {"updateKeys": [multikey(KEY), multikey(NEXT_KEY)]}
    line = forge_first(both, keys=(KEY, NEXT_KEY))
    history = verify(line)
    verify(line, forge_next(history.latest, keys=(NEXT_KEY,)))
    verify(line, forge_next(history.latest, keys=(NEXT_KEY, KEY)))
