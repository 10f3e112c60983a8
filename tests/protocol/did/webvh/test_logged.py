from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document
from protocol.did.verified import LogEvidence
from protocol.did.webvh.author import deactivate_did, update_did
from protocol.did.webvh.logged import LoggedHistory, verify_logged_history
from protocol.errors import UnavailableError, VerificationError
from protocol.keys import PublicKey
from tests.webvh_logs import HOUR, KEY, NEXT_KEY, NOW, START, first, verify

EVIDENCE = LogEvidence("ledger.example/log", 7, NOW)
ISSUING = Relationship.ASSERTION
HONEST = first()
DID = HONEST.version.did
ROTATED = update_did(
    HONEST.version,
    key=KEY,
    time=START + HOUR,
    document=create_did_document(DID, {"key-2": NEXT_KEY.public_key}, assertion=["key-2"], authentication=[]),
)
(END,) = deactivate_did(ROTATED.version, key=KEY, time=START + 2 * HOUR)
# The log was slow: it took each entry a day after its author had made it.
TIMES = [START + number * HOUR + timedelta(days=1) for number in range(3)]


def logged(
    count: int, times: Sequence[datetime] = TIMES, *, compromised: Mapping[PublicKey, datetime] | None = None
) -> LoggedHistory:
    history = verify(*[entry.line for entry in (HONEST, ROTATED, END)[:count]])
    return verify_logged_history(history, times[:count], compromised=compromised or {}, evidence=EVIDENCE)


def test_keys_have_the_interval_in_which_they_stood_in_the_log() -> None:
    verified = logged(2).verified_did(at=None)
    spans = [
        (key.id, key.valid_from, key.valid_until) for key in verified.keys if key.relationship is ISSUING
    ]
    assert spans == [(f"{DID}#key-1", TIMES[0], TIMES[1]), (f"{DID}#key-2", TIMES[1], None)]
    assert verified.evidence == EVIDENCE
    # After the author says it was rotated out, and before anybody could know.
    between = TIMES[1] - timedelta(seconds=1)
    assert verified.key_used_at(f"{DID}#key-1", ISSUING, between) == KEY.public_key
    with pytest.raises(VerificationError) as refusal:
        verified.key_used_at(f"{DID}#key-1", ISSUING, TIMES[1])
    assert refusal.value.code is Code.ISSUER_KEY_NOT_AUTHORIZED


def test_moment_of_the_past_is_as_if_nothing_had_been_logged_since() -> None:
    history = logged(3)
    before, after = history.verified_did(at=TIMES[1] - HOUR / 2), history.verified_did(at=TIMES[1])
    assert before.current_key(f"{DID}#key-1", ISSUING) == KEY.public_key
    assert after.current_key(f"{DID}#key-2", ISSUING) == NEXT_KEY.public_key
    assert [key.valid_until for key in before.keys] == [None, None]
    assert before.evidence is not None
    assert (before.evidence.as_of, before.evidence.time) == (TIMES[1] - HOUR / 2, NOW)


def refusal_at(at: datetime | None, count: int = 3) -> Code:
    with pytest.raises((VerificationError, UnavailableError)) as refusal:
        logged(count).verified_did(at=at)
    return refusal.value.code


def test_deactivated_did_is_refused_from_when_that_was_logged_on() -> None:
    assert logged(3).verified_did(at=TIMES[2] - timedelta(seconds=1)).did == DID
    assert refusal_at(TIMES[2]) is Code.DID_DEACTIVATED
    assert refusal_at(None) is Code.DID_DEACTIVATED


def test_moment_before_the_first_entry_was_logged_is_refused() -> None:
    assert refusal_at(START) is Code.DID_NOT_LOGGED_THEN


def test_moment_after_the_evidence_is_not_known() -> None:
    assert logged(2).verified_did(at=NOW).did == DID
    assert refusal_at(NOW + timedelta(seconds=1), 2) is Code.MOMENT_NOT_COVERED


def test_entry_made_more_than_five_minutes_after_it_was_logged_is_refused() -> None:
    minutes = timedelta(minutes=5)
    assert logged(1, [START - minutes]).times == (START - minutes,)
    with pytest.raises(VerificationError) as refusal:
        logged(2, [START, START + HOUR - minutes - timedelta(seconds=1)])
    assert refusal.value.code is Code.DID_TIME_INVALID


def test_every_version_has_one_time() -> None:
    with pytest.raises(ValueError, match="argument"):
        verify_logged_history(verify(HONEST.line), TIMES, compromised={}, evidence=EVIDENCE)


def test_key_marked_since_then_is_marked_in_every_use_also_for_a_question_about_the_past() -> None:
    since = TIMES[0] + HOUR
    history = logged(2, compromised={KEY.public_key: since})
    for at in (None, TIMES[0]):
        marked = {key.id: key.compromised for key in history.verified_did(at=at).keys}
        assert marked[f"{DID}#key-1"] == since
        assert marked.get(f"{DID}#key-2") is None


def test_key_that_is_listed_and_marked_is_good_only_as_of_a_moment_before() -> None:
    since = TIMES[0] + HOUR
    history = logged(1, compromised={KEY.public_key: since})
    before = history.verified_did(at=since - timedelta(seconds=1))
    assert before.current_key(f"{DID}#key-1", ISSUING) == KEY.public_key
    for at in (since, None):
        with pytest.raises(VerificationError) as refusal:
            history.verified_did(at=at).current_key(f"{DID}#key-1", ISSUING)
        assert refusal.value.code is Code.KEY_COMPROMISED
