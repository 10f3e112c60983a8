"""An issuer and a verifier on loopback, a fetcher that can lie between them and the wallet, and wallets."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from doors.server import listen, running
from ledger.fetch import MAX_BYTES, Fetched, Fetcher, FetchRules
from protocol.codes import Code
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import UnavailableError
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.invocation import encode_reference, parse_fetch_body
from protocol.openid4vp.refusal import ReplyAddress
from protocol.openid4vp.request import AuthorizationRequest
from protocol.openid4vp.request_object import REQUEST_OBJECT_MEDIA_TYPE, create_request_object
from protocol.openid4vp.response import PresentationResponse, parse_response
from storage.passphrase import TEST_ONLY, Passphrase
from tests.issuer.counted import NOW, SetClock
from tests.issuer.door import Door, open_door
from tests.openid_parties import REQUEST, VERIFIER_KEY, VERIFIER_KEY_ID
from tests.openid_parties import resolve_did as resolve_key
from tests.status_issuer import DID, ISSUER
from wallet.outside import FORM, JSON, Outside
from wallet.vault import Vault

PASSPHRASE = Passphrase("correct horse battery staple")
ENTROPY = bytes(range(32))
UNIVERSITY = replace(ISSUER, evidence=LogEvidence("ledger.example", 7, NOW))
NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"
STATE = "qJ2b0yq3iQ3Y2aVdC8vGJw"

Lie = Callable[[Callable[[], Fetched]], Fetched]
"""Makes an answer, of the honest one if it asks for it."""


def create_vault(folder: Path, *, entropy: bytes = ENTROPY) -> Vault:
    return Vault.create(
        folder / "wallet" / "wallet.sealed",
        passphrase=PASSPHRASE,
        entropy=entropy,
        kdf=TEST_ONLY,
        mark_folder=folder / "state",
        now=NOW,
    )


def open_vault(folder: Path) -> Vault:
    return Vault.open(
        folder / "wallet" / "wallet.sealed",
        PASSPHRASE,
        mark_folder=folder / "state",
        weakest_kdf=TEST_ONLY,
    )


@dataclass(frozen=True)
class Sent:
    """What left the wallet."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]


class Courier(Fetcher):
    """The real fetcher on loopback. It notes what it carries, and lies where it is told to."""

    def __init__(self) -> None:
        super().__init__(FetchRules(development=True))
        self.sent: list[Sent] = []
        self._lies: dict[str, list[Lie]] = {}

    def lie(self, path: str, *lies: Lie) -> None:
        """Answer requests to addresses that end with `path`, one lie after the other, the last for good."""
        self._lies[path] = list(lies)

    def lie_no_more(self) -> None:
        self._lies.clear()

    def paths(self, method: str = "") -> list[str]:
        return [urlsplit(sent.url).path for sent in self.sent if method in ("", sent.method)]

    def fetch(
        self,
        url: str,
        *,
        accept: str,
        method: Literal["GET", "POST"] = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Fetched:
        self.sent.append(Sent(method, url, body or b"", headers or {}))

        def honestly() -> Fetched:
            return super(Courier, self).fetch(
                url,
                accept=accept,
                method=method,
                headers=headers,
                body=body,
                content_type=content_type,
                max_bytes=max_bytes,
            )

        for path, lies in self._lies.items():
            if url.endswith(path):
                return (lies.pop(0) if len(lies) > 1 else lies[0])(honestly)
        return honestly()


def says(body: bytes | JsonObject, status: int = 200, *, kind: str = JSON) -> Lie:
    """A lie that is always the same."""
    data = body if isinstance(body, bytes) else encode_json(body)
    return lambda _honestly: Fetched(status, kind, data)


def changes(change: Callable[[dict[str, Any]], object]) -> Lie:
    """A lie that changes the honest JSON in its place."""

    def lie(honestly: Callable[[], Fetched]) -> Fetched:
        answer = honestly()
        document: dict[str, Any] = parse_json_object(answer.body)
        change(document)
        return replace(answer, body=encode_json(document))

    return lie


def gets_lost(honestly: Callable[[], Fetched]) -> Fetched:
    """The question arrives, and the answer does not."""
    honestly()
    raise UnavailableError(Code.NETWORK_TIMEOUT)


def is_away(_honestly: Callable[[], Fetched]) -> Fetched:
    raise UnavailableError(Code.NETWORK_UNREACHABLE)


def honest(honestly: Callable[[], Fetched]) -> Fetched:
    return honestly()


@dataclass
class Campus:
    """The real university behind its door, and the way to it."""

    door: Door
    courier: Courier
    dids: dict[str, VerifiedDid]

    @property
    def clock(self) -> SetClock:
        return self.door.university.clock

    @property
    def outside(self) -> Outside:
        return Outside(self.courier, self.resolve, self.clock, development=True)

    def resolve(self, did: str) -> VerifiedDid:
        if did not in self.dids:
            return resolve_key(did)
        return self.dids[did]

    def offer(self, **members: object) -> str:
        """The link to a new offer of a degree."""
        return str(self.door.offer(**members)["offer"])

    def reset(self) -> None:
        """Be honest again. The time goes on: a second of its own for each test keeps what they do apart."""
        self.clock.advance(timedelta(seconds=1))
        self.dids = {DID: UNIVERSITY}
        self.courier.sent.clear()
        self.courier.lie_no_more()


@contextmanager
def open_campus(folder: Path) -> Iterator[Campus]:
    with open_door(folder) as door, Courier() as courier:
        yield Campus(door, courier, {DID: UNIVERSITY})


@dataclass
class Inspector:
    """A verifier that asks for what it likes, and keeps what it gets.

    Attributes:
        url: Where it is.
        request: What it asks.
        answers: What it was sent, in the order of arrival.
        acknowledgement: What it says to that, with the status and the media type.
        headers: More to go with that.
        forge: Makes the request object of the honest one.
    """

    url: str
    request: AuthorizationRequest
    answers: list[bytes] = field(default_factory=list)
    acknowledgement: tuple[int, bytes, str] = (200, b"{}", JSON)
    headers: Mapping[str, str] = field(default_factory=dict)
    forge: Callable[[str], str] = str

    @property
    def link(self) -> str:
        return encode_reference(self.request.client_id, f"{self.url}/request", by_post=True)

    def ask(self, query: JsonObject, **changed: Any) -> str:
        """Ask `query` from now on; the link to it."""
        self.request = replace(self.request, query=parse_dcql_query(query), **changed)
        return self.link

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
        return Response(self.forge(signed), 200, self.headers, REQUEST_OBJECT_MEDIA_TYPE)

    async def take(self, request: Request) -> Response:
        assert request.headers["content-type"] == FORM
        self.answers.append(await request.body())
        status, body, kind = self.acknowledgement
        return Response(body, status, self.headers, kind)

    def sign(self, *, wallet_nonce: str | None, now: datetime = NOW) -> str:
        return create_request_object(
            self.request,
            key=VERIFIER_KEY,
            key_id=VERIFIER_KEY_ID,
            issued_at=now,
            expires_at=now + timedelta(minutes=5),
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


def query_for(vct: str, *paths: list[JsonValue], query_id: str = "it", **members: JsonValue) -> JsonObject:
    """A part of a query that asks for the claims at `paths`; without any it asks for the credential alone."""
    part: JsonObject = {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}, **members}
    if paths:
        part["claims"] = [{"path": path} for path in paths]
    return part
