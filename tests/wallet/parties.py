"""Everybody a holder deals with, without a network: a university, a shop, and a ledger."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from ledger.fetch import Fetched
from ledger.signer import LedgerKeys
from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document, parse_did_document
from protocol.did.verified import DatedKey, LogEvidence, VerifiedDid
from protocol.encoding.form import encode_link
from protocol.encoding.strict_json import JsonObject, encode_json
from protocol.encoding.time import to_seconds
from protocol.errors import UnavailableError
from protocol.jws import sign_jws
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey
from protocol.keys.jwk import encode_jwk
from protocol.openid4vci.configuration import CredentialConfiguration, Display
from protocol.openid4vci.credential import (
    IssuedCredentials,
    encode_credential_response,
    encode_nonce_response,
    parse_credential_request,
)
from protocol.openid4vci.metadata import (
    AuthorizationServerMetadata,
    IssuerMetadata,
    encode_authorization_server_metadata,
    encode_issuer_metadata,
)
from protocol.openid4vci.offer import (
    PRE_AUTHORIZED_CODE,
    CredentialOffer,
    PreAuthorizedGrant,
    TransactionCode,
    encode_offer_link,
)
from protocol.openid4vci.proof import verify_proofs
from protocol.openid4vci.token import (
    RefreshRequest,
    TokenRequest,
    TokenResponse,
    encode_token_response,
    parse_token_request,
)
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.invocation import encode_unsigned_request
from protocol.openid4vp.refusal import ReplyAddress
from protocol.openid4vp.request import AuthorizationRequest, RequestStatement
from protocol.openid4vp.request_object import create_request_object
from protocol.sdjwt_vc import issue_sd_jwt_vc
from protocol.status_list import StatusList
from protocol.status_list.array import encode_status_list
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.note import encode_note, sign_note
from protocol.tlog.policy import encode_log_policy
from schemas import credential_type
from tests.openid_parties import resolve_did as resolve_key

NOW = datetime.fromisoformat("2026-11-22T12:00:00Z")
DEGREE = credential_type("degree")
UNKNOWN_TYPE = "urn:stranger:ticket:1"
# What must never reach a terminal as it is.
HOSTILE = "a\x1b[2J\u202eb\u200b\x9bc\r\nd"

ISSUER_KEY, VERIFIER_KEY, STRANGER_KEY = (Ed25519PrivateKey(bytes([number]) * 32) for number in (31, 32, 33))
_SCID = "QmfGEUAcMpzo25kF2Rhn8L2FLZbLc3KqV2gyBWwCYhP9Kd"
ISSUER_URL = "https://issuer.example"
STATUS_URI = f"{ISSUER_URL}/status/1"
ISSUER = f"did:webvh:{_SCID}:ledger.example:city-university"
VERIFIER = f"did:webvh:{_SCID}:ledger.example:northgate"
RESPONSE_URI = "https://verifier.example/response"

URL = "http://ledger.localhost:8101"
KEYS = LedgerKeys(
    "ledger.localhost:8101", *(Ed25519PrivateKey(bytes([number]) * 32) for number in (34, 36, 35))
)
POLICY = KEYS.policy(URL)

_salts = count()
_JSON = "application/json"


def _verified(did: str, key: Ed25519PrivateKey) -> VerifiedDid:
    names = ["key-1"]
    source = create_did_document(did, {"key-1": key.public_key}, assertion=names, authentication=names)
    dated = DatedKey(f"{did}#key-1", key.public_key, Relationship.ASSERTION, NOW - timedelta(days=30), None)
    evidence = LogEvidence("ledger.example", 7, NOW)
    return VerifiedDid(did, parse_did_document(source, expected_did=did), (dated,), evidence)


_DIDS = {ISSUER: _verified(ISSUER, ISSUER_KEY), VERIFIER: _verified(VERIFIER, VERIFIER_KEY)}


def resolve_did(did: str) -> VerifiedDid:
    return _DIDS[did] if did in _DIDS else resolve_key(did)


def issue(
    holder: Ed25519PublicKey,
    *,
    vct: str = DEGREE.vct,
    claims: Mapping[str, Any] | None = None,
    index: int = 0,
    lifetime: timedelta = timedelta(days=365),
) -> str:
    """A credential of the university, every claim of it disclosable."""
    facts = DEGREE.example if claims is None else claims
    about: JsonObject = {
        "iss": ISSUER,
        "vct": vct,
        "iat": to_seconds(NOW - timedelta(days=1)),
        "exp": to_seconds(NOW + lifetime),
        "cnf": {"jwk": encode_jwk(holder)},
        "status": {"status_list": {"idx": index, "uri": STATUS_URI}},
    }
    issued = issue_sd_jwt_vc(
        {**about, **facts},
        disclosable=[(name,) for name in facts],
        key=ISSUER_KEY,
        key_id=f"{ISSUER}#key-1",
        salts=lambda: f"{next(_salts):022d}",
    )
    return issued.encoded_without_key_binding


@dataclass
class Outside:
    """Everything outside the wallet.

    Attributes:
        transaction_code: What the university sent another way.
        tries_left: How often a wrong one may still be sent.
        offered: The types it offers.
        issuer_name: What it calls itself.
        type_title: What it calls a type.
        claims: What its credentials say.
        status: The status of every credential; None makes the list unreachable.
        acknowledgement: What the shop answers to a presentation, and with which status.
        ledger_time: When the ledger says it is, None when it cannot be reached.
        lost: How many requests for credentials get lost first.
        refills: How often further copies may still be had.
        sent: Every body that left the wallet, with its address.
    """

    transaction_code: str | None = None
    tries_left: int = 3
    offered: tuple[str, ...] = (DEGREE.vct,)
    issuer_name: str = "City University"
    type_title: str = "Degree"
    claims: Mapping[str, Any] | None = None
    status: int | None = 0
    acknowledgement: tuple[int, JsonObject] = (200, {})
    ledger_time: datetime | None = NOW
    lost: int = 0
    refills: int = 0
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    development: bool = True

    def __enter__(self) -> "Outside":
        return self

    def __exit__(self, *_exception: object) -> None: ...

    def offer(self) -> str:
        code = None if self.transaction_code is None else TransactionCode(length=6, description=HOSTILE)
        names = tuple(f"type-{number}" for number in range(len(self.offered)))
        return encode_offer_link(CredentialOffer(ISSUER_URL, names, PreAuthorizedGrant("code", code)))

    def fetch(
        self,
        url: str,
        *,
        accept: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        max_bytes: int = 0,
    ) -> Fetched:
        if body is not None:
            self.sent.append((url, body))
        match url:
            case "https://issuer.example/.well-known/openid-credential-issuer":
                return _answer(encode_issuer_metadata(self._metadata()))
            case "https://issuer.example/.well-known/oauth-authorization-server":
                grants = (PRE_AUTHORIZED_CODE,)
                server = AuthorizationServerMetadata(
                    issuer=ISSUER_URL,
                    token_endpoint=f"{ISSUER_URL}/token",
                    grant_types=grants,
                    anonymous_access=True,
                )
                return _answer(encode_authorization_server_metadata(server))
            case "https://issuer.example/token":
                request = parse_token_request(body or b"")
                if isinstance(request, TokenRequest) and request.transaction_code != self.transaction_code:
                    self.tries_left -= 1
                    told = f"{self.tries_left} tries left" if self.tries_left else "that was the last try"
                    return _answer({"error": "invalid_grant", "error_description": told}, 400)
                if isinstance(request, RefreshRequest):
                    self.refills -= 1
                    if request.refresh_token != "refresh" or self.refills < 0:
                        return _answer({"error": "invalid_grant"}, 400)
                refresh_token = "refresh" if self.refills else None
                tokens = TokenResponse("access", timedelta(minutes=5), refresh_token=refresh_token)
                return _answer(encode_token_response(tokens))
            case "https://issuer.example/nonce":
                return _answer(encode_nonce_response("fresh-nonce-of-the-issuer"))
            case "https://issuer.example/credential" if self.lost:
                self.lost -= 1
            case "https://issuer.example/credential":
                return _answer(self._credentials(body or b""))
            case "https://issuer.example/status/1" if self.status is not None:
                return Fetched(200, accept, self._status_list().encode())
            case "https://verifier.example/response":
                status, answer = self.acknowledgement
                return _answer(answer, status)
            case _ if url == f"{URL}/policy":
                return Fetched(200, "text/plain", encode_log_policy(POLICY).encode())
            case _ if url == f"{URL}/checkpoint" and self.ledger_time is not None:
                return Fetched(200, "text/plain", checkpoint(self.ledger_time).encode())
        raise UnavailableError(Code.NETWORK_UNREACHABLE, url)

    def fetch_ok(self, url: str, *, accept: str, max_bytes: int = 0) -> Fetched:
        return self.fetch(url, accept=accept, max_bytes=max_bytes)

    def _metadata(self) -> IssuerMetadata:
        return IssuerMetadata(
            credential_issuer=ISSUER_URL,
            credential_endpoint=f"{ISSUER_URL}/credential",
            nonce_endpoint=f"{ISSUER_URL}/nonce",
            batch_size=3,
            display=(Display(self.issuer_name, "en"),),
            configurations={
                f"type-{number}": CredentialConfiguration(
                    format="dc+sd-jwt",
                    vct=vct,
                    binding_methods=("jwk",),
                    proof_types=("jwt",),
                    proof_algorithms=("EdDSA",),
                    signing_algorithms=("EdDSA",),
                    display=(Display(self.type_title, "en"),),
                )
                for number, vct in enumerate(self.offered)
            },
        )

    def _credentials(self, body: bytes) -> JsonObject:
        request = parse_credential_request(body, max_proofs=3)
        keys = verify_proofs(
            request.proofs,
            expected_audience=ISSUER_URL,
            nonce_is_fresh=lambda _nonce: True,
            allowed_algorithms=("EdDSA",),
            client_id=None,
            now=NOW,
        )
        number = int(str(json.loads(body)["credential_configuration_id"]).removeprefix("type-"))
        issued = []
        for key in keys:
            assert isinstance(key, Ed25519PublicKey)
            issued.append(issue(key, vct=self.offered[number], claims=self.claims))
        return encode_credential_response(IssuedCredentials(tuple(issued)))

    def _status_list(self) -> str:
        statuses = StatusList(2, bytes([(self.status or 0) * 0b01010101]) * 16)
        source: JsonObject = {
            "sub": STATUS_URI,
            "iat": to_seconds(NOW - timedelta(hours=1)),
            "exp": to_seconds(NOW + timedelta(hours=1)),
            "status_list": encode_status_list(statuses),
        }
        return sign_jws(source, ISSUER_KEY, typ="statuslist+jwt", header={"kid": f"{ISSUER}#key-1"})


def checkpoint(time: datetime) -> str:
    """The ledger's checkpoint, still empty, as its operator co-signed it at `time`."""
    text = encode_checkpoint(Checkpoint(KEYS.origin, 0, EMPTY_ROOT))
    own = sign_note(text, name=KEYS.origin, key=KEYS.log)
    return encode_note(
        text, [own, sign_cosignature(text, name=KEYS.cosigner_name, key=KEYS.cosigner, now=time)]
    )


