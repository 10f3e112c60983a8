"""What an institution is and how it issues: `issuer.toml`, written by `init` and edited by its owner.

Secrets are never in it: they are in the key ring, and the management key is in a file of its own.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from ledger.signing_name import read_signing_name
from protocol.codes import Code
from protocol.jws import Algorithm
from storage.database_address import REGISTER
from storage.toml_table import parse_toml, quote_toml

FILE = "issuer.toml"
MIN_LIST_SIZE = 1 << 17

_MAX_LIST_SIZE = 1 << 24
_MAX_NAME = 100
_DEFAULT_MINUTES = 60
_DEFAULT_COPIES = 10
_DEFAULT_HOURS = 24
_DEFAULT_TTL = 300
_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_TEMPLATE = """\
# What this issuer is, and how it issues. The ledgers it trusts are in ledgers.toml, its keys in keys.sealed.
name = {name}
url = {url}                # where wallets reach it; part of every credential, so it has to stay
did = {did}
signing_name = {signing_name}            # or "Ed25519": the name of its algorithm in what it signs
database = {database}    # a file beside this one or elsewhere, or postgresql+psycopg://…

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
        database: Where its register is; it may hold a password.
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
    database: str = field(default=REGISTER, repr=False)
    offer_lifetime: timedelta = _DEFAULT_MINUTES * _MINUTE
    copies: int = _DEFAULT_COPIES
    list_size: int = MIN_LIST_SIZE
    status_lifetime: timedelta = _DEFAULT_HOURS * _HOUR
    status_time_to_live: timedelta = _DEFAULT_TTL * _SECOND


def parse_settings(source: str | bytes) -> IssuerSettings:
    """Read `issuer.toml`.

    Raises:
        RefusedError: SETTINGS_INVALID; the detail names the place. Nobody should run on settings that say
            something else than their owner thinks.
    """
    top = parse_toml(source, file=FILE, code=Code.SETTINGS_INVALID)
    offers, status = top.table("offers"), top.table("status")
    signing_name = read_signing_name(top)
    settings = IssuerSettings(
        name=top.line("name", max_characters=_MAX_NAME),
        url=top.origin("url"),
        did=top.text("did"),
        signing_name=signing_name,
        database=top.database("database", default=REGISTER),
        offer_lifetime=_MINUTE * offers.number("minutes", 1, 30 * 24 * 60, default=_DEFAULT_MINUTES),
        copies=offers.number("copies", 1, 50, default=_DEFAULT_COPIES),
        list_size=status.number("list_size", MIN_LIST_SIZE, _MAX_LIST_SIZE, default=MIN_LIST_SIZE),
        status_lifetime=_HOUR * status.number("hours", 1, 30 * 24, default=_DEFAULT_HOURS),
        status_time_to_live=_SECOND * status.number("ttl_seconds", 1, 24 * 60 * 60, default=_DEFAULT_TTL),
    )
    for table in (offers, status, top):
        table.end()
    return settings


def encode_settings(settings: IssuerSettings) -> str:
    """Write the settings that `parse_settings` reads, with a word on each."""
    return _TEMPLATE.format(
        name=quote_toml(settings.name),
        url=quote_toml(settings.url),
        did=quote_toml(settings.did),
        signing_name=quote_toml(settings.signing_name.value),
        database=quote_toml(settings.database),
        offer_minutes=settings.offer_lifetime // _MINUTE,
        copies=settings.copies,
        list_size=settings.list_size,
        status_hours=settings.status_lifetime // _HOUR,
        ttl_seconds=settings.status_time_to_live // _SECOND,
    )
