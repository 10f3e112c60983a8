"""The pages of the explorer on the ledger's server.

GET  /browse                        how far the log reaches, and who stands behind it
GET  /browse/entries?page=<number>  the entries, newest first
GET  /browse/entry/<index>          one of them
GET  /browse/did?name=<did>         the history of a DID
GET  /browse/accreditations?name=<did>&type=<vct>   who was accredited for what
GET  /browse/type?name=<vct>        what describes a type of credential, and who is accredited for it
GET  /browse/search?q=<text>        a DID, a name, a type, an index or a leaf hash
"""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from doors.problem import http_status
from ledger.browse.accreditation_pages import accreditations_page, type_page
from ledger.browse.explorer import Explorer
from ledger.browse.html import CONTENT_SECURITY_POLICY
from ledger.browse.pages import (
    did_address,
    did_page,
    entries_page,
    entry_page,
    found_page,
    head_page,
    trouble_page,
    type_address,
)
from ledger.browse.question import parse_question
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError
from protocol.index.subject import MAX_NAME_BYTES

_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_SEE_OTHER = 303

_Text = Annotated[str, Query(max_length=MAX_NAME_BYTES)]
_TYPE = Query(alias="type", max_length=MAX_NAME_BYTES)


def add_pages(app: FastAPI, explorer: Explorer, *, origin: str) -> None:
    """Add the pages of the ledger `origin` to `app`."""
    router = APIRouter(prefix="/browse", include_in_schema=False, route_class=_page_route(origin))

    @router.get("")
    def browse() -> Response:
        return _answer(head_page(explorer.head()))

    @router.get("/entries")
    def browse_entries(page: _Text = "1") -> Response:
        return _answer(entries_page(explorer.entries(_number(page, "page")), origin=origin))

    @router.get("/entry/{index}")
    def browse_entry(index: str) -> Response:
        return _answer(entry_page(explorer.entry(_number(index, "index")), origin=origin))

    @router.get("/did")
    def browse_did(name: _Text = "") -> Response:
        return _answer(did_page(explorer.did(name), origin=origin))

    @router.get("/accreditations")
    def browse_accreditations(name: _Text = "", vct: Annotated[str, _TYPE] = "") -> Response:
        shown = explorer.accreditations(name.strip() or None, vct.strip() or None)
        return _answer(accreditations_page(shown, origin=origin))

    @router.get("/type")
    def browse_type(name: _Text = "") -> Response:
        return _answer(type_page(explorer.type(name), origin=origin))

    @router.get("/search")
    def browse_search(q: _Text = "") -> Response:
        found = explorer.find(parse_question(q))
        match found.dids, found.entries, found.types:
            case (did,), (), ():
                return _answer_elsewhere(did_address(did))
            case (), (index,), ():
                return _answer_elsewhere(f"/browse/entry/{index}")
            case (), (), (vct,):
                return _answer_elsewhere(type_address(vct))
        return _answer(found_page(q, found, origin=origin))

    app.include_router(router)


def add_missing_page(app: FastAPI, *, origin: str) -> None:
    """Answer whatever else is asked for below /browse; for the end, when every other path is taken."""
    router = APIRouter(prefix="/browse", include_in_schema=False, route_class=_page_route(origin))

    @router.get("/{path:path}")
    def browse_nothing(path: str) -> Response:
        raise RefusedError(Code.NOT_FOUND)

    app.include_router(router)


def _page_route(origin: str) -> type[APIRoute]:
    """Routes whose errors are pages, too: a person reads them."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_or_tell(request: Request) -> Response:
                try:
                    return await handle(request)
                except TallyError as error:
                    failure = error
                except RequestValidationError:
                    failure = MalformedError(Code.SIZE_EXCEEDED, "the address")
                return _answer(trouble_page(failure, origin=origin), status=http_status(failure))

            return handle_or_tell

    return PageRoute


def _answer(html: str, *, status: int = 200) -> Response:
    return HTMLResponse(html, status, headers=_HEADERS)


def _answer_elsewhere(address: str) -> Response:
    return RedirectResponse(address, _SEE_OTHER)


def _number(text: str, name: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise MalformedError(Code.MEMBER_INVALID, f"{name}: a decimal number")
    return int(text)
