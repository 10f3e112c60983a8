"""The public host name of a ledger or a node, as its operator gives it."""

import click

from protocol.codes import Code
from protocol.errors import MalformedError


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
