"""The address of a ledger, given to a command."""

import click

from protocol.errors import MalformedError
from protocol.web_address import parse_web_address


class LedgerAddress(click.ParamType[str]):
    """The type of an option or argument that is the address of a ledger. Another text is wrong usage."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`value`, without a slash at its end."""
        try:
            return parse_web_address(value.rstrip("/"), development=True).text
        except MalformedError:
            self.fail(
                f"{value} is not like https://ledger.example or http://ledger.localhost:8101", param, ctx
            )
