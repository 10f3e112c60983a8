"""A web address given to a command."""

import click

from protocol.errors import MalformedError
from protocol.web_address import parse_web_address


class WebUrl(click.ParamType[str]):
    """The type of an option whose argument is an address; anything else is wrong usage.

    Whether it is one that may be asked is for the fetcher to say.
    """

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the address `value`."""
        try:
            parse_web_address(value, development=True)
        except MalformedError:
            self.fail(f"{value} is not a web address such as https://ledger.example", param, ctx)
        return value
