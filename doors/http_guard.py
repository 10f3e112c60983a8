"""What happens to every request and every answer, whatever the application does with them.

Requests are bounded in size and time before anything reads them; answers get the security headers; an
exception nobody foresaw becomes a problem without a trace of the program.
"""

import asyncio
import logging
import os
import re
import traceback
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doors.problem import problem
from protocol.codes import Code
from protocol.errors import MalformedError, TallyError

MAX_BODY_BYTES = 64 * 1024
MAX_ADDRESS_BYTES = 8 * 1024
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
BODY_SECONDS = 10.0

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_VERSIONS = frozenset({"1.0", "1.1"})
# A letter, a digit, one of -._~ or a slash in percent-encoding: another spelling of a path, by which a rule
# of the proxy in front for that path could be walked around (RFC 3986 §6.2.2.2).
_OTHER_SPELLING = re.compile(rb"%(?:2[d-f]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f|7e)", re.IGNORECASE)
# An answer may bring its own value: a page its policy, a public file its cache time.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}

_log = logging.getLogger("tally.http")


class HttpGuard:
    """The outermost layer of an application.

    Args:
        app: The application inside.
        max_body_bytes: The most a request body may have.
        body_seconds: How long a request body may take to arrive.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, body_seconds: float) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; whatever is not HTTP (the lifespan) passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _BoundedBody(scope, receive, self._max_body_bytes, self._body_seconds)
        guarded = _GuardedSend(send, body)
        try:
            refusal = _refusal(scope, self._max_body_bytes)
            if refusal is None:
                await self._app(scope, body.receive, guarded.send)
                return
            error, status = refusal
            answer = problem(error, status=status)
        except ClientDisconnect:
            return  # whoever hung up in the middle of a body gets no answer, and is nobody's fault
        except Exception as error:  # noqa: BLE001 (whatever an endpoint did not foresee)
            instance = f"urn:uuid:{uuid.uuid4()}"
            answer = problem(TallyError(Code.INTERNAL_ERROR), instance=instance)
            _log_internal_error(instance, error)
        if not guarded.started:
            await answer(scope, receive, guarded.send)


class _BoundedBody:
    """The body of one request, counted and timed while it is received."""

    def __init__(self, scope: Scope, receive: Receive, max_bytes: int, seconds: float) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._bytes = 0
        names = {name for name, _ in scope["headers"]}
        self.is_complete = not names & {b"content-length", b"transfer-encoding"}

    async def receive(self) -> Message:
        if self.is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            raise MalformedError(Code.REQUEST_TOO_SLOW) from error
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._max_bytes:
            raise MalformedError(Code.SIZE_EXCEEDED, f"more than {self._max_bytes} bytes")
        self.is_complete = not message.get("more_body", False)
        return message


class _GuardedSend:
    """The answer to one request, with the security headers."""

    def __init__(self, send: Send, body: _BoundedBody) -> None:
        self._send = send
        self._body = body
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if not self._body.is_complete:
                # The rest of a refused body is not waited for.
                headers["Connection"] = "close"
        await self._send(message)


def _refusal(scope: Scope, max_body_bytes: int) -> tuple[TallyError, int] | None:
    """Why this request is refused before anything looks at it, with the HTTP status; None when it is not."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > MAX_HEADERS or sum(len(n) + len(v) for n, v in headers) > MAX_HEADER_BYTES:
        return MalformedError(Code.SIZE_EXCEEDED, "headers"), 431
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_ADDRESS_BYTES:
        return MalformedError(Code.SIZE_EXCEEDED, "address"), 414
    if scope["http_version"] not in _VERSIONS:
        return MalformedError(Code.FORMAT_INVALID, "version of HTTP"), 505
    if _OTHER_SPELLING.search(scope["raw_path"]):
        return MalformedError(Code.NOT_FOUND), 404
    if scope["method"] not in _METHODS:
        return MalformedError(Code.METHOD_NOT_ALLOWED), 405
    lengths = [value for name, value in headers if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in headers)
    # Two ways to say where the body ends are how one request is smuggled inside another (RFC 9112 §6.1).
    if len(lengths) > 1 or (lengths and chunked) or (chunked and scope["http_version"] == "1.0"):
        return MalformedError(Code.FORMAT_INVALID, "where the body ends is disputed"), 400
    if lengths and int(lengths[0]) > max_body_bytes:
        return MalformedError(Code.SIZE_EXCEEDED, f"more than {max_body_bytes} bytes"), 413
    return None


def _log_internal_error(instance: str, error: Exception) -> None:
    # Where and of which type: the message of a foreign exception, and the address, may hold anything.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    _log.error(
        "internal_error %s: %s in %s line %s",
        instance,
        type(error).__name__,
        frame.filename,
        frame.lineno,
        exc_info=error if os.environ.get("TALLY_DEBUG") else None,
    )
