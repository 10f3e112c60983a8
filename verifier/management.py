"""What the management API says: the requests of the verifier's own programs, and the answers, as JSON."""

from collections.abc import Collection
from datetime import timedelta

from protocol.claim_path import ClaimPath, parse_claim_path
from protocol.codes import Code
from protocol.encoding.members import (
    array_member,
    boolean_member,
    integer_member,
    objects_member,
    optional_integer_member,
    optional_text_member,
    text_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError
from protocol.openid4vp.dcql.query import ClaimQuery
from protocol.openid4vp.request import MAX_PURPOSE_CHARACTERS, MAX_RETENTION
from protocol.web_address import parse_web_address
from verifier.check import Material
from verifier.question import CredentialQuestion, parse_path_text
from verifier.request import CreatedRequest, RequestDraft
from verifier.settings import MAX_REQUEST_LIFETIME, MIN_REQUEST_LIFETIME

DONE_PATH = "/done"
MAX_CHECKED_BYTES = 256 * 1024

_PATH: JsonObject = {
    "description": 'A claim: `level`, `address.locality`, or a claims path like `["address", "locality"]`.',
    "oneOf": [{"type": "string"}, {"type": "array"}],
}
_CLAIM: JsonObject = {
    "oneOf": [
        _PATH,
        {
            "type": "object",
            "required": ["path", "values"],
            "properties": {"path": _PATH, "values": {"type": "array", "description": "Any of these."}},
        },
    ]
}
_CLAIMS: JsonObject = {"type": "array", "items": _CLAIM}
_QUESTION: JsonObject = {
    "type": {"type": "string", "description": "The name of a type, such as `degree`, or a vct."},
    "claims": {**_CLAIMS, "description": "The claims that are needed."},
    "optional": {**_CLAIMS, "description": "The claims the holder may leave out."},
}
REQUEST_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["purpose", "retention_days"],
    "properties": {
        **_QUESTION,
        "credentials": {
            "type": "array",
            "items": {"type": "object", "required": ["type"], "properties": _QUESTION},
            "description": "Several credentials of one holder, instead of `type`, `claims` and `optional`.",
        },
        "same": {
            "type": "array",
            "items": _PATH,
            "description": "The claims that must be the same in all credentials.",
        },
        "purpose": {
            "type": "string",
            "maxLength": MAX_PURPOSE_CHARACTERS,
            "description": "What for, in words for the holder.",
        },
        "retention_days": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_RETENTION.days,
            "description": "How long what is presented is kept. With 0 only the outcome is.",
        },
        "unsigned": {
            "type": "boolean",
            "description": "Ask without a signature; by default only a verifier without a DID does.",
        },
        "expires_in": {
            "type": "integer",
            "minimum": int(MIN_REQUEST_LIFETIME.total_seconds()),
            "maximum": int(MAX_REQUEST_LIFETIME.total_seconds()),
            "description": "For how many seconds it can be answered; 120 is good for a QR code.",
        },
        "same_device": {
            "type": "boolean",
            "default": False,
            "description": "Show the result only after the wallet has sent the browser back.",
        },
        "redirect_uri": {
            "type": "string",
            "description": "Where the wallet sends the browser back to, with `response_code`: a page of "
            "yours that knows the session. By default a page of this service that says thank you.",
        },
    },
}
CHECK_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["credential"],
    "properties": {
        "credential": {"type": "string", "description": "A credential or a presentation."},
        "nonce": {"type": "string", "description": "What the presentation was made for."},
        "audience": {"type": "string", "description": "Whom the presentation was made for."},
    },
}


