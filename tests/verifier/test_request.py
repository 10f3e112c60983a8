from datetime import timedelta
from typing import Any

import pytest

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from protocol.jws import parse_jws
from protocol.openid4vp.invocation import RequestByReference, UnsignedRequest, parse_invocation
from protocol.openid4vp.match_code import match_code
from protocol.openid4vp.request_object import (
    REQUEST_OBJECT_TYP,
    DidClient,
    VerifiedRequest,
    verify_request_object,
    verify_unsigned_request,
)
from protocol.policy import VerificationPolicy
from tests.verifier.shop import VERIFIER_DID, Shop, link_parameters, question, reference_of
from verifier.request import CreatedRequest, nonce_of, sign_request


def read(shop: Shop, created: CreatedRequest, wallet_nonce: str | None = "wallet-nonce") -> VerifiedRequest:
    """What an honest wallet reads when it fetches a signed request."""
    token = sign_request(shop.verifier, reference_of(created), wallet_nonce=wallet_nonce, now=shop.clock())
    return verify_request_object(
        token,
        expected_client_id=link_parameters(created.link)["client_id"],
        expected_wallet_nonce=wallet_nonce,
        now=shop.clock(),
        resolve_did=shop.resolve,
        development=False,
    )


def test_wallet_reads_what_was_asked_and_who_asks(shop: Shop) -> None:
    created = shop.ask("level", purpose="Job application", retention=timedelta(days=30))
    invocation = parse_invocation(created.link, development=False)
    reference = reference_of(created)
    assert invocation == RequestByReference(
        f"decentralized_identifier:{VERIFIER_DID}", f"https://shop.example/request/{reference}", True
    )
    verified = read(shop, created)
    assert isinstance(verified.client, DidClient)
    request = verified.request
    assert request.client_name == "Shop <b>"
    assert request.statement is not None
    assert (request.statement.purpose, request.statement.retention) == ("Job application", timedelta(days=30))
    assert request.reply_to.response_uri == f"https://shop.example/response/{reference}"
    assert (request.reply_to.state, request.nonce) == (reference, nonce_of(reference))
    assert [claim.path for claim in request.query.credentials[0].claims] == [("level",)]


def test_every_value_of_a_request_is_its_own(shop: Shop) -> None:
    first, second = shop.ask(), shop.ask()
    names = [
        name
        for each in (first, second)
        for name in (each.id, reference_of(each), nonce_of(reference_of(each)))
    ]
    assert len(set(names)) == 6
    assert all(len(name) >= 22 for name in names if name not in (first.id, second.id))
    assert first.id not in first.link


def test_request_can_be_fetched_again_and_again(shop: Shop) -> None:
    created = shop.ask()
    first = read(shop, created, None)
    shop.clock.advance(seconds=30)
    second = read(shop, created)
    assert first.request == second.request
    token = sign_request(shop.verifier, reference_of(created), wallet_nonce=None, now=shop.clock())
    assert "wallet_nonce" not in parse_jws(token, expected_typ=REQUEST_OBJECT_TYP).payload_object()


@pytest.mark.parametrize(("signed", "has_did"), [(False, True), (None, False)])
def test_unsigned_request_is_all_in_its_link(shop: Shop, signed: bool | None, has_did: bool) -> None:
    shop.has_did = has_did
    created = shop.ask(is_signed=signed)
    invocation = parse_invocation(created.link, development=False)
    assert isinstance(invocation, UnsignedRequest)
    verified = verify_unsigned_request(invocation.parameters, development=False)
    reference = reference_of(created)
    assert verified.audience == f"redirect_uri:https://shop.example/response/{reference}"
    assert verified.request.nonce == nonce_of(reference)
    with pytest.raises(RefusedError) as refusal:
        sign_request(shop.verifier, reference, wallet_nonce=None, now=shop.clock())
    assert refusal.value.code is Code.REQUEST_NOT_FOUND


def test_verifier_without_a_did_does_not_promise_a_signature(shop: Shop) -> None:
    shop.has_did = False
    with pytest.raises(RefusedError) as refusal:
        shop.ask(is_signed=True)
    assert refusal.value.code is Code.SETTINGS_INVALID


