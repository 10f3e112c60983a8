"""An HTTP door with one endpoint per reader, in the process of a test or in one of its own."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse, StreamingResponse

from doors.command import Group, pass_terminal, run
from doors.http import bearer_key, create_app, json_body, raw_body, request_body
from doors.server import listen, serve
from doors.terminal import Terminal
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, UnavailableError, VerificationError
from storage.management_key import ManagementKey, verify_management_key

CANARY = "canary-7f3a"
MAX_BYTES = 1000
LARGE = 32 << 20


def create_sample_app(*, key: ManagementKey | None = None, body_seconds: float = 5.0) -> FastAPI:
    problems: list[UnavailableError] = []

    def health() -> JsonObject:
        if problems:
            raise problems[0]
        return {"records": 3}

    def verify(text: str) -> ManagementKey:
        return verify_management_key(text, prefix="sample", find=lambda _: key)

    app = create_app(
        title="Sample <b>",
        version="1.2.3",
        description="First.\n\nSecond.",
        health=health,
        max_body_bytes=4 * MAX_BYTES,
        body_seconds=body_seconds,
    )

    @app.post("/json", openapi_extra=request_body({"type": "object"}))
    def take_json(body: Annotated[JsonObject, Depends(json_body(max_bytes=MAX_BYTES))]) -> JSONResponse:
        return JSONResponse(body)

    @app.post("/raw")
    def take_raw(body: Annotated[bytes, Depends(raw_body("text/plain", max_bytes=MAX_BYTES))]) -> Response:
        return Response(body, media_type="text/plain", headers={"Cache-Control": "public, max-age=60"})

    @app.post("/guarded", tags=["guarded"])
    def take_guarded(
        found: Annotated[ManagementKey, Depends(bearer_key(verify))],
        body: Annotated[JsonObject, Depends(json_body())],
    ) -> JSONResponse:
        """Needs a key."""
        return JSONResponse({"id": found.id, **body})

    @app.get("/items/{number}")
    def item(number: int, limit: int = 10) -> JSONResponse:
        return JSONResponse({"number": number, "limit": limit})

    @app.get("/refused")
    def refused() -> None:
        raise RefusedError(Code.STATUS_FINAL)

    @app.get("/untrusted")
    def untrusted() -> None:
        raise VerificationError(Code.SIGNATURE_INVALID, "second entry")

    @app.get("/unforeseen")
    def unforeseen() -> None:
        raise ValueError(CANARY)

    @app.get("/forbidden")
    def forbidden() -> None:
        raise HTTPException(403)

    @app.get("/breaking")
    def breaking() -> StreamingResponse:
        def parts() -> Iterator[str]:
            yield "first"
            raise ValueError(CANARY)

        return StreamingResponse(parts())

    @app.get("/large")
    def large() -> Response:
        return Response(b"x" * LARGE)

    @app.post("/sick")
    def sick() -> None:
        problems.append(UnavailableError(Code.LOG_STALE))

    return app


commands = Group(help="Samples.")


@commands.command("serve")
@pass_terminal
def serve_sample(terminal: Terminal) -> None:
    """Serve the sample."""
    with listen("127.0.0.1", 0, name="sample.localhost") as listener:
        serve(create_sample_app(), listener, terminal)
    terminal.note("closed what was open")


@commands.command("serve-broken")
@pass_terminal
def serve_broken(terminal: Terminal) -> None:
    """Serve what cannot start."""

    @asynccontextmanager
    async def fail(app: FastAPI) -> AsyncIterator[None]:
        raise ValueError(CANARY)
        yield

    app = create_app(title="Broken", version="1", health=dict, lifespan=fail)
    with listen("127.0.0.1", 0) as listener:
        serve(app, listener, terminal)


if __name__ == "__main__":
    sys.exit(run(commands, sys.argv[1:]))
