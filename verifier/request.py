"""Requests: a question that waits for the answer of one wallet.

    openid4vp://?client_id=decentralized_identifier:did:…&request_uri=https://…/request/<reference>
    openid4vp://?client_id=redirect_uri:https://…/response/<reference>&nonce=…   unsigned, all in the link

The reference is also the request's `state`, and the nonce follows from it: the register knows none of them.
Its owner knows the request under an `id` that has nothing to do with either.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.engine import Engine

from protocol.claim_path import ClaimPath, parse_claim_path
from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.members import array_member, boolean_member, object_member, text_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import RefusedError
from protocol.openid4vp.dcql.query import DcqlQuery, parse_dcql_query
from protocol.openid4vp.invocation import encode_reference, encode_unsigned_request
from protocol.openid4vp.match_code import match_code
from protocol.openid4vp.refusal import ReplyAddress
from protocol.openid4vp.request import AuthorizationRequest, RequestStatement
from protocol.openid4vp.request_object import create_request_object
from storage.database import read_only
from storage.register import Entropy, digest, new_id, new_secret
from verifier.question import CredentialQuestion, create_query
from verifier.register import RequestState, requests
from verifier.settings import NO_DID
from verifier.verifier import Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDraft:
    """A request to be made.

    Attributes:
        questions: What is asked for.
        purpose: What for, in words for the holder.
        retention: How long what is presented is kept; zero for not at all, then only the outcome is.
        by_query: Whether the claims of the result stand under the id of their question.
        equal_claims: The claims that must be the same in all credentials.
        is_signed: Whether it is signed; None for whether it can be.
        lifetime: How long it can be answered; None for what the settings say.
        redirect_uri: Where the wallet sends the browser that began the request on this device; None on
            another device.
    """

    questions: Sequence[CredentialQuestion]
    purpose: str
    retention: timedelta
    by_query: bool = False
    equal_claims: tuple[ClaimPath, ...] = ()
    is_signed: bool | None = None
    lifetime: timedelta | None = None
    redirect_uri: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedRequest:
    """A new request; `link` invokes a wallet, and is shown now or never.

    `match_code` is two words that the wallet shows as well, to be shown beside the link.
    """

    id: str
    link: str
    match_code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks, as the register keeps it; the fields are those of the draft."""

    query: DcqlQuery
    purpose: str
    by_query: bool
    equal_claims: tuple[ClaimPath, ...]


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that waits for its answer."""

    id: str
    reference: str
    asked: Asked
    is_signed: bool
    redirect_uri: str | None
    retention: timedelta
    expires_at: datetime


def create_request(
    verifier: Verifier, draft: RequestDraft, *, now: datetime, entropy: Entropy
) -> CreatedRequest:
    """Ask: whoever has the link can answer, and the first answer counts.

    Raises:
        RefusedError: no such type, nobody is trusted for it, or the verifier cannot sign.
        MalformedError: a question that cannot be asked.
    """
    is_signed = verifier.signer is not None if draft.is_signed is None else draft.is_signed
    if is_signed and verifier.signer is None:
        raise RefusedError(Code.SETTINGS_INVALID, NO_DID)
    query = create_query(draft.questions, verifier.grounds().policy)
    request = OpenRequest(
        id=new_id(entropy),
        reference=new_secret(entropy),
        asked=Asked(query, draft.purpose, draft.by_query, draft.equal_claims),
        is_signed=is_signed,
        redirect_uri=draft.redirect_uri,
        retention=draft.retention,
        expires_at=from_seconds(to_seconds(now + (draft.lifetime or verifier.settings.request_lifetime))),
    )
    with verifier.register.begin() as connection:
        connection.execute(
            insert(requests).values(
                id=request.id,
                reference_digest=digest(request.reference),
                asked=_encode_asked(request.asked),
                is_signed=is_signed,
                redirect_uri=request.redirect_uri,
                created_at=to_seconds(now),
                expires_at=to_seconds(request.expires_at),
                overdue_at=to_seconds(request.expires_at),
                retention_seconds=int(request.retention.total_seconds()),
                state=RequestState.PENDING,
            )
        )
    asked = _authorization_request(verifier, request)
    return CreatedRequest(
        id=request.id,
        link=_link(verifier, request, asked),
        match_code=match_code(str(asked.client_id), asked.nonce),
        expires_at=request.expires_at,
    )


def find_open_request(register: Engine, reference: str, *, now: datetime) -> OpenRequest:
    """The request that `reference` leads to, while it can be answered.

    Raises:
        RefusedError: there is none, it was answered already, or it is too late.
    """
    with read_only(register).begin() as connection:
        row = connection.execute(
            select(requests).where(requests.c.reference_digest == digest(reference))
        ).one_or_none()
    if row is None:
        raise RefusedError(Code.REQUEST_NOT_FOUND)
    if row.state not in (RequestState.PENDING, RequestState.EXPIRED):
        raise RefusedError(Code.PRESENTATION_REPLAYED)
    if row.state == RequestState.EXPIRED or row.expires_at <= to_seconds(now):
        raise RefusedError(Code.REQUEST_EXPIRED)
    return OpenRequest(
        id=row.id,
        reference=reference,
        asked=parse_asked(row.asked),
        is_signed=row.is_signed,
        redirect_uri=row.redirect_uri,
        retention=timedelta(seconds=row.retention_seconds),
        expires_at=from_seconds(row.expires_at),
    )


def sign_request(verifier: Verifier, reference: str, *, wallet_nonce: str | None, now: datetime) -> str:
    """The Request Object of a signed request, made anew each time a wallet fetches it.

    Raises:
        RefusedError: as `find_open_request`; also for a request that is not signed.
    """
    request = find_open_request(verifier.register, reference, now=now)
    if not request.is_signed or verifier.signer is None:
        raise RefusedError(Code.REQUEST_NOT_FOUND)
    signer = verifier.signer()
    return create_request_object(
        _authorization_request(verifier, request),
        key=signer.key,
        key_id=signer.key_id,
        issued_at=now,
        expires_at=request.expires_at,
        wallet_nonce=wallet_nonce,
        ed25519_name=verifier.settings.signing_name,
    )


def nonce_of(reference: str) -> str:
    """The nonce of the request with this reference."""
    return encode_base64url(hashlib.sha256(f"nonce of {reference}".encode()).digest())


def parse_asked(text: str) -> Asked:
    """Read what the register keeps of a question."""
    source = parse_json_object(text)
    return Asked(
        parse_dcql_query(object_member(source, "query")),
        text_member(source, "purpose"),
        boolean_member(source, "by_query", default=False),
        tuple(parse_claim_path(path) for path in array_member(source, "equal_claims")),
    )


def _encode_asked(asked: Asked) -> str:
    source: JsonObject = {
        "query": asked.query.source,
        "purpose": asked.purpose,
        "by_query": asked.by_query,
        "equal_claims": [list(path) for path in asked.equal_claims],
    }
    return encode_json(source).decode()


def _link(verifier: Verifier, request: OpenRequest, asked: AuthorizationRequest) -> str:
    if not request.is_signed:
        return encode_unsigned_request(asked)
    request_uri = f"{verifier.settings.url}/request/{request.reference}"
    return encode_reference(asked.client_id, request_uri, by_post=True)


def _authorization_request(verifier: Verifier, request: OpenRequest) -> AuthorizationRequest:
    reference = request.reference
    return AuthorizationRequest(
        client_id=verifier.client_id(reference, is_signed=request.is_signed),
        reply_to=ReplyAddress(verifier.response_uri(reference), reference),
        nonce=nonce_of(reference),
        query=request.asked.query,
        client_name=verifier.settings.name,
        statement=RequestStatement(request.asked.purpose, request.retention),
        evidence_wanted=verifier.grounds().hand_in is not None,
    )
