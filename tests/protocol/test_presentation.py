from collections.abc import Callable
from datetime import timedelta

import pytest

from protocol.checks import CheckResult, Outcome
from protocol.codes import Code
from protocol.did.document import parse_did_document
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.encoding.strict_json import JsonValue
from protocol.errors import TallyError, UnavailableError
from protocol.policy import KeyBindingRule, StatusRule
from protocol.presentation import Check, VerifiedPresentation
from protocol.status_list import StatusList, create_status_list_token
from tests.attacks.artefacts import (
    CLAIMS,
    DID,
    HOLDER_KEY,
    ISSUER_KEY,
    KEY_ID,
    NOW,
    OTHER_KEY,
    SECONDS,
    STATUS_URI,
    VCT,
    Verifier,
    bind,
    compact,
    credential,
    honest,
    minimal,
    parts,
    policy,
    presentation,
    verified_did,
)

REVOKED, SUSPENDED = 3, 5
STATUSES = StatusList.all_valid(2, 64).with_statuses({REVOKED: 1, SUSPENDED: 2, 7: 3})


def with_status(index: JsonValue = 1, uri: str = STATUS_URI) -> str:
    return minimal(status={"status_list": {"idx": index, "uri": uri}})


def status_list_token(**changes: object) -> str:
    arguments: dict[str, object] = {
        "uri": STATUS_URI,
        "key": ISSUER_KEY,
        "key_id": KEY_ID,
        "issued_at": NOW - timedelta(minutes=5),
        "expires_at": NOW + timedelta(hours=1),
        "time_to_live": timedelta(minutes=15),
    }
    return create_status_list_token(STATUSES, **(arguments | changes))  # type: ignore[arg-type]


def outcomes(checks: object) -> dict[str, Outcome]:
    return {check.id: check.outcome for check in checks}  # type: ignore[attr-defined]


def refusal(verifier: Verifier, text: str) -> TallyError:
    with pytest.raises(TallyError) as caught:
        verifier.verify(text)
    return caught.value


def test_honest_presentation_is_verified_with_all_it_shows() -> None:
    verifier = Verifier()
    verified = verifier.verify(honest())
    assert isinstance(verified, VerifiedPresentation)
    assert (verified.issuer, verified.vct) == (DID, VCT)
    assert verified.holder_key == HOLDER_KEY.public_key
    assert verified.claims == {
        **{name: CLAIMS[name] for name in ("iss", "vct", "iat", "exp", "cnf", "given_name")},
        "address": {"locality": "Xanadustadt"},
        "nationalities": ["Ruritanian"],
    }
    assert set(verified.disclosed) == {
        ("given_name",),
        ("address",),
        ("address", "locality"),
        ("nationalities", 0),
    }
    assert [check.id for check in verified.checks] == list(Check)
    assert outcomes(verified.checks) == dict.fromkeys(Check, Outcome.PASSED) | {Check.STATUS: Outcome.SKIPPED}
    assert (verifier.resolved, verifier.fetched) == ([DID], [])


def test_credential_without_key_binding_is_verified_for_its_holder() -> None:
    verified = Verifier().verify_unpresented(credential().encoded)
    assert not isinstance(verified, VerifiedPresentation)
    assert verified.claims == CLAIMS
    for check in (Check.KEY_BINDING_PRESENCE, Check.KEY_BINDING):
        assert CheckResult(check, Outcome.SKIPPED, "not presented") in verified.checks


def test_key_binding_the_policy_does_not_ask_for_may_be_absent() -> None:
    verifier = Verifier(policy=policy(key_binding=KeyBindingRule.NOT_REQUIRED))
    checks = outcomes(verifier.verify(compact(*parts(honest())[:2])).checks)
    assert (checks[Check.KEY_BINDING_PRESENCE], checks[Check.KEY_BINDING]) == (
        Outcome.SKIPPED,
        Outcome.SKIPPED,
    )


def test_key_binding_the_policy_does_not_ask_for_is_checked_when_it_is_there() -> None:
    verifier = Verifier(policy=policy(key_binding=KeyBindingRule.NOT_REQUIRED))
    assert outcomes(verifier.verify(honest()).checks)[Check.KEY_BINDING] is Outcome.PASSED
    text = compact(*parts(honest())[:2])
    assert refusal(verifier, bind(text, key=OTHER_KEY)).code is Code.KEY_BINDING_SIGNATURE_INVALID


