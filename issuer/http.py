"""The issuer's HTTP door: OpenID4VCI for wallets, signed status lists for verifiers, and the management API.

GET  /.well-known/openid-credential-issuer, /.well-known/oauth-authorization-server
GET  /offers/<reference>            an open offer
POST /token /nonce /credential /notification
GET  /status/<number>               a signed status list
GET  /types/<name>                  the type metadata of what is issued
     /manage/…                      offers, credentials, types, rotation; with the management key
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Response
from fastapi.responses import JSONResponse

from doors.error_route import error_route
from doors.http import answers, bearer_key, create_app, json_body, raw_body, request_body
from doors.upkeep import repeated
from issuer.folder import KEY_PREFIX
from issuer.grant import create_nonce, exchange_code
from issuer.institution import Institution
from issuer.issuance import issue_credential, record_notification
from issuer.management import (
    OFFER_SCHEMA,
    created_offer_document,
    credential_document,
    offer_document,
    parse_offer_request,
    type_document,
)
from issuer.metadata import authorization_server_metadata, issuer_metadata
from issuer.oauth import access_token, answer_error
from issuer.offer import (
    create_offer,
    credential_offer,
    find_offer,
    find_open_offer,
    list_offers,
    remove_expired,
    withdraw_offer,
)
from issuer.refill import end_refill, exchange_refresh_token
from issuer.register import OfferState, find_credential, list_credentials
from issuer.status import StatusPublisher, change_status
from ledger.identity import IdentityKey
from protocol.encoding.strict_json import JsonObject
from protocol.openid4vci.credential import (
    MAX_REQUEST_BYTES,
    encode_credential_response,
    encode_nonce_response,
    parse_credential_request,
    parse_notification,
)
from protocol.openid4vci.metadata import AUTHORIZATION_SERVER_WELL_KNOWN, ISSUER_WELL_KNOWN
from protocol.openid4vci.offer import encode_offer
from protocol.openid4vci.token import RefreshRequest, encode_token_response, parse_token_request
from protocol.status_list import Status
from protocol.status_list.token import STATUS_LIST_TYP
from storage.database import erase_traces, read_only
from storage.management_key import verify_management_key
from storage.register import Entropy, find_management_key

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_STATUS_LIST = f"application/{STATUS_LIST_TYP}"
# The statuses that RFC 6749 §5.2 and RFC 6750 §3.1 give to their errors.
_TOKEN_ERRORS = (400,)
_ACCESS_ERRORS = (400, 401, 403)
_ACTIONS = {"revoke": Status.INVALID, "suspend": Status.SUSPENDED, "reinstate": Status.VALID}


@dataclass(frozen=True, slots=True)
class IssuerApp:
    """What the endpoints work with.

    Attributes:
        institution: Whose door it is.
        rotate: Gives it a new signing key at this time.
        clock: Tells the time.
        entropy: Makes ids, codes, tokens, nonces and salts.
    """

    institution: Institution
    rotate: Callable[[datetime], IdentityKey]
    clock: Callable[[], datetime]
    entropy: Entropy

    def health(self) -> JsonObject:
        """Whether the register can be read."""
        find_management_key(self.institution.register, "")
        return {}

    def sweep(self) -> None:
        """Forget what nobody came for in time."""
        remove_expired(self.institution.register, now=self.clock())
        erase_traces(self.institution.register)


def create_issuer_app(issuer: IssuerApp) -> FastAPI:
    """The application that serves `issuer`."""
    app = create_app(
        title=f"Issuer of {issuer.institution.settings.name}",
        version="1",
        description="Offers and issues verifiable credentials (OpenID4VCI 1.0, SD-JWT VC).",
        health=issuer.health,
        max_body_bytes=MAX_REQUEST_BYTES,
        lifespan=repeated(issuer.sweep),
    )
    app.include_router(_public(issuer))
    app.include_router(_openid(issuer))
    app.include_router(_management(issuer))
    return app


def _public(issuer: IssuerApp) -> APIRouter:
    router = APIRouter(tags=["public"])
    institution = issuer.institution
    publisher = StatusPublisher(institution)
    settings = institution.settings

    @router.get(f"/.well-known/{ISSUER_WELL_KNOWN}", summary="Credential Issuer Metadata")
    def get_issuer_metadata() -> JSONResponse:
        return JSONResponse(issuer_metadata(settings, institution.types.all()))

    @router.get(f"/.well-known/{AUTHORIZATION_SERVER_WELL_KNOWN}", summary="Authorization Server Metadata")
    def get_authorization_server_metadata() -> JSONResponse:
        return JSONResponse(authorization_server_metadata(settings))

    @router.get("/offers/{reference}", summary="An open offer")
    def get_offer(reference: str) -> JSONResponse:
        offer = find_open_offer(institution.register, reference, now=issuer.clock())
        return JSONResponse(
            encode_offer(
                credential_offer(settings.url, offer.type, reference, tx_code_required=offer.tx_code_required)
            )
        )

    @router.get(
        "/status/{number}",
        summary="A signed status list (Token Status List)",
        **answers("The list of this number.", media_type=_STATUS_LIST),
    )
    def get_status_list(number: Annotated[int, Path(ge=1, lt=1 << 31)]) -> Response:
        return Response(
            publisher.token(number, now=issuer.clock()),
            media_type=_STATUS_LIST,
            headers={"Access-Control-Allow-Origin": "*"},
        )

    @router.get("/types/{name}", summary="Type metadata of what is issued")
    def get_type(name: str) -> Response:
        return Response(institution.types.metadata_document(name), media_type=_JSON)

    return router


def _openid(issuer: IssuerApp) -> APIRouter:
    router = APIRouter(tags=["OpenID4VCI"], route_class=error_route(answer_error))
    institution = issuer.institution
    settings = institution.settings
    AccessToken = Annotated[str, Depends(access_token)]  # noqa: N806 (a type)

    @router.post(
        "/token",
        summary="A pre-authorized code, or a refresh token, for an access token",
        openapi_extra=request_body({"type": "object"}, media_type=_FORM),
        **answers("An access token, good for one issuance.", oauth_errors=_TOKEN_ERRORS),
    )
    def post_token(body: Annotated[bytes, Depends(raw_body(_FORM))]) -> JSONResponse:
        request, now = parse_token_request(body), issuer.clock()
        if isinstance(request, RefreshRequest):
            response = exchange_refresh_token(institution, request, now=now, entropy=issuer.entropy)
        else:
            response = exchange_code(institution, request, now=now, entropy=issuer.entropy)
        return JSONResponse(encode_token_response(response))

    @router.post("/nonce", summary="A fresh nonce for proofs")
    def post_nonce() -> JSONResponse:
        nonce = create_nonce(institution.register, now=issuer.clock(), entropy=issuer.entropy)
        return JSONResponse(encode_nonce_response(nonce))

    @router.post(
        "/credential",
        summary="Credentials for proofs of keys",
        openapi_extra=request_body({"type": "object"}),
        **answers("A copy for each proved key.", oauth_errors=_ACCESS_ERRORS),
    )
    def post_credential(
        token: AccessToken, body: Annotated[bytes, Depends(raw_body(_JSON, max_bytes=MAX_REQUEST_BYTES))]
    ) -> JSONResponse:
        request = parse_credential_request(body, max_proofs=settings.copies)
        issued = issue_credential(institution, request, token, now=issuer.clock(), entropy=issuer.entropy)
        return JSONResponse(encode_credential_response(issued))

    @router.post(
        "/notification",
        summary="What became of a credential",
        openapi_extra=request_body({"type": "object"}),
        **answers("It was noted.", media_type=None, status=204, oauth_errors=_ACCESS_ERRORS),
    )
    def post_notification(token: AccessToken, body: Annotated[bytes, Depends(raw_body(_JSON))]) -> None:
        record_notification(institution.register, parse_notification(body), token, now=issuer.clock())

    return router


def _management(issuer: IssuerApp) -> APIRouter:
    find = partial(find_management_key, issuer.institution.register)
    key = bearer_key(partial(verify_management_key, prefix=KEY_PREFIX, find=find))
    router = APIRouter(prefix="/manage", tags=["management"], dependencies=[Depends(key)])
    institution = issuer.institution
    OfType = Annotated[str | None, Query(alias="type", description="Only this type.")]  # noqa: N806 (a type)
    InState = Annotated[OfferState | None, Query(description="Only in this state.")]  # noqa: N806 (a type)

    @router.post(
        "/offers",
        summary="Offer a credential",
        openapi_extra=request_body(OFFER_SCHEMA),
        **answers("The offer, with what is shown this once.", status=201),
    )
    def post_offer(body: Annotated[JsonObject, Depends(json_body())]) -> JSONResponse:
        request = parse_offer_request(body)
        created = create_offer(
            institution,
            type_name=request.type,
            claims=request.claims,
            with_tx_code=request.with_tx_code,
            copies=request.copies,
            lifetime=request.lifetime,
            now=issuer.clock(),
            entropy=issuer.entropy,
        )
        return JSONResponse(created_offer_document(institution.settings, created), 201)

    @router.get("/offers", summary="All offers, the latest first")
    def get_offers(type_name: OfType = None, state: InState = None) -> JSONResponse:
        found = list_offers(institution.register, type_name=type_name, state=state)
        return JSONResponse({"offers": [offer_document(offer) for offer in found]})

    @router.get("/offers/{offer_id}", summary="One offer")
    def get_one_offer(offer_id: str) -> JSONResponse:
        return JSONResponse(offer_document(find_offer(institution.register, offer_id)))

    @router.post("/offers/{offer_id}/withdraw", summary="Take an offer back")
    def post_withdrawal(offer_id: str) -> JSONResponse:
        return JSONResponse(offer_document(withdraw_offer(institution.register, offer_id)))

    @router.get("/credentials", summary="All that was issued, the latest first")
    def get_credentials(type_name: OfType = None) -> JSONResponse:
        found = list_credentials(institution.register, type_name=type_name)
        return JSONResponse({"credentials": [credential_document(credential) for credential in found]})

    @router.get("/credentials/{credential_id}", summary="One issued credential")
    def get_credential(credential_id: str) -> JSONResponse:
        with read_only(institution.register).begin() as connection:
            return JSONResponse(credential_document(find_credential(connection, credential_id)))

    def add_action(name: str, status: Status) -> None:
        @router.post(f"/credentials/{{credential_id}}/{name}", summary=f"{name.capitalize()} a credential")
        def post_status(credential_id: str) -> JSONResponse:
            record = change_status(institution.register, credential_id, status, now=issuer.clock())
            return JSONResponse(credential_document(record))

    for name, status in _ACTIONS.items():
        add_action(name, status)

    @router.post("/credentials/{credential_id}/forget", summary="Erase what further copies would be made of")
    def post_forget(credential_id: str) -> JSONResponse:
        return JSONResponse(credential_document(end_refill(institution.register, credential_id)))

    @router.post("/rotate", summary="Rotate the signing key")
    def post_rotate() -> JSONResponse:
        return JSONResponse({"key_id": issuer.rotate(issuer.clock()).key_id})

    @router.get("/types", summary="The types that are issued")
    def get_types() -> JSONResponse:
        return JSONResponse({"types": [type_document(issued) for issued in institution.types.all()]})

    return router
