"""What a verifier asks: the parameters of an authorization request (OpenID4VP 1.0 §5).

    {"client_id": "decentralized_identifier:did:…",
     "response_type": "vp_token", "response_mode": "direct_post", "response_uri": "https://…",
     "nonce": "…", "state": "…", "dcql_query": {…},
     "client_metadata": {"client_name": "…", "vp_formats_supported": {"dc+sd-jwt": {…}}},
     "verifier_info": [{"format": "tallystick-request-statement-v1", "data": {…}}]}

Who sent them is the question of `request_object`, which is asked first. Beyond the specification three things
are read, in places where other wallets ignore them: what the verifier calls itself, its purpose with the time
it keeps what it gets (docs/formats/request-statement.md), and whether it wants evidence about the issuers
(docs/formats/stapled-evidence.md).
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from protocol.codes import Code
from protocol.encoding.members import (
    boolean_member,
    integer_member,
    object_member,
    objects_member,
    optional_object_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError
from protocol.jws import Algorithm
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.dcql.query import DcqlQuery, parse_dcql_query
from protocol.openid4vp.refusal import ErrorWord, ReplyAddress, RequestRefusedError
from protocol.restate import restate_malformed
from protocol.sdjwt_vc import SD_JWT_VC_TYP as SD_JWT_VC
from protocol.web_address import parse_web_address

RESPONSE_TYPE = "vp_token"
RESPONSE_MODE = "direct_post"
STATEMENT_FORMAT = "tallystick-request-statement-v1"
EVIDENCE_WANTED = "tallystick_evidence_wanted"

MIN_NONCE_CHARACTERS = 16  # what ISO/IEC 18013-7 B.5.3 asks for
MAX_NONCE_CHARACTERS = 512
MAX_STATE_CHARACTERS = 2048
MAX_NAME_CHARACTERS = 200
MAX_PURPOSE_CHARACTERS = 500
MAX_RETENTION = timedelta(days=36_525)
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]*")


@dataclass(frozen=True, slots=True)
class RequestStatement:
    """What the verifier says it wants the claims for, and for how long it keeps them (zero: not at all). It
    is the verifier's own word, signed by it and attested by nobody.

    Raises:
        ValueError: not 1 to 500 characters of purpose, or a time that is negative or above 100 years.
    """

    purpose: str
    retention: timedelta

    def __post_init__(self) -> None:
        if not 0 < len(self.purpose) <= MAX_PURPOSE_CHARACTERS:
            raise ValueError(f"a purpose has 1 to {MAX_PURPOSE_CHARACTERS} characters")
        if not timedelta(0) <= self.retention <= MAX_RETENTION:
            raise ValueError("retention is between zero and 100 years")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """An authorization request, as a verifier makes it and as a wallet reads it.

    Attributes:
        client_id: Who asks.
        reply_to: Where the answer goes.
        nonce: The value every key binding of the answer repeats, fresh for this request.
        query: What is asked for.
        key_binding_algorithms: Those of our algorithms that key bindings may be signed with, in the
            verifier's order.
        client_name: What the verifier calls itself.
        statement: Its purpose and promise.
        evidence_wanted: Whether it wants evidence about the issuers stapled to the answer
            (docs/formats/stapled-evidence.md).
    """

    client_id: ClientId
    reply_to: ReplyAddress
    nonce: str
    query: DcqlQuery
    key_binding_algorithms: tuple[Algorithm, ...] = (Algorithm.ED25519, Algorithm.EDDSA, Algorithm.ES256)
    client_name: str | None = None
    statement: RequestStatement | None = None
    evidence_wanted: bool = False


def encode_request(request: AuthorizationRequest) -> JsonObject:
    """The parameters of `request`.

    Raises:
        ValueError: a nonce or state that the specification does not allow, no state although a presentation
            without key binding is asked for, or a name that is too long.
    """
    reply_to = request.reply_to
    if request.client_name is not None and not 0 < len(request.client_name) <= MAX_NAME_CHARACTERS:
        raise ValueError(f"a name has 1 to {MAX_NAME_CHARACTERS} characters")
    if not _is_nonce(request.nonce) or not _is_state(reply_to.state, request.query):
        raise ValueError("nonce and state are URL-safe, and without key binding a state is needed")
    algorithms: list[JsonValue] = [algorithm.value for algorithm in request.key_binding_algorithms]
    client_metadata: JsonObject = {
        "vp_formats_supported": {
            SD_JWT_VC: {"sd-jwt_alg_values": algorithms, "kb-jwt_alg_values": algorithms}
        }
    }
    if request.client_name is not None:
        client_metadata["client_name"] = request.client_name
    if request.evidence_wanted:
        client_metadata[EVIDENCE_WANTED] = True
    parameters: JsonObject = {
        "client_id": str(request.client_id),
        "response_type": RESPONSE_TYPE,
        "response_mode": RESPONSE_MODE,
        "response_uri": reply_to.response_uri,
        "nonce": request.nonce,
        "dcql_query": request.query.source,
        "client_metadata": client_metadata,
    }
    if reply_to.state is not None:
        parameters["state"] = reply_to.state
    if request.statement is not None:
        seconds = int(request.statement.retention.total_seconds())
        data: JsonObject = {"purpose": request.statement.purpose, "retention_seconds": seconds}
        parameters["verifier_info"] = [{"format": STATEMENT_FORMAT, "data": data}]
    return parameters


def parse_reply_address(parameters: JsonObject, client_id: ClientId, *, development: bool) -> ReplyAddress:
    """Read where the answer to the request of `client_id` goes.

    Under the prefix `redirect_uri` that is the identifier itself, and `response_uri` may only repeat it.

    Raises:
        MalformedError: no proper address, another one than the identifier names, or a malformed `state`.
    """
    with restate_malformed(Code.REQUEST_INVALID):
        if client_id.prefix is ClientIdPrefix.REDIRECT_URI:
            response_uri = client_id.value
            if parameters.get("response_uri", response_uri) != response_uri:
                raise MalformedError(Code.REQUEST_INVALID, "response_uri is not the client identifier")
        else:
            response_uri = text_member(parameters, "response_uri")
            parse_web_address(response_uri, development=development)
        state = optional_text_member(parameters, "state", max_characters=MAX_STATE_CHARACTERS)
        if state is not None and not _URL_SAFE.fullmatch(state):
            raise MalformedError(Code.MEMBER_INVALID, "state")
        return ReplyAddress(response_uri, state)


def parse_request(
    parameters: JsonObject, client_id: ClientId, reply_to: ReplyAddress, *, signed: bool
) -> AuthorizationRequest:
    """Read what `client_id`, who was established, asks for. Parameters this reader does not know are ignored.

    The statement is read only where its signature was checked (`signed`), as §5.11 demands.

    Raises:
        RequestRefusedError: it cannot be served; the error says what to answer.
    """

    def refusal(code: Code, detail: str, word: ErrorWord) -> RequestRefusedError:
        return RequestRefusedError(code, detail, word=word, reply_to=reply_to)

    if "transaction_data" in parameters:
        raise refusal(Code.TRANSACTION_DATA_UNSUPPORTED, "", ErrorWord.INVALID_TRANSACTION_DATA)
    try:
        with restate_malformed(Code.REQUEST_INVALID):
            if text_member(parameters, "response_type") != RESPONSE_TYPE:
                raise refusal(Code.REQUEST_INVALID, "response_type", ErrorWord.UNSUPPORTED_RESPONSE_TYPE)
            if parameters.get("response_mode") != RESPONSE_MODE or "redirect_uri" in parameters:
                raise MalformedError(Code.MEMBER_INVALID, "response_mode is not direct_post alone")
            if "scope" in parameters and "dcql_query" not in parameters:
                raise refusal(Code.REQUEST_INVALID, "scope", ErrorWord.INVALID_SCOPE)
            if "scope" in parameters:
                raise MalformedError(Code.REQUEST_INVALID, "dcql_query and scope")
            nonce = text_member(parameters, "nonce")
            if not _is_nonce(nonce):
                raise MalformedError(Code.MEMBER_INVALID, "nonce")
            metadata = object_member(parameters, "client_metadata")
            algorithms = _parse_key_binding_algorithms(metadata)
            client_name = optional_text_member(metadata, "client_name", max_characters=MAX_NAME_CHARACTERS)
            statement = _parse_statement(parameters) if signed else None
            evidence_wanted = boolean_member(metadata, EVIDENCE_WANTED, default=False)
        query = parse_dcql_query(object_member(parameters, "dcql_query"))
    except MalformedError as error:
        raise refusal(error.code, error.detail, ErrorWord.INVALID_REQUEST) from error
    if not algorithms:
        raise refusal(Code.REQUEST_INVALID, "vp_formats_supported", ErrorWord.VP_FORMATS_NOT_SUPPORTED)
    if not _is_state(reply_to.state, query):
        raise refusal(Code.REQUEST_INVALID, "state: member missing", ErrorWord.INVALID_REQUEST)
    return AuthorizationRequest(
        client_id=client_id,
        reply_to=reply_to,
        nonce=nonce,
        query=query,
        key_binding_algorithms=algorithms,
        client_name=client_name,
        statement=statement,
        evidence_wanted=evidence_wanted,
    )


def _parse_key_binding_algorithms(metadata: JsonObject) -> tuple[Algorithm, ...]:
    """Those of our algorithms the verifier accepts; empty when our format or all of them are missing."""
    formats = optional_object_member(object_member(metadata, "vp_formats_supported"), SD_JWT_VC)
    if formats is None:
        return ()
    if "kb-jwt_alg_values" not in formats:
        return tuple(Algorithm)
    names = texts_member(formats, "kb-jwt_alg_values", minimum=1)
    return tuple(Algorithm(name) for name in names if name in set(Algorithm))


def _parse_statement(parameters: JsonObject) -> RequestStatement | None:
    if "verifier_info" not in parameters:
        return None
    for entry in objects_member(parameters, "verifier_info", minimum=1):
        if entry.get("format") == STATEMENT_FORMAT:
            data = object_member(entry, "data")
            purpose = text_member(data, "purpose", max_characters=MAX_PURPOSE_CHARACTERS)
            seconds = integer_member(data, "retention_seconds")
            if seconds > MAX_RETENTION.total_seconds():
                raise MalformedError(Code.MEMBER_INVALID, "retention_seconds")
            return RequestStatement(purpose, timedelta(seconds=seconds))
    return None


def _is_nonce(text: str) -> bool:
    return MIN_NONCE_CHARACTERS <= len(text) <= MAX_NONCE_CHARACTERS and _URL_SAFE.fullmatch(text) is not None


def _is_state(state: str | None, query: DcqlQuery) -> bool:
    # Without a key binding nothing but the state ties the answer to the request (§5.3).
    if state is None:
        return all(credential.holder_binding_required for credential in query.credentials)
    return _URL_SAFE.fullmatch(state) is not None