def test_request_of_an_unknown_reference_is_not_found(shop: Shop) -> None:
    created = shop.ask()
    for reference in (created.id, "", "x" * 5000, "\ud800"):
        with pytest.raises(RefusedError) as refusal:
            sign_request(shop.verifier, reference, wallet_nonce=None, now=shop.clock())
        assert refusal.value.code is Code.REQUEST_NOT_FOUND


@pytest.mark.parametrize("is_signed", [True, False])
def test_words_beside_the_link_are_those_the_wallet_shows(shop: Shop, is_signed: bool) -> None:
    created = shop.ask(is_signed=is_signed)
    if is_signed:
        asked = read(shop, created)
    else:
        invocation = parse_invocation(created.link, development=False)
        assert isinstance(invocation, UnsignedRequest)
        asked = verify_unsigned_request(invocation.parameters, development=False)
    assert created.match_code == match_code(asked.audience, asked.request.nonce)


@pytest.mark.parametrize(("lifetime", "seconds"), [(None, 300), (timedelta(seconds=120), 120)])
def test_request_expires(shop: Shop, lifetime: timedelta | None, seconds: int) -> None:
    created = shop.ask(lifetime=lifetime)
    assert created.expires_at == shop.clock() + timedelta(seconds=seconds)
    shop.clock.advance(seconds=seconds - 1)
    read(shop, created)
    shop.clock.advance(seconds=1)
    for _ in range(2):
        with pytest.raises(RefusedError) as refusal:
            read(shop, created)
        assert refusal.value.code is Code.REQUEST_EXPIRED
        assert shop.result(created).status == "expired"


def test_answered_request_is_not_shown_any_more(shop: Shop) -> None:
    created = shop.answered()
    with pytest.raises(RefusedError) as refusal:
        read(shop, created)
    assert refusal.value.code is Code.PRESENTATION_REPLAYED


@pytest.mark.parametrize(
    ("draft", "code", "detail"),
    [
        pytest.param(
            {"type_name": "degre"},
            Code.CREDENTIAL_TYPE_UNKNOWN,
            "'degre'; did you mean degree?",
            id="unknown-type",
        ),
        pytest.param(
            {"type_name": "passport"},
            Code.ISSUER_NOT_TRUSTED,
            "nobody is trusted for passport",
            id="nobody-trusted",
        ),
        pytest.param(
            {"type_name": "urn:other:1"},
            Code.ISSUER_NOT_TRUSTED,
            "nobody is trusted for urn:other:1",
            id="nobody-trusted-for-vct",
        ),
        pytest.param(
            {"questions": [question("degree", "levl")]},
            Code.QUERY_INVALID,
            "degree has no claim 'levl'; did you mean level?",
            id="unknown-claim",
        ),
        pytest.param(
            {"questions": [question("degree", "xyzzy")]},
            Code.QUERY_INVALID,
            "degree has no claim 'xyzzy'; it has given_name, family_name, birth_date, age_over_18, "
            "age_over_21, student_number, title, field, level, university, awarded_on, grade, …",
            id="claim-unlike-any",
        ),
        pytest.param(
            {"questions": [question("degree", "level", optional=["level"])]},
            Code.QUERY_INVALID,
            "a claim is asked for twice",
            id="claim-twice",
        ),
        pytest.param(
            {"questions": [question("degree", optional=["level"])]},
            Code.QUERY_INVALID,
            "optional claims stand beside at least one that is needed",
            id="only-optional",
        ),
    ],
)
def test_question_that_could_never_be_answered_is_not_asked(
    shop: Shop, draft: dict[str, Any], code: Code, detail: str
) -> None:
    with pytest.raises((RefusedError, MalformedError)) as refusal:
        shop.ask(**draft)
    assert (refusal.value.code, refusal.value.detail) == (code, detail)


def test_type_that_does_not_come_along_is_asked_for_by_its_vct(shop: Shop) -> None:
    vct = "https://club.example/vct/member/1"
    shop.policy = VerificationPolicy(trusted_issuers={vct: frozenset({"did:key:z6Mk"})})
    created = shop.ask(questions=[question(vct, "anything.at.0.all.*")])
    (credential,) = read(shop, created).request.query.credentials
    assert credential.id == "credential_1"
    assert credential.vct_values == (vct,)
    assert credential.claims[0].path == ("anything", "at", 0, "all", None)
