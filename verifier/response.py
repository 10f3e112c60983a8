"""Answers: what a wallet posts to a request, checked, and settled once.

Everything is checked before the register is touched, because it takes look-ups elsewhere; then one UPDATE
uses up the request and records the outcome. An answer that was looked at and found wanting uses it up as
well. What cannot be read, or could not be checked because somebody was not to be reached, does not.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json
from protocol.encoding.time import to_seconds
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from protocol.openid4vp.response import ErrorResponse, PresentationResponse, parse_response
from protocol.openid4vp.vp_token import VerifiedAnswer, VerifiedResponse, verify_vp_token
from storage.register import Entropy, digest, new_secret
from verifier.check_list import check_documents
from verifier.question import encode_path_text
from verifier.register import RequestState, requests
from verifier.request import OpenRequest, find_open_request, nonce_of
from verifier.verifier import Verifier

RETURN_TIME = timedelta(minutes=5)
"""How long the browser that began a request may take to come back with the response code."""


def receive_answer(
    verifier: Verifier, reference: str, body: bytes, *, now: datetime, entropy: Entropy
) -> str | None:
    """Take the form that a wallet posts to the request with this reference.

    Gives where the wallet sends its user on to, or None.

    Raises:
        MalformedError: the form cannot be read, or is for another request; nothing was settled.
        RefusedError: no such request, answered already, or too late.
        UnavailableError: it could not be checked; the same answer may come again.
        MalformedError, VerificationError: of a presentation; the request was settled as refused.
    """
    response = parse_response(body)
    if response.state is None or not hmac.compare_digest(digest(response.state), digest(reference)):
        raise MalformedError(Code.RESPONSE_INVALID, "state is not the one of the request")
    request = find_open_request(verifier.register, reference, now=now)
    if isinstance(response, ErrorResponse):
        _settle(
            verifier, request, now=now, state=RequestState.REFUSED, error=Code.HOLDER_DECLINED, checks="[]"
        )
        return None
    try:
        verified = _verify(verifier, request, response, now)
    except (UnavailableError, RefusedError) as error:
        _note_attempt(verifier, request, error)
        # Our own rules and files are no business of the wallet's; that nobody knows yet is.
        raise UnavailableError(error.code) from error
    except (MalformedError, VerificationError) as error:
        checks = _encode(check_documents(error.checks))
        _settle(verifier, request, now=now, state=RequestState.REFUSED, error=error.code, checks=checks)
        raise
    return _settle_verified(verifier, request, verified, now, entropy)


def _verify(
    verifier: Verifier, request: OpenRequest, response: PresentationResponse, now: datetime
) -> VerifiedResponse:
    grounds = verifier.grounds()
    if response.evidence is not None:
        grounds = grounds.with_stapled(response.evidence)
    inquiry = grounds.inquiry(now)
    return verify_vp_token(
        response.vp_token,
        query=request.asked.query,
        expected_nonce=nonce_of(request.reference),
        expected_audience=str(verifier.client_id(request.reference, is_signed=request.is_signed)),
        expires_at=request.expires_at,
        policy=grounds.policy,
        now=now,
        resolve_did=inquiry.resolve_did,
        fetch_status_list=inquiry.fetch_status_list,
        read_accreditations=inquiry.read_accreditations,
        equal_claims=request.asked.equal_claims,
    )


def _settle_verified(
    verifier: Verifier, request: OpenRequest, verified: VerifiedResponse, now: datetime, entropy: Entropy
) -> str | None:
    values: dict[str, Any] = {"state": RequestState.VERIFIED, "checks": _encode(_all_checks(verified))}
    if request.retention:
        document = _answer_document(request, verified)
        values["sealed"] = verifier.seal.seal(document, record_id=request.id, entropy=entropy)
        values["overdue_at"] = to_seconds(now + request.retention)
    if request.redirect_uri is None:
        _settle(verifier, request, now=now, **values)
        return None
    code = new_secret(entropy)
    values |= {
        "state": RequestState.RETURNING,
        "response_code_digest": digest(code),
        "overdue_at": to_seconds(now + RETURN_TIME),
    }
    _settle(verifier, request, now=now, **values)
    separator = "&" if "?" in request.redirect_uri else "?"
    return f"{request.redirect_uri}{separator}response_code={code}"


def _settle(verifier: Verifier, request: OpenRequest, *, now: datetime, **values: Any) -> None:  # noqa: ANN401
    """Use the request up, if nobody else has."""
    with verifier.register.begin() as connection:
        settled = connection.execute(
            update(requests)
            .where(requests.c.id == request.id, requests.c.state == RequestState.PENDING)
            .values(**{"answered_at": to_seconds(now), "overdue_at": None, "error": None, **values})
        )
    if settled.rowcount != 1:
        find_open_request(verifier.register, request.reference, now=now)
        raise AssertionError("what cannot be settled is not open, and the line above says why")


def _note_attempt(verifier: Verifier, request: OpenRequest, error: TallyError) -> None:
    """Let the owner of the request see what stood in the way."""
    with verifier.register.begin() as connection:
        connection.execute(
            update(requests)
            .where(requests.c.id == request.id, requests.c.state == RequestState.PENDING)
            .values(checks=_encode(check_documents(error.checks)), error=error.code)
        )


def _all_checks(verified: VerifiedResponse) -> list[JsonObject]:
    several = sum(map(len, verified.answers.values())) > 1
    checks: list[JsonObject] = []
    for query_id, answers in verified.answers.items():
        for answer in answers:
            shown = answer.presentation
            of_this = check_documents(shown.checks, shown.accreditation)
            checks += [{**check, "credential": query_id} for check in of_this] if several else of_this
    return checks + check_documents(verified.checks)


def _answer_document(request: OpenRequest, verified: VerifiedResponse) -> JsonObject:
    """What of an answer is kept: the claims that were asked for, and where they are from."""
    by_query: JsonObject = {}
    credentials: list[JsonValue] = []
    for query_id, answers in verified.answers.items():
        # No query asks for `multiple`: there is one answer to each.
        (answer,) = answers
        by_query[query_id] = nest_claims(answer.answer.claims)
        credentials.append(_credential_document(query_id, answer))
    claims = by_query if request.asked.by_query else next(iter(by_query.values()))
    return {"claims": claims, "credentials": credentials}


def _credential_document(query_id: str, answer: VerifiedAnswer) -> JsonObject:
    return {
        "id": query_id,
        "vct": answer.presentation.vct,
        "issuer": answer.presentation.issuer,
        "not_asked_for": [encode_path_text(path) for path in answer.answer.excess],
    }


def nest_claims(claims: Mapping[ClaimPath, JsonValue]) -> JsonObject:
    """Claims under their paths as one object. Where elements of an array are missing, the rest move up."""
    nested: JsonObject = {}
    for name in dict.fromkeys(path[0] for path in claims):
        assert isinstance(name, str), "a claim has a name"
        nested[name] = _nest({path[1:]: value for path, value in claims.items() if path[0] == name})
    return nested


def _nest(values: Mapping[ClaimPath, JsonValue]) -> JsonValue:
    if () in values:
        return values[()]
    steps: Sequence[str | int | None] = list(dict.fromkeys(path[0] for path in values))
    inner = {
        step: _nest({path[1:]: value for path, value in values.items() if path[0] == step}) for step in steps
    }
    if all(isinstance(step, int) for step in steps):
        return [inner[step] for step in sorted(step for step in steps if isinstance(step, int))]
    return {str(step): value for step, value in inner.items()}


def _encode(checks: list[JsonObject]) -> str:
    return encode_json(list[JsonValue](checks)).decode()
