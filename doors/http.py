"""The ground every HTTP door stands on: `create_app` and the strict readers of requests.

Errors are problem details (RFC 9457) made from the one table of codes; the endpoints of OAuth and OpenID
answer with their own error form, which their role makes. Bodies are read by the dependencies `json_body` and
`raw_body` and by nothing else: they count while they read, and JSON goes through the strict parser.

    app = create_app(title="Issuer", version=VERSION, health=store.check)

    @app.post("/v1/offers", openapi_extra=request_body({"type": "object", …}), **answers("It.", status=201))
    def create_offer(key: Annotated[ManagementKey, Depends(bearer_key(verify))],
                     body: Annotated[JsonObject, Depends(json_body())]) -> JSONResponse: …

The key stands first, so that a stranger's body is not even read. An endpoint returns a `Response`: from a
JSON type FastAPI would make a model, and walk through every answer once more.
"""

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.types import Lifespan

from doors.api_page import render_api_page
from doors.http_guard import BODY_SECONDS, MAX_BODY_BYTES, HttpGuard
from doors.problem import OAUTH_ERROR_CONTENT, PROBLEM_CONTENT, problem
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError, RefusedError, TallyError

T = TypeVar("T")


def create_app(
    *,
    title: str,
    version: str,
    description: str = "",
    health: Callable[[], JsonObject],
    max_body_bytes: int = MAX_BODY_BYTES,
    body_seconds: float = BODY_SECONDS,
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """A FastAPI application that is hardened and empty but for /healthz, /openapi.json and /docs.

    Args:
        title: The name of the service on the documentation page.
        version: The version of the service.
        description: A paragraph on what the service does.
        health: Says what /healthz answers beside `"status": "ok"`; raises a TallyError when the service
            cannot work.
        max_body_bytes: The most that any request body of this application may have; each reader has its
            own limit below it.
        body_seconds: How long a request body may take to arrive.
        lifespan: What to open before the first request and close after the last.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            TallyError: _answer_tally_error,
            RequestValidationError: _answer_validation_error,
            HTTPException: _answer_http_exception,
        },
        responses={"default": {"description": "Problem details (RFC 9457)", "content": PROBLEM_CONTENT}},
    )
    app.add_middleware(HttpGuard, max_body_bytes=max_body_bytes, body_seconds=body_seconds)

    @app.get("/healthz", tags=["operation"], summary="Health", **answers("The service can do its work."))
    def healthz() -> JSONResponse:
        """Whether the service can do its work."""
        return JSONResponse({"status": "ok", **health()})

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        html, content_security_policy = render_api_page(app.openapi())
        return HTMLResponse(html, headers={"Content-Security-Policy": content_security_policy})

    return app


def json_body(*, max_bytes: int = MAX_BODY_BYTES) -> Callable[[Request], Awaitable[JsonObject]]:
    """A dependency that reads the body as one strict JSON object of at most `max_bytes`."""

    async def read(request: Request) -> JsonObject:
        return parse_json_object(await _read(request, "application/json", max_bytes), max_bytes=max_bytes)

    return read


def raw_body(
    media_type: str | None, *, max_bytes: int = MAX_BODY_BYTES
) -> Callable[[Request], Awaitable[bytes]]:
    """A dependency that reads the body as it is, of `media_type` and at most `max_bytes`.

    None is for protocols that name no media type: then the header may say anything, or be missing.
    """

    async def read(request: Request) -> bytes:
        return await _read(request, media_type, max_bytes)

    return read


def request_body(schema: JsonObject, *, media_type: str = "application/json") -> dict[str, Any]:
    """What a route passes as `openapi_extra`, so that /openapi.json describes the body its reader takes."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def answers(
    description: str,
    *,
    media_type: str | None = "application/json",
    status: int = HTTPStatus.OK,
    oauth_errors: Iterable[int] = (),
) -> dict[str, Any]:
    """What a route passes beside its path, so that /openapi.json describes what it answers.

    `oauth_errors` are the statuses that it answers in the words of OAuth; all others are problem details.
    """
    content: JsonObject = {} if media_type is None else {media_type: {}}
    oauth_error = {"description": "An error of OAuth (RFC 6749 §5.2)", "content": OAUTH_ERROR_CONTENT}
    return {
        "status_code": status,
        # A class that names no media type, or FastAPI would add its own to the one that is given here.
        "response_class": Response,
        "responses": {
            status: {"description": description, "content": content},
            **dict.fromkeys(oauth_errors, oauth_error),
        },
    }


def bearer_key(
    verify: Callable[[str], T], *, name: str = "ManagementKey", code: Code = Code.MANAGEMENT_KEY_INVALID
) -> Callable[..., T]:
    """A dependency that takes the key from `Authorization: Bearer …` and gives what `verify` makes of it.

    The header must come once; a key in the address is not looked at. `verify` raises RefusedError, and so
    does a missing header, with `code`. `name` is what /openapi.json calls the key.
    """
    scheme = HTTPBearer(auto_error=False, scheme_name=name)

    def verified(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(scheme)]
    ) -> T:
        if credentials is None or len(request.headers.getlist("authorization")) != 1:
            raise RefusedError(code)
        return verify(credentials.credentials)

    return verified


async def _read(request: Request, media_type: str | None, max_bytes: int) -> bytes:
    content_types = request.headers.getlist("content-type")
    is_coded = "content-encoding" in request.headers
    is_named = media_type is None or (len(content_types) == 1 and _is_of(media_type, content_types[0]))
    if is_coded or not is_named:
        raise MalformedError(Code.MEDIA_TYPE_UNSUPPORTED, media_type or "content-encoding")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise MalformedError(Code.SIZE_EXCEEDED, f"more than {max_bytes} bytes")
    return bytes(body)


def _is_of(media_type: str, content_type: str) -> bool:
    """Whether `content_type` is `media_type`, in UTF-8 if it names a character set."""
    given, *parameters = content_type.lower().split(";")
    named = [parameter.partition("=") for parameter in parameters]
    charsets = {value.strip().strip('"') for name, _, value in named if name.strip() == "charset"}
    return given.strip() == media_type and charsets <= {"utf-8"}


async def _answer_tally_error(request: Request, error: TallyError) -> Response:
    return problem(error)


async def _answer_validation_error(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    # Where and which rule, not the value: it may be somebody's claim.
    place = ".".join(str(step) for step in first["loc"])[:200]
    return problem(MalformedError(Code.MEMBER_INVALID, f"{place}: {first['type']}"))


async def _answer_http_exception(request: Request, error: HTTPException) -> Response:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            code = Code.NOT_FOUND
        case HTTPStatus.METHOD_NOT_ALLOWED:
            code = Code.METHOD_NOT_ALLOWED
        case _:
            code = Code.FORMAT_INVALID
    return problem(MalformedError(code), status=error.status_code, headers=error.headers)
