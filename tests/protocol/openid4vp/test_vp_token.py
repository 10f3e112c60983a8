from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from protocol.checks import CheckResult, Outcome
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import TallyError, VerificationError
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.dcql.selection import Candidate, select_credentials
from protocol.openid4vp.vp_token import ResponseCheck, VerifiedResponse, verify_vp_token
from protocol.policy import KeyBindingRule
from protocol.presentation import Check
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.verify import verify_disclosures
from tests.openid_parties import (
    CLIENT_ID,
    ISSUER,
    NONCE,
    NOW,
    OTHER_KEY,
    POLICY,
    VCT,
    VERIFIER,
    fetch_nothing,
    issue,
    present,
    resolve_did,
)

DEGREE = "https://issuer.example/vct/degree/1"
TRUSTING = replace(POLICY, trusted_issuers={VCT: frozenset({ISSUER}), DEGREE: frozenset({ISSUER})})
CREDENTIAL = issue()


def credential(query_id: str = "pid", **changes: Any) -> dict[str, Any]:
    query: dict[str, Any] = {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}}
    return query | {"claims": [{"path": ["birthdate"]}]} | changes


def verify(vp_token: dict[str, list[str]], *credentials: dict[str, Any], **changes: Any) -> VerifiedResponse:
    source: JsonObject = {"credentials": list(credentials) or [credential()]}
    values: dict[str, Any] = {
        "query": parse_dcql_query(source),
        "expected_nonce": NONCE,
        "expected_audience": str(CLIENT_ID),
        "expires_at": NOW + timedelta(minutes=5),
        "policy": TRUSTING,
        "now": NOW,
        "resolve_did": resolve_did,
        "fetch_status_list": fetch_nothing,
    }
    return verify_vp_token(vp_token, **values | changes)


def good() -> dict[str, list[str]]:
    return {"pid": [present(CREDENTIAL, [("birthdate",)])]}


def outcomes(checks: tuple[CheckResult, ...]) -> dict[str, Outcome]:
    return {check.id: check.outcome for check in checks}


def test_answer_is_verified_with_what_was_asked_for() -> None:
    verified = verify(good())
    (answer,) = verified.answers["pid"]
    assert answer.answer.claims == {("birthdate",): "1815-12-10"}
    assert answer.answer.excess == ()
    assert answer.presentation.issuer == ISSUER
    assert outcomes(verified.checks) == {
        ResponseCheck.REQUEST_EXPIRY: Outcome.PASSED,
        ResponseCheck.QUERY: Outcome.PASSED,
        ResponseCheck.SAME_PERSON: Outcome.SKIPPED,
    }


def processed(held: SdJwt) -> JsonObject:
    return verify_disclosures(held.unverified_payload(), held.disclosures).claims


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        pytest.param(["address", "locality"], "Ockham", id="NT-P35 sibling of a sub-claim"),
        pytest.param(["nationalities", 0], "FR", id="NT-P35 other element"),
        pytest.param(["birthdate"], "Ada", id="other claim"),
    ],
)
def test_what_the_wallet_selects_is_what_the_verifier_gets(path: list[Any], hidden: str) -> None:
    query = credential(claims=[{"path": path}])
    held = issue()
    candidate = Candidate("1", "dc+sd-jwt", VCT, processed(held), holder_bound=True)
    match = select_credentials(parse_dcql_query({"credentials": [query]}), [candidate]).first_answer()["pid"]
    text = present(held, match.disclosed)
    (answer,) = verify({"pid": [text]}, query).answers["pid"]
    assert list(answer.answer.claims) == [tuple(path)]
    assert answer.answer.excess == ()
    assert hidden not in str(answer.presentation.claims)


def test_no_claims_in_the_query_means_no_disclosures_at_all() -> None:
    query = credential()
    del query["claims"]
    text = present(CREDENTIAL, [])
    assert text.count("~") == 1
    (answer,) = verify({"pid": [text]}, query).answers["pid"]
    assert answer.answer.claims == {}


@pytest.mark.parametrize("extra", [pytest.param(("given_name",), id="NT-P15 claim that was not asked for")])
def test_claim_beyond_the_query_is_dropped_and_named(extra: tuple[str]) -> None:
    (answer,) = verify({"pid": [present(CREDENTIAL, [("birthdate",), extra])]}).answers["pid"]
    assert list(answer.answer.claims) == [("birthdate",)]
    assert answer.answer.excess == (extra,)


def bound(**changes: Any) -> dict[str, list[str]]:
    """An answer whose key binding differs in one thing."""
    return {"pid": [present(CREDENTIAL, [("birthdate",)], **changes)]}


