"""uvicorn's HTTP/1.1 connection: bounded in number and in time both ways, and refusing in our own words.

uvicorn itself waits without end for a header that does not end and for a client that does not read, so that
a few thousand silent connections stop a server.
"""

import asyncio
from http import HTTPStatus

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from doors.http_guard import SECURITY_HEADERS
from doors.problem import problem
from protocol.codes import Code
from protocol.errors import MalformedError, UnavailableError

HEADER_SECONDS = 10.0
READ_SECONDS = 30.0
MAX_CONNECTIONS = 512


class BoundedConnection(H11Protocol):
    """HTTP/1.1 where each request's headers must be complete `header_seconds` after its first byte, and the
    first byte of a connection must come within the same time; and where a client that takes nothing of a long
    answer for `read_seconds` is hung up on. Beyond `max_connections` at once a request is told to come again.
    """

    header_seconds = HEADER_SECONDS
    read_seconds = READ_SECONDS
    max_connections = MAX_CONNECTIONS
    _header_timer: asyncio.TimerHandle | None = None
    _reading_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self.app = _answer_busy
        self._watch_header()

    def data_received(self, data: bytes) -> None:
        """Take data; start or stop waiting for the end of the headers."""
        super().data_received(data)
        self._watch_header()

    def pause_writing(self) -> None:
        """Too much is waiting to be read by the client: start to wait for it."""
        super().pause_writing()
        self._reading_timer = self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read on: stop waiting."""
        super().resume_writing()
        self._stop(self._reading_timer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop(self._header_timer)
        self._stop(self._reading_timer)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP with a problem, unless an answer has begun, and hang up."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = problem(MalformedError(Code.FORMAT_INVALID, "what was sent is no request"))
            own = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
            headers = [*answer.raw_headers, *own, (b"Connection", b"close")]
            reason = HTTPStatus(answer.status_code).phrase.encode()
            for event in (
                h11.Response(status_code=answer.status_code, headers=headers, reason=reason),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None:
            # To the application whoever sends such a body has gone.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _watch_header(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop(self._header_timer)
            self._header_timer = None
        elif self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_seconds, self.transport.close)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


async def _answer_busy(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem(UnavailableError(Code.NETWORK_BUSY), headers={**SECURITY_HEADERS, "Connection": "close"})
    await answer(scope, receive, send)