def test_transaction_data_needs_a_key_binding_whatever_the_policy() -> None:
    verifier = Verifier(policy=policy(key_binding=KeyBindingRule.NOT_REQUIRED), transaction_data=("e30",))
    assert refusal(verifier, compact(*parts(honest())[:2])).code is Code.KEY_BINDING_MISSING


def test_refusal_says_which_check_failed_and_which_were_not_reached() -> None:
    error = refusal(Verifier(nonce="n-another"), honest())
    checks = outcomes(error.checks)
    assert checks[Check.VALIDITY] is Outcome.PASSED
    assert checks[Check.KEY_BINDING] is Outcome.FAILED
    assert checks[Check.STATUS] is Outcome.NOT_REACHED
    assert [check.detail for check in error.checks if check.id == Check.KEY_BINDING] == ["nonce_mismatch"]


def test_nothing_is_looked_up_on_the_word_of_an_untrusted_issuer() -> None:
    verifier = Verifier(policy=policy(trusted_issuers={}))
    assert refusal(verifier, with_status()).code is Code.ISSUER_NOT_TRUSTED
    assert (verifier.resolved, verifier.fetched) == ([], [])


@pytest.mark.parametrize(
    ("age", "accepted"),
    [
        (timedelta(hours=1), True),
        (timedelta(hours=1, seconds=1), False),
        (timedelta(seconds=-60), True),
        (timedelta(seconds=-61), False),
    ],
)
def test_evidence_for_the_issuer_is_as_fresh_as_the_policy_demands(age: timedelta, accepted: bool) -> None:
    verifier = Verifier(issuer=verified_did(evidence=LogEvidence("ledger.example/log", 7, NOW - age)))
    if accepted:
        verifier.verify(honest())
    else:
        error = refusal(verifier, honest())
        assert error.code is Code.LOG_STALE
        assert outcomes(error.checks)[Check.EVIDENCE_AGE] is Outcome.FAILED


def test_did_with_a_history_but_no_evidence_is_refused() -> None:
    assert refusal(Verifier(issuer=verified_did(evidence=None)), honest()).code is Code.LOG_STALE


@pytest.mark.parametrize("did", ["did:key:z6MkExample", "did:jwk:eyJrdHkiOiJPS1AifQ"])
def test_did_that_is_its_own_key_needs_no_evidence(did: str) -> None:
    verifier = Verifier(
        policy=policy(trusted_issuers={VCT: frozenset({did})}), issuer=verified_did(did, evidence=None)
    )
    claims = CLAIMS | {"iss": did}
    text = presentation(credential(claims, key_id=f"{did}#key-1"))
    assert outcomes(verifier.verify(text).checks)[Check.EVIDENCE_AGE] is Outcome.SKIPPED


def test_issuer_that_cannot_be_resolved_right_now_is_unknown_and_refused() -> None:
    class Offline(Verifier):
        def resolve(self, did: str) -> VerifiedDid:
            raise UnavailableError(Code.NETWORK_UNREACHABLE)

    error = refusal(Offline(policy=policy(status=StatusRule.WHEN_REACHABLE)), honest())
    assert isinstance(error, UnavailableError)
    assert outcomes(error.checks)[Check.ISSUER_DID] is Outcome.UNKNOWN


def test_expiry_is_only_missed_when_the_policy_demands_one() -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != "exp"}
    text = presentation(credential(claims))
    Verifier().verify(text)
    error = refusal(Verifier(policy=policy(expiry_required=True)), text)
    assert (error.code, error.detail) == (Code.CLAIM_MISSING, "exp")


@pytest.mark.parametrize("rule", StatusRule)
def test_valid_status_passes_under_every_rule(rule: StatusRule) -> None:
    verifier = Verifier(policy=policy(status=rule), status_list_token=status_list_token())
    assert outcomes(verifier.verify(with_status()).checks)[Check.STATUS] is Outcome.PASSED
    assert verifier.fetched == [STATUS_URI]


@pytest.mark.parametrize(
    ("rule", "accepted"),
    [(StatusRule.REQUIRED, False), (StatusRule.WHEN_PRESENT, True), (StatusRule.WHEN_REACHABLE, True)],
)
def test_credential_without_status_passes_unless_one_is_required(rule: StatusRule, accepted: bool) -> None:
    verifier = Verifier(policy=policy(status=rule))
    if accepted:
        assert outcomes(verifier.verify(honest()).checks)[Check.STATUS] is Outcome.SKIPPED
    else:
        assert refusal(verifier, honest()).code is Code.CLAIM_MISSING


