"""What an institution is and how it issues: `issuer.toml`, written by `init` and edited by its owner.

Secrets are never in it: they are in the key ring, and the management key is in a file of its own.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from protocol.jws import Algorithm
from protocol.web_address import parse_web_address

MIN_LIST_SIZE = 1 << 17
_MAX_LIST_SIZE = 1 << 24
_TEMPLATE = """\
# What this issuer is, and how it issues. The ledgers it trusts are in ledgers.toml, its keys in keys.sealed.
name = {name}
url = {url}                # where wallets reach it; part of every credential, so it has to stay
did = {did}
signing_name = {signing_name}            # or "Ed25519": the name of its algorithm in what it signs

[offers]
minutes = {offer_minutes}             # how long an offer can be redeemed
copies = {copies}              # at most, of one credential; each has a key of its own

[status]
list_size = {list_size}       # credentials per status list, at least 131072
hours = {status_hours}               # how long a signed list is valid
ttl_seconds = {ttl_seconds}        # how long a verifier may use its copy
"""


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """The settings of one institution.

    Attributes:
        name: What people call it.
        url: The Credential Issuer Identifier, without a final slash.
        did: The DID it signs as.
        signing_name: The name of its algorithm in what it signs: EdDSA or Ed25519.
        offer_lifetime: How long an offer can be redeemed.
        copies: The most copies of one credential, each with a key of its own.
        list_size: How many credentials share a status list; so many hide each one.
        status_lifetime: How long a signed status list is valid.
        status_time_to_live: How long a verifier may use its copy of it.
    """

    name: str
    url: str
    did: str
    signing_name: Algorithm = Algorithm.EDDSA
    offer_lifetime: timedelta = timedelta(minutes=60)
    copies: int = 10
    list_size: int = MIN_LIST_SIZE
    status_lifetime: timedelta = timedelta(hours=24)
    status_time_to_live: timedelta = timedelta(seconds=300)


def parse_settings(text: str) -> IssuerSettings:
    """Read `issuer.toml`.

    Raises:
        RefusedError: not TOML, a member missing, unknown, or outside its range: nobody should run on settings
            that say something else than their owner thinks.
    """
    try:
        top = _Table("", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _refusal(str(error)) from error
    offers, status = top.table("offers"), top.table("status")
    signing_name = top.text("signing_name")
    if signing_name not in (Algorithm.EDDSA, Algorithm.ED25519):
        raise _refusal("signing_name is EdDSA or Ed25519")
    settings = IssuerSettings(
        name=top.text("name"),
        url=parse_issuer_url(top.text("url")),
        did=top.text("did"),
        signing_name=Algorithm(signing_name),
        offer_lifetime=timedelta(minutes=offers.number("minutes", 1, 30 * 24 * 60)),
        copies=offers.number("copies", 1, 50),
        list_size=status.number("list_size", MIN_LIST_SIZE, _MAX_LIST_SIZE),
        status_lifetime=timedelta(hours=status.number("hours", 1, 30 * 24)),
        status_time_to_live=timedelta(seconds=status.number("ttl_seconds", 1, 24 * 60 * 60)),
    )
    for table in (top, offers, status):
        table.refuse_the_rest()
    return settings


def parse_issuer_url(text: str) -> str:
    """Read the address of an issuer, which has a host of its own: `https://issuer.example`, without a path.

    Raises:
        RefusedError: it is not one.
    """
    try:
        address = parse_web_address(text, development=True)
    except MalformedError as error:
        raise _refusal("url is an https address, or http on a name under .localhost") from error
    if address.text != address.origin:
        raise _refusal("url has no path, query or final slash")
    return text


def encode_settings(settings: IssuerSettings) -> str:
    """Write the settings that `parse_settings` reads, with a word on each."""
    return _TEMPLATE.format(
        name=_quoted(settings.name),
        url=_quoted(settings.url),
        did=_quoted(settings.did),
        signing_name=_quoted(settings.signing_name.value),
        offer_minutes=settings.offer_lifetime // timedelta(minutes=1),
        copies=settings.copies,
        list_size=settings.list_size,
        status_hours=settings.status_lifetime // timedelta(hours=1),
        ttl_seconds=settings.status_time_to_live // timedelta(seconds=1),
    )


class _Table:
    """A table of the file, which notices what nobody asked it for."""

    def __init__(self, name: str, members: Mapping[str, Any]) -> None:
        self._name = name
        self._members = dict(members)

    def table(self, name: str) -> "_Table":
        value = self._take(name)
        if not isinstance(value, dict):
            raise _refusal(f"[{name}] is a table")
        return _Table(f"{name}.", value)

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str) or not value:
            raise _refusal(f"{self._name}{name} is a text")
        return value

    def number(self, name: str, minimum: int, maximum: int) -> int:
        value = self._take(name)
        if type(value) is not int or not minimum <= value <= maximum:
            raise _refusal(f"{self._name}{name} is a whole number from {minimum} to {maximum}")
        return value

    def refuse_the_rest(self) -> None:
        if self._members:
            raise _refusal(f"there is no setting {self._name}{min(self._members)}")

    def _take(self, name: str) -> object:
        if name not in self._members:
            raise _refusal(f"{self._name}{name} is missing")
        return self._members.pop(name)


def _quoted(text: str) -> str:
    # A JSON string in ASCII is a TOML string too, but for the escape of a character beyond 16 bits.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _refusal(detail: str) -> RefusedError:
    return RefusedError(Code.SETTINGS_INVALID, f"issuer.toml: {detail}")
