"""Where a server listens: the options that say so, and the address it is then reached by."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from doors.server import Listener

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Listening:
    """What `--listen` and `--port` say; the port may be left open."""

    host: str
    port: int | None

    @contextmanager
    def at(self, public_url: str, *, default_port: int) -> "Iterator[tuple[Listener, str]]":
        """Listen for the server with this public address; without `--port` at its port, or at `default_port`.

        Gives the socket, and the address by which the server is reached.

        On this machine (http, under .localhost) the port may be another one in each run, and the address
        follows it. Behind a proxy, which alone speaks TLS, the public address stays.

        Raises:
            RefusedError: the address cannot be bound.
        """
        # uvicorn costs more to import than `--help` may take.
        from doors.server import listen

        public = urlsplit(public_url)
        is_local = public.scheme == "http"
        port = self.port
        if port is None:
            port = (public.port if is_local else None) or default_port
        with listen(self.host, port, name=public.hostname if is_local else None) as listener:
            yield listener, listener.url if is_local else public_url


def listening_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command `--listen` and `--port`, as the argument `listening`."""

    @click.option(
        "--listen",
        "host",
        metavar="ADDRESS",
        default="127.0.0.1",
        show_default=True,
        help="The address to listen on.",
    )
    @click.option("--port", type=click.IntRange(0, 65_535), help="The port to listen on; 0 for a free one.")
    @functools.wraps(command)
    def with_listening(*args: object, host: str, port: int | None, **kwargs: object) -> R:
        return command(*args, listening=Listening(host, port), **kwargs)

    return with_listening