@pytest.mark.parametrize("rule", StatusRule)
@pytest.mark.parametrize(
    ("index", "code"),
    [
        (REVOKED, Code.CREDENTIAL_REVOKED),
        (SUSPENDED, Code.CREDENTIAL_SUSPENDED),
        (7, Code.STATUS_UNKNOWN),
        (64, Code.STATUS_INDEX_OUT_OF_RANGE),
    ],
)
def test_status_that_is_not_valid_is_refused_under_every_rule(
    rule: StatusRule, index: int, code: Code
) -> None:
    verifier = Verifier(policy=policy(status=rule), status_list_token=status_list_token())
    error = refusal(verifier, with_status(index))
    assert error.code is code
    assert outcomes(error.checks)[Check.STATUS] is Outcome.FAILED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": OTHER_KEY}, Code.STATUS_SIGNATURE_INVALID),
        ({"key_id": f"{DID}#key-2"}, Code.STATUS_SIGNATURE_INVALID),
        ({"uri": STATUS_URI + "1"}, Code.STATUS_SUBJECT_MISMATCH),
        ({"expires_at": NOW}, Code.STATUS_EXPIRED),
    ],
)
def test_status_list_that_is_not_the_issuers_current_one_is_refused(
    changes: dict[str, object], code: Code
) -> None:
    verifier = Verifier(
        policy=policy(status=StatusRule.WHEN_REACHABLE), status_list_token=status_list_token(**changes)
    )
    assert refusal(verifier, with_status()).code is code


def test_status_list_signed_with_a_key_rotated_out_is_refused() -> None:
    issuer = verified_did(valid_until=NOW - timedelta(minutes=1))
    document = parse_did_document({"id": DID}, expected_did=DID)
    rotated = VerifiedDid(DID, document, issuer.keys, issuer.evidence)
    verifier = Verifier(issuer=rotated, status_list_token=status_list_token())
    verifier.verify(honest())
    assert refusal(verifier, with_status()).code is Code.STATUS_SIGNATURE_INVALID


class WithoutStatusLists(Verifier):
    def fetch(self, uri: str) -> str:
        raise UnavailableError(Code.NETWORK_TIMEOUT)


@pytest.mark.parametrize("rule", [StatusRule.REQUIRED, StatusRule.WHEN_PRESENT])
def test_status_that_cannot_be_had_is_unknown_and_refused(rule: StatusRule) -> None:
    error = refusal(WithoutStatusLists(policy=policy(status=rule)), with_status())
    assert isinstance(error, UnavailableError)
    assert (error.code, error.detail) == (Code.STATUS_UNAVAILABLE, "network_timeout")
    assert outcomes(error.checks)[Check.STATUS] is Outcome.UNKNOWN


def test_status_that_cannot_be_had_is_let_pass_as_unknown_when_the_policy_says_so() -> None:
    verifier = WithoutStatusLists(policy=policy(status=StatusRule.WHEN_REACHABLE))
    check = verifier.verify(with_status()).checks[-1]
    assert (check.id, check.outcome) == (Check.STATUS, Outcome.UNKNOWN)
    assert "network_timeout" in check.detail


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda: with_status().replace("~", "~e30~"), id="malformed"),
        pytest.param(lambda: minimal(status=True), id="status-malformed"),
        pytest.param(lambda: with_status(-1), id="index-negative"),
        pytest.param(lambda: with_status(uri="http://10.0.0.1/status"), id="address-forbidden"),
        pytest.param(lambda: bind(with_status().rpartition("~")[0] + "~", key=OTHER_KEY), id="key-binding"),
        pytest.param(
            lambda: minimal(status={"status_list": {"idx": 1, "uri": STATUS_URI}}, exp=SECONDS), id="expired"
        ),
    ],
)
def test_status_list_is_never_fetched_for_an_invalid_credential(text: Callable[[], str]) -> None:
    verifier = Verifier(status_list_token=status_list_token())
    verifier.verify(with_status())
    verifier.fetched.clear()
    refusal(verifier, text())
    assert verifier.fetched == []


def test_errors_of_the_callers_own_functions_are_not_hidden() -> None:
    class Broken(Verifier):
        def resolve(self, did: str) -> VerifiedDid:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Broken().verify(honest())
