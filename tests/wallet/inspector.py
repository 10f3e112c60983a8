"""A verifier on loopback that asks for what it likes, honestly or not, and keeps what it gets."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from doors.server import listen, running
from protocol.encoding.base64url import decode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.jws import sign_jws
from protocol.keys import SigningKey
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.invocation import encode_reference, encode_unsigned_request, parse_fetch_body
from protocol.openid4vp.refusal import ReplyAddress
from protocol.openid4vp.request import AuthorizationRequest
from protocol.openid4vp.request_object import REQUEST_OBJECT_MEDIA_TYPE, create_request_object
from protocol.openid4vp.response import ErrorResponse, PresentationResponse, parse_response
from tests.counted import NOW
from tests.openid_parties import REQUEST, VERIFIER_KEY, VERIFIER_KEY_ID
from wallet.outside import FORM, JSON

NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"
STATE = "qJ2b0yq3iQ3Y2aVdC8vGJw"


def query_for(vct: str, *paths: list[JsonValue], query_id: str = "it", **members: JsonValue) -> JsonObject:
    """A part of a query that asks for the claims at `paths`; without any it asks for the credential alone."""
    part: JsonObject = {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}, **members}
    if paths:
        part["claims"] = [{"path": path} for path in paths]
    return part


LEVEL: JsonObject = {"credentials": [query_for("urn:tallystick:degree:1", ["level"])]}


@dataclass
class Inspector:
    """The verifier.

    Attributes:
        url: Where it is.
        request: What it asks.
        answers: What it was sent, in the order of arrival.
        acknowledgement: What it says to that, with the status and the media type.
        given: The status with which it gives its request.
        now: What its clock says.
        headers: More to go with both.
        forge: Makes the request object of the honest one.
        key: What it signs with.
        key_id: The DID URL of that.
    """

    url: str
    request: AuthorizationRequest
    answers: list[bytes] = field(default_factory=list)
    acknowledgement: tuple[int, bytes, str] = (200, b"{}", JSON)
    given: int = 200
    now: datetime = NOW
    headers: Mapping[str, str] = field(default_factory=dict)
    forge: Callable[[str], str] = str
    key: SigningKey = VERIFIER_KEY
    key_id: str = VERIFIER_KEY_ID

    @property
    def link(self) -> str:
        return encode_reference(self.request.client_id, f"{self.url}/request", by_post=True)

    def ask(self, query: JsonObject, **changed: Any) -> str:
        """Ask `query` from now on; the link to it."""
        self.request = replace(self.request, query=parse_dcql_query(query), **changed)
        return self.link

    def unsigned_link(self) -> str:
        """The link to the same request, with nobody's signature."""
        client_id = ClientId(ClientIdPrefix.REDIRECT_URI, f"{self.url}/response")
        return encode_unsigned_request(replace(self.request, client_id=client_id, statement=None))

    def declined(self) -> tuple[str, str | None]:
        """The word and the sentence of the one error that came."""
        (body,) = self.answers
        answer = parse_response(body)
        assert isinstance(answer, ErrorResponse)
        assert answer.state == STATE
        return answer.error.error, answer.error.description

    def presented(self) -> dict[str, str]:
        """The presentations of the one answer that came."""
        (body,) = self.answers
        answer = parse_response(body)
        assert isinstance(answer, PresentationResponse)
        assert answer.state == STATE
        return {query_id: texts[0] for query_id, texts in answer.vp_token.items()}

    async def give(self, request: Request) -> Response:
        body = await request.body()
        signed = self.sign(wallet_nonce=parse_fetch_body(body) if body else None)
        return Response(self.forge(signed), self.given, self.headers, REQUEST_OBJECT_MEDIA_TYPE)

    async def take(self, request: Request) -> Response:
        assert request.headers["content-type"] == FORM
        self.answers.append(await request.body())
        status, body, kind = self.acknowledgement
        return Response(body, status, self.headers, kind)

    def sign(self, *, wallet_nonce: str | None) -> str:
        return create_request_object(
            self.request,
            key=self.key,
            key_id=self.key_id,
            issued_at=self.now,
            expires_at=self.now + timedelta(minutes=5),
            wallet_nonce=wallet_nonce,
        )


@contextmanager
def open_inspector() -> Iterator[Inspector]:
    with listen("127.0.0.1", 0, name="verifier.localhost") as listener:
        reply_to = ReplyAddress(f"{listener.url}/response", STATE)
        inspector = Inspector(listener.url, replace(REQUEST, reply_to=reply_to, nonce=NONCE))
        routes = [
            Route("/request", inspector.give, methods=["GET", "POST"]),
            Route("/response", inspector.take, methods=["POST"]),
        ]
        with running(Starlette(routes=routes), listener):
            yield inspector


def resigned(
    change: Callable[[dict[str, Any]], object] = lambda _payload: None,
    *,
    header: JsonObject | None = None,
    typ: str = "oauth-authz-req+jwt",
    key: SigningKey = VERIFIER_KEY,
) -> Callable[[str], str]:
    """The request object with a changed payload, signed anew."""

    def forge(token: str) -> str:
        encoded_header, encoded_payload, _ = token.split(".")
        honest = parse_json_object(decode_base64url(encoded_header))
        payload: dict[str, Any] = parse_json_object(decode_base64url(encoded_payload))
        change(payload)
        return sign_jws(payload, key, typ=typ, header={"kid": honest["kid"], **(header or {})})

    return forge
