"""Errors as problem details (RFC 9457), made from the one table of codes."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse, Response

from protocol.codes import Audience, Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError

# The kind of error decides, except for the codes listed here.
_STATUS: Mapping[Code, int] = {
    code: status
    for status, codes in {
        400: (Code.INPUT_REQUIRED,),
        401: (Code.MANAGEMENT_KEY_INVALID, Code.WRITER_NOT_AUTHORIZED, Code.ACCESS_TOKEN_INVALID),
        403: (Code.RESPONSE_CODE_INVALID, Code.SCOPE_INSUFFICIENT),
        404: (
            Code.NOT_FOUND,
            Code.CREDENTIAL_NOT_FOUND,
            Code.CREDENTIAL_TYPE_UNKNOWN,
            Code.DID_NOT_FOUND,
            Code.OFFER_NOT_FOUND,
            Code.REQUEST_NOT_FOUND,
        ),
        405: (Code.METHOD_NOT_ALLOWED,),
        408: (Code.REQUEST_TOO_SLOW,),
        410: (Code.REQUEST_EXPIRED,),
        413: (Code.SIZE_EXCEEDED, Code.ENTRY_TOO_LARGE),
        415: (Code.MEDIA_TYPE_UNSUPPORTED,),
        422: (Code.CLAIMS_INVALID, Code.ENTRY_NOT_ADMITTED),
        500: (Code.INTERNAL_ERROR,),
        502: tuple(code for code in Code if code.startswith("network_")),
        503: (
            Code.DATABASE_BUSY,
            Code.DATABASE_DAMAGED,
            Code.DATABASE_REFUSED,
            Code.DATABASE_UNAVAILABLE,
            Code.DISK_ERROR,
            Code.DISK_FULL,
            Code.LOG_SELF_CHECK_FAILED,
            Code.NETWORK_BUSY,
            Code.NOT_INITIALIZED,
            Code.VAULT_LOCKED,
        ),
    }.items()
    for code in codes
}


def http_status(error: TallyError) -> int:
    """The HTTP status a request that failed with `error` is answered with."""
    if error.code in _STATUS:
        return _STATUS[error.code]
    match error:
        case MalformedError():
            return HTTPStatus.BAD_REQUEST
        case VerificationError():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case UnavailableError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case RefusedError():
            return HTTPStatus.CONFLICT
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(
    error: TallyError,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    instance: str | None = None,
) -> Response:
    """`error` as problem details: the words of its code, and what is special about this occurrence.

    They are read by the developer of a program, so the hint is theirs; our own commands take no more than the
    code and the detail, and say it in the words for whoever sits before them.

    Its `type` leads to the explanation of the code on the documentation page. `instance` is the URI under
    which the occurrence stands in the log.
    """
    status = status or http_status(error)
    content: JsonObject = {
        "type": f"/docs#{error.code.value}",
        "title": error.code.meaning,
        "status": status,
        "code": error.code.value,
        "hint": error.code.remedy_for(Audience.DEVELOPER),
    }
    if error.detail:
        content["detail"] = error.detail
    if instance:
        content["instance"] = instance
    extra = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    extra |= {"Retry-After": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(content, status, {**extra, **(headers or {})}, "application/problem+json")


_SCHEMA: JsonObject = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "code", "hint"],
    "properties": {
        "type": {"type": "string", "description": "Leads to the explanation of the code."},
        "title": {"type": "string", "description": "What the code means."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "The stable word for this kind of error."},
        "hint": {"type": "string", "description": "What to do about it."},
        "detail": {"type": "string", "description": "What is special about this occurrence."},
        "instance": {"type": "string", "description": "Finds this occurrence in the service's log."},
    },
}
PROBLEM_CONTENT = {"application/problem+json": {"schema": _SCHEMA}}
_OAUTH_SCHEMA: JsonObject = {
    "title": "OAuthError",
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}
# What cannot be read as a request at all is a problem here, too.
OAUTH_ERROR_CONTENT = {"application/json": {"schema": _OAUTH_SCHEMA}, **PROBLEM_CONTENT}