NOT_SATISFIED = Code.QUERY_NOT_SATISFIED
UNTRUSTING = replace(POLICY, trusted_issuers={})
LAX = replace(TRUSTING, key_binding=KeyBindingRule.NOT_REQUIRED)
BROKEN: dict[str, tuple[dict[str, list[str]], dict[str, Any], Code]] = {
    "NT-P03 unknown query id": ({"other": good()["pid"]}, {}, NOT_SATISFIED),
    "NT-P03 two where one is asked for": ({"pid": good()["pid"] * 2}, {}, NOT_SATISFIED),
    "NT-P03 missing required id": ({}, {}, NOT_SATISFIED),
    "NT-P08 after the expiry of the request": (good(), {"expires_at": NOW}, Code.REQUEST_EXPIRED),
    "NT-P16 other vct": ({"pid": [present(issue(vct=DEGREE), [("birthdate",)])]}, {}, NOT_SATISFIED),
    "NT-P16 other issuer": (good(), {"policy": UNTRUSTING}, Code.ISSUER_NOT_TRUSTED),
    "claim that was asked for is hidden": ({"pid": [present(CREDENTIAL, [])]}, {}, NOT_SATISFIED),
    "other nonce": (bound(nonce="x" * 22), {}, Code.NONCE_MISMATCH),
    "NT-P38 audience without the prefix": (bound(audience=VERIFIER), {}, Code.AUDIENCE_MISMATCH),
    "key binding of another key": (bound(key=OTHER_KEY), {}, Code.KEY_BINDING_SIGNATURE_INVALID),
    "no key binding": (bound(key=None), {}, Code.KEY_BINDING_MISSING),
    "no key binding under a lax policy": (bound(key=None), {"policy": LAX}, Code.KEY_BINDING_MISSING),
    "no presentation": ({"pid": ["eyJ"]}, {}, Code.FORMAT_INVALID),
}


@pytest.mark.parametrize(("answer", "changes", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_answer_with_anything_wrong_is_refused_with_its_checks(
    answer: dict[str, list[str]], changes: dict[str, Any], code: Code
) -> None:
    with pytest.raises(TallyError) as caught:
        verify(answer, **changes)
    assert caught.value.code is code
    assert Outcome.FAILED in outcomes(caught.value.checks).values()


def test_refused_query_shows_the_checks_of_the_presentation_too() -> None:
    with pytest.raises(VerificationError) as caught:
        verify({"pid": [present(CREDENTIAL, [])]})
    checks = outcomes(caught.value.checks)
    assert checks[Check.SIGNATURE] is Outcome.PASSED
    assert checks[ResponseCheck.QUERY] is Outcome.FAILED
    assert checks[ResponseCheck.SAME_PERSON] is Outcome.NOT_REACHED


@pytest.mark.parametrize(
    ("value", "accepted"), [("1815-12-10", True), pytest.param("1815-12-11", False, id="NT-P16 other value")]
)
def test_value_is_checked_again(value: str, accepted: bool) -> None:
    query = credential(claims=[{"path": ["birthdate"], "values": [value]}])
    if accepted:
        verify(good(), query)
    else:
        with pytest.raises(VerificationError) as caught:
            verify(good(), query)
        assert caught.value.code is Code.QUERY_NOT_SATISFIED


def test_bare_credential_is_accepted_where_query_and_policy_waive_the_binding() -> None:
    query = credential(require_cryptographic_holder_binding=False)
    vp_token = {"pid": [present(CREDENTIAL, [("birthdate",)], key=None)]}
    assert verify(vp_token, query, policy=LAX).answers
    with pytest.raises(VerificationError) as caught:
        verify(vp_token, query)
    assert caught.value.code is Code.KEY_BINDING_MISSING


def test_same_credential_does_not_count_twice() -> None:
    twice = {"pid": [present(CREDENTIAL, [("birthdate",)]), present(CREDENTIAL, [("birthdate",)])]}
    with pytest.raises(VerificationError) as caught:
        verify(twice, credential(multiple=True))
    assert (caught.value.code, caught.value.detail) == (
        Code.QUERY_NOT_SATISFIED,
        "pid: the same credential twice",
    )
    two = {"pid": [present(CREDENTIAL, [("birthdate",)]), present(issue(), [("birthdate",)])]}
    assert len(verify(two, credential(multiple=True)).answers["pid"]) == 2


def test_one_bad_presentation_spoils_the_answer() -> None:
    degree = credential("degree", meta={"vct_values": [DEGREE]})
    bad = present(issue(vct=DEGREE), [("birthdate",)], nonce="x" * 22)
    with pytest.raises(VerificationError) as caught:
        verify({**good(), "degree": [bad]}, credential(), degree)
    assert caught.value.code is Code.NONCE_MISMATCH


@pytest.mark.parametrize(
    ("birthdate", "accepted"), [("1815-12-10", True), pytest.param("1990-01-01", False, id="NT-P18")]
)
def test_two_credentials_must_be_about_the_same_person_where_the_verifier_asks_for_it(
    birthdate: str, accepted: bool
) -> None:
    degree = credential("degree", meta={"vct_values": [DEGREE]})
    vp_token = {**good(), "degree": [present(issue(vct=DEGREE, birthdate=birthdate), [("birthdate",)])]}
    equal: dict[str, Any] = {"equal_claims": [("birthdate",)]}
    if accepted:
        checks = verify(vp_token, credential(), degree, **equal).checks
        assert outcomes(checks)[ResponseCheck.SAME_PERSON] is Outcome.PASSED
    else:
        with pytest.raises(VerificationError) as caught:
            verify(vp_token, credential(), degree, **equal)
        assert outcomes(caught.value.checks)[ResponseCheck.SAME_PERSON] is Outcome.FAILED
        verify(vp_token, credential(), degree)
