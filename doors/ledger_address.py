"""The address of a ledger, as a person gives it."""

import click

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.web_address import parse_web_address


class LedgerAddress(click.ParamType[str]):
    """The type of an option or argument that is the address of a ledger. Another text is wrong usage."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`value`, without a slash at its end."""
        try:
            return parse_ledger_address(value)
        except MalformedError as error:
            missing = f"{error.detail}: " if error.detail else ""
            wanted = "https://ledger.example or http://ledger.localhost:8101"
            self.fail(f"{missing}{value} is not like {wanted}", param, ctx)


def parse_ledger_address(text: str) -> str:
    """`text`, without a slash at its end.

    Raises:
        MalformedError: LEDGER_ADDRESS_INVALID; the detail says so where only https:// is missing.
    """
    address = text.strip().rstrip("/")
    try:
        return parse_web_address(address, development=True).text
    except MalformedError as error:
        detail = "" if "://" in text else "https:// is missing"
        raise MalformedError(Code.LEDGER_ADDRESS_INVALID, detail) from error