def parse_request_draft(source: JsonObject, *, url: str, development: bool) -> RequestDraft:
    """Read the body of a request to be made. `url` is where this service is reached.

    Raises:
        MalformedError: a member is missing, unknown, of another type or out of range.
    """
    _refuse_unknown(source, REQUEST_SCHEMA)
    by_query = "credentials" in source
    if by_query and not source.keys().isdisjoint(_QUESTION):
        raise MalformedError(Code.MEMBER_INVALID, "credentials beside type, claims or optional")
    listed = objects_member(source, "credentials", minimum=1) if by_query else [_only(source, _QUESTION)]
    expires_in = optional_integer_member(
        source, "expires_in", minimum=int(MIN_REQUEST_LIFETIME.total_seconds())
    )
    retention_days = integer_member(source, "retention_days")
    if retention_days > MAX_RETENTION.days:
        raise MalformedError(Code.MEMBER_INVALID, "retention_days")
    if expires_in is not None and expires_in > MAX_REQUEST_LIFETIME.total_seconds():
        raise MalformedError(Code.MEMBER_INVALID, "expires_in")
    return RequestDraft(
        questions=[_parse_question(each) for each in listed],
        purpose=_parse_purpose(source),
        retention=timedelta(days=retention_days),
        by_query=by_query,
        equal_claims=tuple(_parse_path(path) for path in _optional_array(source, "same")),
        is_signed=not boolean_member(source, "unsigned", default=False) if "unsigned" in source else None,
        lifetime=None if expires_in is None else timedelta(seconds=expires_in),
        redirect_uri=_parse_redirect_uri(source, url, development),
    )


def created_document(created: CreatedRequest) -> JsonObject:
    """A new request, with the link that is shown this once."""
    return {
        "id": created.id,
        "request": created.link,
        "match_code": created.match_code,
        "expires_at": encode_utc(created.expires_at),
    }


def parse_material(source: JsonObject) -> Material:
    """Read the body of a request for a check.

    Raises:
        MalformedError: as `parse_request_draft`.
    """
    _refuse_unknown(source, CHECK_SCHEMA)
    return Material(
        text_member(source, "credential", max_characters=MAX_CHECKED_BYTES),
        optional_text_member(source, "nonce"),
        optional_text_member(source, "audience"),
    )


def _parse_question(source: JsonObject) -> CredentialQuestion:
    if not source.keys() <= _QUESTION.keys():
        raise MalformedError(Code.MEMBER_INVALID, "a member that no question has")
    return CredentialQuestion(
        text_member(source, "type"),
        tuple(_parse_claim(claim) for claim in _optional_array(source, "claims")),
        tuple(_parse_claim(claim) for claim in _optional_array(source, "optional")),
    )


def _parse_claim(source: JsonValue) -> ClaimQuery:
    if not isinstance(source, dict):
        return ClaimQuery(_parse_path(source))
    if source.keys() != {"path", "values"}:
        raise MalformedError(Code.MEMBER_INVALID, "a claim has a path and values")
    values = array_member(source, "values", minimum=1)
    accepted = tuple(value for value in values if isinstance(value, str | int))
    if len(accepted) != len(values):
        raise MalformedError(Code.MEMBER_INVALID, "values are texts, whole numbers, true and false")
    return ClaimQuery(_parse_path(source["path"]), accepted)


def _parse_path(source: JsonValue) -> ClaimPath:
    return parse_path_text(source) if isinstance(source, str) else parse_claim_path(source)


def _parse_purpose(source: JsonObject) -> str:
    purpose = text_member(source, "purpose", max_characters=MAX_PURPOSE_CHARACTERS)
    # It is shown to people, by wallets that may be less careful than ours.
    if not purpose.isprintable() or not purpose.strip():
        raise MalformedError(Code.MEMBER_INVALID, "purpose: one line of visible text")
    return purpose


def _parse_redirect_uri(source: JsonObject, url: str, development: bool) -> str | None:
    redirect_uri = optional_text_member(source, "redirect_uri")
    if redirect_uri is not None:
        return parse_web_address(redirect_uri, development=development).text
    return f"{url}{DONE_PATH}" if boolean_member(source, "same_device", default=False) else None


def _optional_array(source: JsonObject, name: str) -> list[JsonValue]:
    return array_member(source, name) if name in source else []


def _refuse_unknown(source: JsonObject, schema: JsonObject) -> None:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    # A misspelt `optional` must not make a request that asks for less, or for more, than was meant.
    if not source.keys() <= properties.keys():
        raise MalformedError(Code.MEMBER_INVALID, f"a member other than {', '.join(properties)}")


def _only(source: JsonObject, names: Collection[str]) -> JsonObject:
    return {name: source[name] for name in names if name in source}
