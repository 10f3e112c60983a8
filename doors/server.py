"""Running an HTTP door with uvicorn.

The socket is bound first, so that the application can be made knowing its own address:

    with listen("127.0.0.1", 0, name="ledger.localhost") as listener:
        serve(create_ledger_app(base_url=listener.url, …), listener, terminal)
"""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from doors.terminal import Terminal
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    import uvicorn

MAX_HEADER_BLOCK_BYTES = 16 * 1024
IDLE_SECONDS = 30
SHUTDOWN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound TCP socket and the address by which its server is reached."""

    socket: socket.socket
    url: str


@contextmanager
def listen(host: str, port: int, *, name: str | None = None) -> Iterator[Listener]:
    """Bind `host` and `port` (0 for a free one).

    `name` is the host name for the URL where it is not `host`, for example `ledger.localhost`. The URL is
    http: TLS ends at the proxy in front, which then is the public address.

    Raises:
        RefusedError: the address cannot be bound: another program has it, or it is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it every answer takes 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            raise RefusedError(Code.ADDRESS_UNAVAILABLE, f"{host} port {port}") from error
        shown = name or (f"[{host}]" if family == socket.AF_INET6 else host)
        yield Listener(bound, f"http://{shown}:{bound.getsockname()[1]}")


def _do_nothing() -> None: ...


def serve(
    app: Callable[..., Any],
    listener: Listener,
    terminal: Terminal,
    *,
    opened: Callable[[], None] = _do_nothing,
) -> None:
    """Serve `app` until SIGTERM or SIGINT, and let running requests end.

    When it takes requests, `opened` is called, which must not wait for any of them, and one line says so: a
    sentence, or with `--json` `{"ready": true, "url": …}`.

    Raises:
        UnavailableError: the application could not start.
    """

    def announce() -> None:
        opened()
        terminal.document({"ready": True, "url": listener.url})
        terminal.note(f"Ready at {listener.url} (Ctrl-C stops it)")

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    _run(_create_server(app, announce), listener.socket)


@contextmanager
def running(
    app: Callable[..., Any], listener: Listener, *, opened: Callable[[], None] = _do_nothing
) -> Iterator[None]:
    """Serve `app` in a thread of this process until the block ends, for the demo and for tests.

    `opened` as in `serve`.

    Raises:
        UnavailableError: the application could not start.
    """
    settled = threading.Event()
    failures: list[UnavailableError] = []

    def announce() -> None:
        opened()
        settled.set()

    server = _create_server(app, announce)

    def run_in_thread() -> None:
        try:
            _run(server, listener.socket)
        except UnavailableError as error:
            failures.append(error)
        finally:
            settled.set()

    thread = threading.Thread(target=run_in_thread, name=f"server {listener.url}")
    thread.start()
    try:
        settled.wait()
        if failures:
            raise failures[0]
        yield
    finally:
        server.should_exit = True
        thread.join()


def _run(server: "uvicorn.Server", bound: socket.socket) -> None:
    try:
        server.run(sockets=[bound])
    except SystemExit as error:  # uvicorn's way to say that the lifespan of the application failed
        raise UnavailableError(Code.INTERNAL_ERROR, "the application could not start") from error


def _create_server(app: Callable[..., Any], ready: Callable[[], None]) -> "uvicorn.Server":
    # uvicorn costs more to import than any command that does not serve may take.
    import uvicorn

    from doors.http_connection import BoundedConnection

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn would raise the signal again after the shutdown, and the process would end as if it had
            # been killed, without closing what the command has open. Here being asked to stop is success.
            with super().capture_signals():
                yield
                self._captured_signals.clear()

    return Server(
        uvicorn.Config(
            app,
            http=BoundedConnection,
            loop="asyncio",
            ws="none",
            # Its log would hold tracebacks, and a line for everything that is not HTTP.
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=MAX_HEADER_BLOCK_BYTES,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
