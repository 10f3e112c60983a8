"""Issuers that a policy does not list, and that a root which it names leads to."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from protocol.checks import Outcome
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.did.verified import LogEvidence
from protocol.errors import TallyError, UnavailableError
from protocol.index.leaf import IndexEntry
from protocol.index.proof import SubjectEntry, VerifiedRecords
from protocol.issuer_trust import LoggedRecords
from protocol.keys import Ed25519PrivateKey
from protocol.policy import AccreditationRule, VerificationPolicy
from protocol.presentation import Check, VerifiedCredential, verify_credential
from protocol.records import Record
from protocol.records.accreditation import accreditation_subject, create_withdrawal
from protocol.sdjwt_vc import issue_sd_jwt_vc
from protocol.tlog.policy import VerifiedCheckpoint
from tests.attacks.artefacts import counted_salts, verified_did
from tests.ledger.world import KEY
from tests.signed_records import (
    BEGIN,
    BELOW,
    DEGREE,
    DIPLOMA,
    END,
    MIDDLE_DID,
    ROOT_DID,
    SCHOOL_DID,
    STRANGER_DID,
    TOP,
    accreditation,
    signer,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ISSUED = datetime(2026, 12, 1, 12, tzinfo=BEGIN.tzinfo)
NOW = ISSUED + 30 * DAY
Log = Sequence[tuple[Record, datetime]]
CHAIN: Log = [(TOP, BEGIN), (BELOW, BEGIN + DAY)]
POLICY = VerificationPolicy(trusted_issuers={}, trusted_roots={DEGREE: frozenset({ROOT_DID})})
WITHDRAWAL = create_withdrawal(BELOW, signer=signer(MIDDLE_DID), reason=None, time=BEGIN)


class Ledger:
    """The ledger that the root lives on; it notes whom it is asked about."""

    def __init__(self, log: Log, *, age: timedelta = timedelta(0), handed_in: bool = False) -> None:
        self.log, self.age, self.handed_in = log, age, handed_in
        self.asked: list[tuple[str, str]] = []

    def read(self, did: str, root: str) -> LoggedRecords:
        self.asked.append((did, root))
        subject = accreditation_subject(did)
        time = NOW - self.age
        entries = tuple(
            SubjectEntry(index, logged, record.leaf)
            for index, (record, logged) in enumerate(self.log)
            if record.subject == subject
        )
        state = IndexEntry("log", len(self.log), time, bytes(32), bytes(32))
        records = VerifiedRecords(
            subject, entries, state, VerifiedCheckpoint("log/index", 1, bytes(32), time, "")
        )
        return LoggedRecords(records, LogEvidence("log", len(self.log), time, self.handed_in))


def verify(
    log: Log | Ledger = CHAIN,
    *,
    policy: VerificationPolicy = POLICY,
    issuer: str = SCHOOL_DID,
    vct: str = DEGREE,
    issued: datetime | None = ISSUED,
    at: datetime | None = None,
    key: Ed25519PrivateKey = KEY,
    **changes: Any,
) -> VerifiedCredential:
    ledger = log if isinstance(log, Ledger) else Ledger(log)
    claims: dict[str, Any] = {"iss": issuer, "vct": vct}
    if issued is not None:
        claims["iat"] = int(issued.timestamp())
    evidence = LogEvidence("log", 7, NOW, as_of=at)
    options: dict[str, Any] = {"read_accreditations": ledger.read} | changes
    return verify_credential(
        issue_sd_jwt_vc(
            claims, disclosable=[], key=key, key_id=f"{issuer}#key-1", salts=counted_salts()
        ).encoded,
        policy=policy,
        now=NOW,
        at=at,
        resolve_did=lambda did: verified_did(did, KEY, evidence=evidence),
        fetch_status_list=lambda _uri: "",
        **options,
    )


def refusal(log: Log | Ledger = CHAIN, **changes: Any) -> TallyError:
    with pytest.raises(TallyError) as caught:
        verify(log, **changes)
    failed = [check.id for check in caught.value.checks if check.outcome in (Outcome.FAILED, Outcome.UNKNOWN)]
    assert failed == [Check.ISSUER_TRUST]
    return caught.value


def code_of(log: Log | Ledger = CHAIN, **changes: Any) -> Code:
    return refusal(log, **changes).code


def test_issuer_that_a_root_of_the_policy_accredits_is_trusted_and_the_chain_is_named() -> None:
    ledger = Ledger(CHAIN)
    verified = verify(ledger)
    assert verified.accreditation is not None
    assert [link.record for link in verified.accreditation.links] == [BELOW, TOP]
    assert (verified.accreditation.root, verified.accreditation.moment) == (ROOT_DID, ISSUED)
    trust = next(check for check in verified.checks if check.id == Check.ISSUER_TRUST)
    assert (trust.outcome, trust.detail) == (Outcome.PASSED, "accredited, from the ledger, 0 seconds old")
    # Each list is asked for once, and nothing but the ledger of the root.
    assert ledger.asked == [(SCHOOL_DID, ROOT_DID), (MIDDLE_DID, ROOT_DID)]


def test_listed_issuer_needs_no_accreditation_and_no_ledger_is_asked_for_one() -> None:
    ledger = Ledger([])
    listed = replace(POLICY, trusted_issuers={DEGREE: frozenset({SCHOOL_DID})})
    assert verify(ledger, policy=listed).accreditation is None
    assert ledger.asked == []


@pytest.mark.parametrize(
    ("issuer", "vct"),
    [
        pytest.param(SCHOOL_DID, DIPLOMA, id="type-without-a-root"),
        pytest.param(encode_did_key(KEY.public_key), DEGREE, id="did-that-nobody-can-accredit"),
        pytest.param("https://school.example", DEGREE, id="no-did"),
    ],
)
def test_nobody_is_asked_about_who_cannot_be_accredited_for_it(issuer: str, vct: str) -> None:
    ledger = Ledger(CHAIN)
    assert code_of(ledger, issuer=issuer, vct=vct) is Code.ISSUER_NOT_TRUSTED
    assert ledger.asked == []


@pytest.mark.parametrize(
    ("log", "code"),
    [
        pytest.param([], Code.ACCREDITATION_MISSING, id="none"),
        pytest.param(
            [(TOP, BEGIN), (accreditation(MIDDLE_DID, SCHOOL_DID, types=(DIPLOMA,), under=TOP), BEGIN)],
            Code.ACCREDITATION_MISSING,
            id="another-type",
        ),
        pytest.param(
            [(accreditation(STRANGER_DID, SCHOOL_DID), BEGIN)],
            Code.ACCREDITATION_NOT_ROOTED,
            id="another-root",
        ),
        pytest.param([(BELOW, BEGIN)], Code.ACCREDITATION_INVALID, id="link-missing"),
        pytest.param(
            [(TOP, BEGIN), (accreditation(MIDDLE_DID, SCHOOL_DID, valid_until=END + DAY, under=TOP), BEGIN)],
            Code.ACCREDITATION_INVALID,
            id="wider-than-above",
        ),
        pytest.param([*CHAIN, (WITHDRAWAL, ISSUED)], Code.ACCREDITATION_WITHDRAWN, id="withdrawn"),
        pytest.param(
            [(TOP, BEGIN), (BELOW, ISSUED + DAY + HOUR)], Code.ACCREDITATION_OUT_OF_TIME, id="too-late"
        ),
        pytest.param(
            [(accreditation(ROOT_DID, SCHOOL_DID, valid_until=ISSUED), BEGIN)],
            Code.ACCREDITATION_OUT_OF_TIME,
            id="ended",
        ),
    ],
)
def test_issuer_without_a_chain_that_counted_when_it_issued_is_refused(log: Log, code: Code) -> None:
    assert code_of(log) is code


def test_accredited_did_whose_key_did_not_sign_is_refused() -> None:
    with pytest.raises(TallyError) as caught:
        verify(key=Ed25519PrivateKey(bytes([9]) * 32))
    assert caught.value.code is Code.SIGNATURE_INVALID


def test_root_itself_is_no_issuer_unless_it_is_listed() -> None:
    assert code_of(issuer=ROOT_DID) is Code.ACCREDITATION_MISSING


def test_what_was_issued_in_its_time_stays_good_unless_the_policy_wants_it_to_count_still() -> None:
    log = [*CHAIN, (WITHDRAWAL, ISSUED + DAY)]
    assert verify(log).accreditation is not None
    strict = replace(POLICY, accreditation=AccreditationRule.WHEN_CHECKED)
    assert code_of(log, policy=strict) is Code.ACCREDITATION_WITHDRAWN
    verified = verify(policy=strict).accreditation
    assert verified is not None
    assert verified.moment == NOW
    # It must have counted when it was issued all the same.
    assert code_of([(TOP, BEGIN), (BELOW, NOW)], policy=strict) is Code.ACCREDITATION_OUT_OF_TIME


def test_time_of_issue_may_have_been_rounded_down_by_a_day() -> None:
    verified = verify([(TOP, BEGIN), (BELOW, ISSUED + DAY)]).accreditation
    assert verified is not None
    assert verified.moment == ISSUED + DAY
    # The day ends now at the latest.
    assert verify([(TOP, BEGIN), (BELOW, NOW)], issued=NOW - HOUR).accreditation is not None
    assert code_of([(TOP, BEGIN), (BELOW, NOW + HOUR)], issued=NOW - HOUR) is Code.ACCREDITATION_OUT_OF_TIME


@pytest.mark.parametrize("issued", [None, NOW + timedelta(seconds=30)])
def test_credential_that_does_not_say_when_or_says_the_future_is_taken_as_issued_now(
    issued: datetime | None,
) -> None:
    verified = verify(issued=issued).accreditation
    assert verified is not None
    assert verified.moment == NOW
    assert code_of([*CHAIN, (WITHDRAWAL, NOW)], issued=issued) is Code.ACCREDITATION_WITHDRAWN


def test_time_of_issue_that_is_none_is_malformed() -> None:
    credential = issue_sd_jwt_vc(
        {"iss": SCHOOL_DID, "vct": DEGREE, "iat": 10**15},
        disclosable=[],
        key=KEY,
        key_id=f"{SCHOOL_DID}#key-1",
        salts=counted_salts(),
    )
    with pytest.raises(TallyError) as caught:
        verify_credential(
            credential.encoded,
            policy=POLICY,
            now=NOW,
            resolve_did=verified_did,
            fetch_status_list=lambda _uri: "",
            read_accreditations=Ledger(CHAIN).read,
        )
    assert caught.value.code is Code.MEMBER_INVALID


@pytest.mark.parametrize(
    ("age", "handed_in", "code"),
    [
        (HOUR, False, None),
        (HOUR + timedelta(seconds=1), False, Code.LOG_STALE),
        (24 * HOUR, True, None),
        (24 * HOUR + timedelta(seconds=1), True, Code.LOG_STALE),
        (timedelta(minutes=-2), False, Code.LOG_STALE),
    ],
)
def test_evidence_of_an_accreditation_is_as_young_as_the_policy_wants_it(
    age: timedelta, handed_in: bool, code: Code | None
) -> None:
    ledger = Ledger(CHAIN, age=age, handed_in=handed_in)
    if code is None:
        assert verify(ledger).accreditation is not None
    else:
        assert code_of(ledger) is code


def test_oldest_evidence_of_the_chain_is_the_one_whose_age_is_told() -> None:
    young, old = Ledger(CHAIN), Ledger(CHAIN, age=3 * HOUR, handed_in=True)

    def read(did: str, root: str) -> LoggedRecords:
        return (young if did == SCHOOL_DID else old).read(did, root)

    checks = verify(read_accreditations=read).checks
    assert [check.detail for check in checks if check.id == Check.ISSUER_TRUST] == [
        "accredited, handed in, 3 hours old"
    ]


def test_moment_of_the_past_is_judged_by_what_stood_in_the_log_then() -> None:
    at = ISSUED + HOUR
    assert verify([*CHAIN, (WITHDRAWAL, at + HOUR)], at=at).accreditation is not None
    strict = replace(POLICY, accreditation=AccreditationRule.WHEN_CHECKED)
    assert verify([*CHAIN, (WITHDRAWAL, at + HOUR)], at=at, policy=strict).accreditation is not None
    assert code_of([*CHAIN, (WITHDRAWAL, at)], at=at, policy=strict) is Code.ACCREDITATION_WITHDRAWN
    # It was logged within a day of the issue, and was not there yet at that moment.
    assert code_of([(TOP, BEGIN), (BELOW, at + HOUR)], at=at) is Code.ACCREDITATION_OUT_OF_TIME


def test_moment_that_the_evidence_does_not_cover_is_unknown() -> None:
    ledger = Ledger(CHAIN, age=timedelta(minutes=10))
    assert code_of(ledger, at=NOW - timedelta(minutes=5)) is Code.MOMENT_NOT_COVERED


def test_ledger_that_is_away_makes_it_unknown() -> None:
    def away(_did: str, _root: str) -> LoggedRecords:
        raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE)

    assert code_of(read_accreditations=away) is Code.NETWORK_LEDGER_UNREACHABLE


def test_one_of_several_roots_is_enough_and_the_nearest_failure_is_told() -> None:
    both = replace(POLICY, trusted_roots={DEGREE: frozenset({ROOT_DID, STRANGER_DID})})
    verified = verify(policy=both).accreditation
    assert verified is not None
    assert verified.root == ROOT_DID
    other = accreditation(STRANGER_DID, SCHOOL_DID)
    gone = create_withdrawal(other, signer=signer(STRANGER_DID), reason=None, time=BEGIN)
    logs: list[Log] = [[*CHAIN, (WITHDRAWAL, ISSUED)], [(other, BEGIN), (gone, ISSUED)]]
    assert {code_of(log, policy=both) for log in logs} == {Code.ACCREDITATION_WITHDRAWN}
    assert code_of([], policy=both) is Code.ACCREDITATION_MISSING


def test_root_whose_ledger_is_away_takes_nothing_away_from_another() -> None:
    for away, near in ((STRANGER_DID, ROOT_DID), (ROOT_DID, STRANGER_DID)):
        ledger = Ledger([(accreditation(near, SCHOOL_DID), BEGIN)])

        def read(did: str, root: str, away: str = away, ledger: Ledger = ledger) -> LoggedRecords:
            if root == away:
                raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE)
            return ledger.read(did, root)

        both = replace(POLICY, trusted_roots={DEGREE: frozenset({away, near})})
        verified = verify(policy=both, read_accreditations=read).accreditation
        assert verified is not None
        assert verified.root == near
        # Where the other does not lead to the issuer, nobody knows.
        ledger.log = []
        assert code_of(policy=both, read_accreditations=read) is Code.NETWORK_LEDGER_UNREACHABLE


def test_policy_with_roots_and_nothing_to_read_accreditations_with_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="nothing to read"):
        verify(read_accreditations=None)
