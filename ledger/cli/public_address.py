"""Where a ledger or a node is reached by everybody: the options of its `init` that say so."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import click

from protocol.codes import Code
from protocol.errors import MalformedError

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """Where a server is reached.

    Attributes:
        authority: The host name, with the port where it is not that of https.
        url: The same as an address; plain http only on this machine, under .localhost.
    """

    authority: str
    url: str


class HostName(click.ParamType[str]):
    """The type of an option that is a host name. Another text is wrong usage."""

    name = "host"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name in small letters.

        Raises:
            MalformedError: NETWORK_HOST_FORBIDDEN, an address or a name without a dot.
        """
        from protocol.did.webvh.identifier import encode_webvh

        host = value.lower()
        try:
            # DIDs will live under this name for as long as there are any, so a DID must be able to hold it.
            encode_webvh("scid", host, None, ("name",))
        except MalformedError as error:
            if error.code is not Code.DID_INVALID:
                raise
            self.fail(f"{value[:80]!r} is not a host name like ledger.example", param, ctx)
        return host


def public_address_options(
    default_host: str, *, development_port: int
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command `--host` and `--port`, as the argument `address`, a PublicAddress.

    Under .localhost there is always a port: without `--port` it is `development_port`.
    """

    def with_options(command: Callable[..., R]) -> Callable[..., R]:
        @click.option(
            "--host", type=HostName(), default=default_host, show_default=True, help="The public host name."
        )
        @click.option(
            "--port", type=click.IntRange(1, 65_535), help="The public port, if it is not that of https."
        )
        @functools.wraps(command)
        def with_address(*args: object, host: str, port: int | None, **kwargs: object) -> R:
            is_local = host.endswith(".localhost")
            if port is None and is_local:
                port = development_port
            authority = host if port is None else f"{host}:{port}"
            address = PublicAddress(authority, f"{'http' if is_local else 'https'}://{authority}")
            return command(*args, address=address, **kwargs)

        return with_address

    return with_options
