"""What a verifier is: `verifier.toml`, written by `init` and edited by its owner.

What it believes is in policy.toml. Secrets are in neither: they are in the key ring, and the management key
is in a file of its own.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from ledger.signing_name import read_signing_name
from protocol.codes import Code
from protocol.jws import Algorithm
from protocol.openid4vp.request import MAX_NAME_CHARACTERS
from storage.database_address import REGISTER
from storage.toml_table import parse_toml, quote_toml

FILE = "verifier.toml"
NO_DID = "the verifier has no DID; its requests are unsigned"
MIN_REQUEST_LIFETIME = timedelta(seconds=30)
MAX_REQUEST_LIFETIME = timedelta(hours=1)

_DEFAULT_MINUTES = 5
_MINUTE = timedelta(minutes=1)
_TEMPLATE = """\
# What this verifier is. What it believes is in policy.toml, its keys are in keys.sealed.
name = {name}            # what wallets show
url = {url}              # where wallets reach it
{did}
signing_name = {signing_name}    # or "Ed25519": the name of its algorithm in what it signs
database = {database}    # a file beside this one or elsewhere, or postgresql+psycopg://…

[requests]
minutes = {minutes}      # how long a request can be answered, unless it says something else
"""
_DID = "did = {did}"
_NO_DID = '# did = "did:webvh:…"    # it has none, so it cannot sign its requests'


@dataclass(frozen=True, slots=True)
class VerifierSettings:
    """The settings of one verifier.

    Attributes:
        name: What it calls itself.
        url: Where wallets reach it, without a final slash.
        did: The DID it signs its requests as; None if it has none, and all its requests are unsigned.
        signing_name: The name of its algorithm in what it signs: EdDSA or Ed25519.
        database: Where its register is; it may hold a password.
        request_lifetime: How long a request can be answered, unless it says something else.
    """

    name: str
    url: str
    did: str | None
    signing_name: Algorithm = Algorithm.EDDSA
    database: str = field(default=REGISTER, repr=False)
    request_lifetime: timedelta = timedelta(minutes=_DEFAULT_MINUTES)


def parse_settings(source: str | bytes) -> VerifierSettings:
    """Read `verifier.toml`.

    Raises:
        RefusedError: SETTINGS_INVALID; the detail names the place.
    """
    top = parse_toml(source, file=FILE, code=Code.SETTINGS_INVALID)
    requests = top.table("requests")
    signing_name = read_signing_name(top)
    settings = VerifierSettings(
        name=top.line("name", max_characters=MAX_NAME_CHARACTERS),
        url=top.origin("url"),
        did=top.optional_text("did"),
        signing_name=signing_name,
        database=top.database("database", default=REGISTER),
        request_lifetime=requests.number(
            "minutes", 1, MAX_REQUEST_LIFETIME // _MINUTE, default=_DEFAULT_MINUTES
        )
        * _MINUTE,
    )
    requests.end()
    top.end()
    return settings


def encode_settings(settings: VerifierSettings) -> str:
    """Write the settings that `parse_settings` reads, with a word on each."""
    return _TEMPLATE.format(
        name=quote_toml(settings.name),
        url=quote_toml(settings.url),
        did=_NO_DID if settings.did is None else _DID.format(did=quote_toml(settings.did)),
        signing_name=quote_toml(settings.signing_name.value),
        database=quote_toml(settings.database),
        minutes=settings.request_lifetime // _MINUTE,
    )
