from typing import Any

import pytest

from protocol.checks import CheckResult, Outcome
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.policy import KeyBindingRule
from tests.attacks.artefacts import DID, NOW, OTHER_DID
from tests.verifier.shop import DEGREE, OTHER_KEY, STATUS_URI, Shop, issue, outcomes, status_token
from verifier.check import CheckedMaterial, Material, check_document, check_material
from verifier.check_list import check_documents
from verifier.request import CreatedRequest

NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"
AUDIENCE = "https://shop.example"


def check(shop: Shop, text: str, nonce: str | None = None, audience: str | None = None) -> CheckedMaterial:
    return check_material(Material(text, nonce, audience), shop.grounds(), now=shop.clock())


def presented(shop: Shop, **binding: Any) -> str:
    created = CreatedRequest("", f"openid4vp://?request_uri=https://shop.example/request/{'x' * 22}", "", NOW)
    return shop.present(created, "level", **{"nonce": NONCE, "audience": AUDIENCE, **binding})


def test_bare_credential_from_a_file_is_checked_whatever_stands_around_it(shop: Shop) -> None:
    checked = check(shop, f"\n  {issue().encoded}\r\n")
    document: Any = check_document(checked)
    assert document["status"] == "verified"
    assert (document["vct"], document["issuer"]) == (DEGREE.vct, DID)
    assert document["claims"]["level"] == "master"
    found = outcomes(document["checks"])
    assert (found["key_binding"], found["status"]) == ("skipped", "skipped")


def test_presentation_is_checked_for_its_nonce_and_audience(shop: Shop) -> None:
    assert check(shop, presented(shop), NONCE, AUDIENCE).status == "verified"
    other = check(shop, presented(shop), "x" * 22, AUDIENCE)
    assert other.error is not None
    assert (other.status, other.error.code) == ("refused", Code.NONCE_MISMATCH)
    other = check(shop, presented(shop), NONCE, "https://other.example")
    assert other.error is not None
    assert other.error.code is Code.AUDIENCE_MISMATCH


def test_presentation_is_no_bare_credential(shop: Shop) -> None:
    checked = check(shop, presented(shop))
    assert checked.error is not None
    assert checked.error.code is Code.KEY_BINDING_UNEXPECTED


def test_stolen_credential_is_no_presentation_unless_the_policy_says_so(shop: Shop) -> None:
    text = issue().encoded
    stolen = check(shop, text, NONCE, AUDIENCE)
    assert stolen.error is not None
    assert stolen.error.code is Code.KEY_BINDING_MISSING
    shop.trust(key_binding=KeyBindingRule.NOT_REQUIRED)
    assert check(shop, text, NONCE, AUDIENCE).status == "verified"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", Code.FORMAT_INVALID, id="nothing"),
        pytest.param("\x1b[2J", Code.FORMAT_INVALID, id="escape"),
        pytest.param("eyJ~", Code.FORMAT_INVALID, id="half"),
        pytest.param("one.two.three~", Code.ENCODING_INVALID, id="three-words"),
        pytest.param(issue(exp=1).encoded, Code.EXPIRED, id="expired"),
        pytest.param(issue(key=OTHER_KEY).encoded, Code.SIGNATURE_INVALID, id="forged"),
        pytest.param(issue(iss=OTHER_DID).encoded, Code.ISSUER_NOT_TRUSTED, id="stranger"),
    ],
)
def test_refusal_lists_every_check(shop: Shop, text: str, code: Code) -> None:
    document: Any = check_document(check(shop, text))
    assert document["status"] == "refused"
    assert document["error"]["code"] == code
    assert document["claims"] == {}
    found = list(outcomes(document["checks"]).values())
    assert found.count("failed") == 1
    assert set(found[found.index("failed") + 1 :]) <= {"not_reached"}


def test_what_nobody_could_find_out_is_neither_verified_nor_refused(shop: Shop) -> None:
    text = issue(status=True).encoded
    document: Any = check_document(check(shop, text))
    assert (document["status"], document["error"]["code"]) == ("unavailable", "status_unavailable")
    shop.status.tokens[STATUS_URI] = status_token()
    assert check(shop, text).status == "verified"
    shop.status.tokens[STATUS_URI] = status_token(2)
    shop.clock.advance(minutes=6)
    suspended: Any = check_document(check(shop, text))
    assert suspended["error"]["code"] == "credential_suspended"


@pytest.mark.parametrize("text", ["", "garbage", "garbage~", "one.two.three~", "e30.e30~e30"])
def test_garbage_does_not_have_the_form_of_a_credential(shop: Shop, text: str) -> None:
    document: Any = check_document(check(shop, text))
    assert outcomes(document["checks"])["format"] == "failed"


def test_proof_of_the_holder_is_not_looked_for_in_a_bare_credential(shop: Shop) -> None:
    document: Any = check_document(check(shop, issue().encoded))
    presence = document["checks"][1]
    assert presence == {"id": "key_binding_presence", "outcome": "skipped", "detail": "Not presented."}


@pytest.mark.parametrize(("nonce", "audience"), [(NONCE, None), (None, AUDIENCE)])
def test_nonce_and_audience_go_together(shop: Shop, nonce: str | None, audience: str | None) -> None:
    with pytest.raises(RefusedError) as refusal:
        check(shop, presented(shop), nonce, audience)
    assert refusal.value.code is Code.INPUT_REQUIRED


@pytest.mark.parametrize(
    ("result", "detail"),
    [
        (CheckResult("signature", Outcome.PASSED), "The issuer signed exactly this."),
        (CheckResult("validity", Outcome.FAILED, "expired"), "Its time of validity is over."),
        (
            CheckResult("validity", Outcome.FAILED, "claim_invalid: exp"),
            f"{Code.CLAIM_INVALID.meaning} (exp)",
        ),
        (CheckResult("status", Outcome.SKIPPED, "not asked for"), "Not asked for."),
        (
            CheckResult("status", Outcome.NOT_REACHED),
            "Not looked at, because an earlier check ended the verification.",
        ),
    ],
)
def test_check_says_what_it_means(result: CheckResult, detail: str) -> None:
    assert check_documents([result]) == [{"id": result.id, "outcome": result.outcome.value, "detail": detail}]
