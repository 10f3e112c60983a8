"""The verifier's HTTP door: OpenID4VP for wallets, and the management API.

GET  /request/<reference>           the signed request
POST /request/<reference>           the same, repeating the wallet's nonce
POST /response/<reference>          the answer
GET  /done?response_code=<code>     where the browser that began a request ends
     /manage/…                      requests, checks, rotation; with the management key
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse

from doors.error_route import error_route
from doors.http import answers, bearer_key, create_app, json_body, raw_body, request_body
from doors.problem import http_status
from doors.upkeep import repeated
from ledger.identity import IdentityKey
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.oauth_error import OAuthError, encode_description, encode_oauth_error
from protocol.openid4vp.invocation import parse_fetch_body
from protocol.openid4vp.refusal import ErrorWord
from protocol.openid4vp.request_object import REQUEST_OBJECT_MEDIA_TYPE
from protocol.openid4vp.response import MAX_RESPONSE_BYTES, encode_acknowledgement
from storage.database import erase_traces
from storage.management_key import verify_management_key
from storage.register import Entropy, find_management_key
from verifier.check import check_document, check_material
from verifier.done_page import render_done_page
from verifier.folder import KEY_PREFIX
from verifier.management import (
    CHECK_SCHEMA,
    DONE_PATH,
    MAX_CHECKED_BYTES,
    REQUEST_SCHEMA,
    created_document,
    parse_material,
    parse_request_draft,
)
from verifier.request import create_request, sign_request
from verifier.response import receive_answer
from verifier.result import (
    forget_overdue,
    read_result,
    redeem_response_code,
    remove_request,
    result_document,
)
from verifier.settings import NO_DID
from verifier.verifier import Verifier

_FORM = "application/x-www-form-urlencoded"
_FORM_BODY: JsonObject = {"type": "object"}
# What says that the request could not be taken in at all; every other refusal is a 400 (RFC 6749 §5.2).
_OWN_STATUS = (408, 413, 415)


@dataclass(frozen=True, slots=True)
class VerifierApp:
    """What the endpoints work with.

    Attributes:
        verifier: Whose door it is.
        rotate: Gives it a new signing key at this time; None if it has no DID.
        clock: Tells the time.
        entropy: Makes ids, references and codes.
    """

    verifier: Verifier
    rotate: Callable[[datetime], IdentityKey] | None
    clock: Callable[[], datetime]
    entropy: Entropy

    def health(self) -> JsonObject:
        """Whether the register can be read and the policy used."""
        find_management_key(self.verifier.register, "")
        try:
            self.verifier.grounds()
        except RefusedError as error:
            # The detail names a place in a file, which is the owner's business.
            raise UnavailableError(error.code) from error
        return {}

    def sweep(self) -> None:
        """Forget what is overdue."""
        forget_overdue(self.verifier.register, now=self.clock())
        erase_traces(self.verifier.register)


def create_verifier_app(app: VerifierApp) -> FastAPI:
    """The application that serves `app`."""
    application = create_app(
        title=f"Verifier of {app.verifier.settings.name}",
        version="1",
        description="Asks for verifiable credentials and checks them (OpenID4VP 1.0, DCQL, SD-JWT VC).",
        health=app.health,
        max_body_bytes=MAX_RESPONSE_BYTES,
        lifespan=repeated(app.sweep),
    )
    application.include_router(_public(app))
    application.include_router(_openid(app))
    application.include_router(_management(app))
    return application


def _answer_wallet(error: TallyError, _path: str) -> Response:
    """`error` in the words of OAuth, without anything the wallet sent."""
    status = http_status(error)
    description = encode_description(f"{error.code.meaning} ({error.code})")
    told = encode_oauth_error(OAuthError(ErrorWord.INVALID_REQUEST.value, description))
    return JSONResponse(told, status if status in _OWN_STATUS else 400)


def _openid(app: VerifierApp) -> APIRouter:
    router = APIRouter(tags=["OpenID4VP"])
    direct_post = APIRouter(tags=["OpenID4VP"], route_class=error_route(_answer_wallet))
    signed = answers("The request, signed.", media_type=REQUEST_OBJECT_MEDIA_TYPE)
    verifier = app.verifier

    def request_object(reference: str, wallet_nonce: str | None) -> Response:
        signed = sign_request(verifier, reference, wallet_nonce=wallet_nonce, now=app.clock())
        return Response(signed, media_type=REQUEST_OBJECT_MEDIA_TYPE)

    @router.get("/request/{reference}", summary="A signed request", **signed)
    def get_request(reference: str) -> Response:
        return request_object(reference, None)

    @router.post(
        "/request/{reference}",
        summary="A signed request that repeats the wallet's nonce",
        openapi_extra=request_body(_FORM_BODY, media_type=_FORM),
        **signed,
    )
    def post_request(reference: str, body: Annotated[bytes, Depends(raw_body(_FORM))]) -> Response:
        return request_object(reference, parse_fetch_body(body))

    @direct_post.post(
        "/response/{reference}",
        summary="The answer to a request (direct_post)",
        openapi_extra=request_body(_FORM_BODY, media_type=_FORM),
        **answers("Where the browser goes on, if anywhere.", oauth_errors=(400, *_OWN_STATUS)),
    )
    def post_response(
        reference: str, body: Annotated[bytes, Depends(raw_body(_FORM, max_bytes=MAX_RESPONSE_BYTES))]
    ) -> JSONResponse:
        redirect_uri = receive_answer(verifier, reference, body, now=app.clock(), entropy=app.entropy)
        return JSONResponse(encode_acknowledgement(redirect_uri))

    router.include_router(direct_post)
    return router


def _public(app: VerifierApp) -> APIRouter:
    router = APIRouter(tags=["public"])

    @router.get(DONE_PATH, summary="Where the browser that began a request ends", include_in_schema=False)
    def get_done(response_code: str = "") -> HTMLResponse:
        name = app.verifier.settings.name
        try:
            redeem_response_code(app.verifier.register, response_code, now=app.clock())
        except RefusedError as error:
            return HTMLResponse(render_done_page(name, error.code), 403)
        return HTMLResponse(render_done_page(name, None))

    return router


def _management(app: VerifierApp) -> APIRouter:
    find = partial(find_management_key, app.verifier.register)
    key = bearer_key(partial(verify_management_key, prefix=KEY_PREFIX, find=find))
    router = APIRouter(prefix="/manage", tags=["management"], dependencies=[Depends(key)])
    verifier = app.verifier
    ResponseCode = Annotated[  # noqa: N806 (a type)
        str | None, Query(description="What the browser brought back, for a request on the same device.")
    ]

    @router.post(
        "/requests",
        summary="Ask for a presentation",
        openapi_extra=request_body(REQUEST_SCHEMA),
        **answers("The request, with the link that is shown this once.", status=201),
    )
    def post_request(body: Annotated[JsonObject, Depends(json_body())]) -> JSONResponse:
        development = verifier.grounds().development
        draft = parse_request_draft(body, url=verifier.settings.url, development=development)
        created = create_request(verifier, draft, now=app.clock(), entropy=app.entropy)
        return JSONResponse(created_document(created), 201)

    @router.get("/requests/{request_id}", summary="What became of a request")
    def get_request(request_id: str, response_code: ResponseCode = None) -> Response:
        result = read_result(verifier, request_id, response_code=response_code, now=app.clock())
        return JSONResponse(result_document(result))

    @router.delete(
        "/requests/{request_id}",
        summary="Forget a request",
        **answers("It is forgotten.", media_type=None, status=204),
    )
    def delete_request(request_id: str) -> None:
        remove_request(verifier.register, request_id)

    @router.post("/rotate", summary="Rotate the signing key")
    def post_rotate() -> JSONResponse:
        if app.rotate is None:
            raise RefusedError(Code.SETTINGS_INVALID, NO_DID)
        return JSONResponse({"key_id": app.rotate(app.clock()).key_id})

    @router.post(
        "/check", summary="Check a credential or presentation", openapi_extra=request_body(CHECK_SCHEMA)
    )
    def post_check(
        body: Annotated[JsonObject, Depends(json_body(max_bytes=2 * MAX_CHECKED_BYTES))],
    ) -> JSONResponse:
        checked = check_material(parse_material(body), verifier.grounds(), now=app.clock())
        return JSONResponse(check_document(checked))

    return router