REQUEST = AuthorizationRequest(
    client_id=ClientId(ClientIdPrefix.DECENTRALIZED_IDENTIFIER, VERIFIER),
    reply_to=ReplyAddress(RESPONSE_URI, "qJ2b0yq3iQ3Y2aVdC8vGJw"),
    nonce="n-0S6_WzA2MjTz9LwNfZpQ",
    query=parse_dcql_query(
        {
            "credentials": [
                {
                    "id": "degree",
                    "format": "dc+sd-jwt",
                    "meta": {"vct_values": [DEGREE.vct]},
                    "claims": [
                        {"id": "a", "path": ["title"]},
                        {"id": "b", "path": ["field"]},
                        {"id": "c", "path": ["grade"]},
                    ],
                    "claim_sets": [["a", "b"], ["a", "b", "c"]],
                }
            ]
        }
    ),
    client_name="Northgate",
    statement=RequestStatement("To see whether you may apply", timedelta(days=30)),
)


def asking_for(vct: str, *names: str) -> AuthorizationRequest:
    """The request for other claims of another type."""
    asked: list[Any] = [{"path": [name]} for name in names]
    query: JsonObject = {"id": "it", "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}}
    if asked:
        query["claims"] = asked
    return replace(REQUEST, query=parse_dcql_query({"credentials": [query]}))


def signed(
    request: AuthorizationRequest = REQUEST, *, key: Ed25519PrivateKey = VERIFIER_KEY, key_id: str = "key-1"
) -> str:
    """The link with `request`, signed."""
    token = create_request_object(
        request,
        key=key,
        key_id=f"{request.client_id.value}#{key_id}",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
        wallet_nonce=None,
    )
    return encode_link("openid4vp", {"client_id": str(request.client_id), "request": token})


def unsigned(request: AuthorizationRequest = REQUEST) -> str:
    """The link with `request`, unsigned."""
    client_id = ClientId(ClientIdPrefix.REDIRECT_URI, RESPONSE_URI)
    return encode_unsigned_request(replace(request, client_id=client_id, statement=None))


def _answer(document: JsonObject, status: int = 200) -> Fetched:
    return Fetched(status, _JSON, encode_json(document))
