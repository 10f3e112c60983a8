"""The institution's commands: `tally issuer …`.

`init`, `serve` and `type` work on the folder of the institution; the others ask its running server.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from doors.clock import now
from doors.command import Group, pass_terminal
from doors.home import data_folder, state_folder
from doors.ledger_address import LedgerAddress
from doors.listening import Listening, listening_options
from doors.prompts import PassphraseSource, confirm, confirm_by_typing, passphrase_options
from doors.terminal import Styled, Terminal, bad, bold, dim, good, warning
from doors.text_file import TextFile
from protocol.codes import Code
from protocol.encoding.members import objects_member, text_member
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from issuer.folder import IssuerFolder

_DEFAULT_PORT = 8102
_DEFAULT_URL = f"http://issuer.localhost:{_DEFAULT_PORT}"
_STYLES = {"valid": good, "revoked": bad, "suspended": warning, "open": good, "blocked": bad}

commands = Group(help="Issue, revoke and account for credentials.")
types = Group("type", help="The types of credentials you issue.")
commands.add_command(types)


@commands.command(
    "init",
    examples=[
        "tally issuer init --name City --slug city --ledger https://ledger.example \\\n"
        "  --onboarding-token-file token"
    ],
)
@click.option("--name", required=True, help="What people call you.")
@click.option("--slug", required=True, help="The last part of your DID: a-z, 0-9 and hyphens. It stays.")
@click.option(
    "--ledger",
    "ledger_url",
    type=LedgerAddress(),
    metavar="URL",
    required=True,
    help="The ledger your DID lives on.",
)
@click.option("--ledger-policy", type=TextFile(), help="The policy to trust it by, if not its own word.")
@click.option("--onboarding-token-file", type=TextFile(), required=True, help="What its operator gave you.")
@click.option("--url", default=_DEFAULT_URL, show_default=True, help="Where wallets reach you. It stays.")
@passphrase_options
@pass_terminal
def init(
    terminal: Terminal,
    *,
    name: str,
    slug: str,
    ledger_url: str,
    ledger_policy: str | None,
    onboarding_token_file: str,
    url: str,
    passphrase: PassphraseSource,
) -> None:
    """Make an institution: its keys, its DID on the ledger, its empty register.

    What it cannot finish, when the ledger is out of reach for example, it finishes when it is called again.
    """
    from issuer.founding import check_settings, found_institution, trust_ledger
    from issuer.institution import OFFERS
    from issuer.register import TABLES
    from ledger.client import parse_onboarding_token
    from ledger.fetch import chosen_fetcher
    from protocol.tlog.policy import encode_log_policy
    from storage.passphrase import Passphrase, calibrate_kdf

    folder = _folder()
    if folder.is_initialized():
        raise RefusedError(Code.VAULT_EXISTS, "there is an institution in this home")
    settings = check_settings(name, url)
    token = parse_onboarding_token(onboarding_token_file, file="--onboarding-token-file")
    with chosen_fetcher(ledger_url) as fetcher:
        ledger = trust_ledger(folder, ledger_url, policy=ledger_policy, fetcher=fetcher)
    folder.save_onboarding_token(token)
    terminal.note("You trust the ledger by this policy:")
    for line in encode_log_policy(ledger.policy).splitlines():
        terminal.note(dim(f"  {line}"))
    secret = Passphrase(passphrase.read(terminal, question="New passphrase:", repeat=True))
    with folder.open_new_keys(secret, sealing=OFFERS, kdf=calibrate_kdf(), now=now()) as ring:
        folder.create_register(TABLES)
        with folder.identity_keeper(ring, ledger) as keeper:
            settings = found_institution(folder, keeper, settings, slug=slug, now=now())
    terminal.document({"name": settings.name, "did": settings.did, "url": settings.url})
    terminal.say(good("✓ "), bold(settings.name), " is ", settings.did)
    terminal.note("Next: `tally issuer type add degree`, then `tally issuer serve`.")


@commands.command("serve", examples=["tally issuer serve --passphrase-file passphrase"])
@listening_options
@passphrase_options
@pass_terminal
def serve(terminal: Terminal, *, listening: Listening, passphrase: PassphraseSource) -> None:
    """Serve wallets, verifiers and your own programs until it is stopped. TLS ends at the proxy in front."""
    from doors import server
    from issuer.http import IssuerApp, create_issuer_app
    from issuer.institution import open_institution
    from storage.passphrase import Passphrase

    folder = _folder()
    settings = folder.load_settings()
    secret = Passphrase(passphrase.read(terminal))
    with (
        folder.open_keys(secret) as ring,
        folder.identity_keeper(ring, folder.load_ledgers().ledger_of(settings.did)) as keeper,
        listening.at(settings.url, default_port=_DEFAULT_PORT) as (listener, url),
        open_institution(folder, keeper, url=url, now=now()) as (institution, keys),
    ):
        try:
            keys.verify_listed(now())
        except UnavailableError as error:
            terminal.note(warning("! "), f"Nobody could tell whether the ledger lists your key: {error}")
        folder.save_address(url)
        app = create_issuer_app(IssuerApp(institution, keys.rotate, now, secrets.token_bytes))
        server.serve(app, listener, terminal)


@types.command("add", examples=["tally issuer type add degree --valid-days 1826"])
@click.argument("source")
@click.option(
    "--valid-days",
    type=click.IntRange(1, 36_500),
    default=5 * 365,
    help="How long its credentials are valid.",
)
@pass_terminal
def add_type(terminal: Terminal, *, source: str, valid_days: int) -> None:
    """Issue credentials of a type: one that comes with Tallystick (degree, identity_card, …), or a folder.

    A folder holds claims.schema.json, type_metadata.json and example.json, and gives the type its name.
    """
    from issuer.credential_type import type_folder
    from issuer.management import type_document

    issued = _folder().types.add(type_folder(source), valid_days=valid_days)
    terminal.document(type_document(issued))
    terminal.say("You issue ", bold(issued.name), f" ({issued.definition.vct}), valid for {valid_days} days.")


@types.command("list", examples=["tally issuer type list"])
@pass_terminal
def list_types(terminal: Terminal) -> None:
    """List the types you issue."""
    from issuer.management import type_document

    issued = _folder().types.all()
    terminal.document({"types": [type_document(kind) for kind in issued]})
    for kind in issued:
        terminal.say(bold(kind.name.ljust(20)), dim(f"  {kind.definition.vct}"))
    if not issued:
        terminal.note("None yet. Add one with `tally issuer type add degree`.")


@commands.command("offer", examples=["tally issuer offer --type degree --claims ada.json --tx-code"])
@click.option("--type", "type_name", required=True, help="The type of credential.")
@click.option("--claims", required=True, type=TextFile(), help="A JSON file; - for stdin.")
@click.option("--tx-code", is_flag=True, help="Make a code that you send the holder another way.")
@click.option("--copies", type=click.IntRange(1, 50), help="How many copies the wallet may have.")
@click.option("--minutes", type=click.IntRange(1, 43_200), help="For how many minutes the offer stands.")
@pass_terminal
def offer(
    terminal: Terminal,
    *,
    type_name: str,
    claims: str,
    tx_code: bool,
    copies: int | None,
    minutes: int | None,
) -> None:
    """Offer a credential to one holder: a link, and the same as a QR code.

    Whoever has the link can redeem it, once. With --tx-code they need the code as well, so send the two by
    different ways.
    """
    from issuer.management import OfferRequest, encode_offer_request

    lifetime = None if minutes is None else timedelta(minutes=minutes)
    request = OfferRequest(_readable(type_name), parse_json_object(claims), tx_code, copies, lifetime)
    with _folder().running_server() as issuer:
        created = issuer.post("offers", encode_offer_request(request))
    terminal.document(created)
    link = text_member(created, "offer")
    terminal.qr_code(link)
    terminal.say(link)
    if tx_code:
        terminal.say("Transaction code, to be sent another way: ", bold(text_member(created, "tx_code")))
    terminal.note(f"Offer {text_member(created, 'id')} stands until {text_member(created, 'expires_at')}.")


@commands.command("offers", examples=["tally issuer offers --type degree"])
@click.option("--type", "type_name", help="Only this type.")
@click.option("--all", "with_closed", is_flag=True, help="Also those that are over.")
@pass_terminal
def list_offers(terminal: Terminal, *, type_name: str | None, with_closed: bool) -> None:
    """List the offers that nobody redeemed yet, the latest first. What they would say is not shown."""
    wanted = {} if with_closed else {"state": "open"}
    if type_name is not None:
        wanted["type"] = _readable(type_name)
    with _folder().running_server() as issuer:
        found = issuer.get(f"offers?{urlencode(wanted)}")
    terminal.document(found)
    rows = objects_member(found, "offers")
    for row in rows:
        line = f"{text_member(row, 'id')}  {text_member(row, 'type'):20}  {text_member(row, 'created_at')}  "
        is_open = text_member(row, "state") == "open"
        terminal.say(line, _mark(row, "state"), f" until {text_member(row, 'expires_at')}" if is_open else "")
    if not rows:
        terminal.note("None. Make an offer with `tally issuer offer`.")


@commands.command("withdraw", examples=["tally issuer withdraw 29c8cdeb95b932e9"])
@click.argument("offer")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_terminal
def withdraw(terminal: Terminal, *, offer: str, yes: bool) -> None:
    """Take an offer back that nobody redeemed yet, and erase its claims. This is final."""
    from ledger.remote import quoted

    if not yes:
        confirm_by_typing(terminal, f"This takes the offer {offer} back for good.", offer)
    with _folder().running_server() as issuer:
        _tell(terminal, issuer.post(f"offers/{quoted(offer)}/withdraw"))


@commands.command("list", examples=["tally issuer list --type degree"])
@click.option("--type", "type_name", help="Only this type.")
@pass_terminal
def list_issued(terminal: Terminal, *, type_name: str | None) -> None:
    """List what was issued, the latest first."""
    from ledger.remote import quoted

    query = "" if type_name is None else f"?type={quoted(type_name)}"
    with _folder().running_server() as issuer:
        found = issuer.get(f"credentials{query}")
    terminal.document(found)
    rows = objects_member(found, "credentials")
    for row in rows:
        line = f"{text_member(row, 'id')}  {text_member(row, 'type'):20}  {text_member(row, 'issued_at')}  "
        terminal.say(line, _mark(row, "status"))
    if not rows:
        terminal.note("Nothing yet. Make an offer with `tally issuer offer`.")


@commands.command("show", examples=["tally issuer show d3e665467809b291"])
@click.argument("credential")
@pass_terminal
def show(terminal: Terminal, *, credential: str) -> None:
    """Show what the register knows of a credential. It does not know the claims."""
    with _folder().running_server() as issuer:
        _tell(terminal, issuer.get(_path(credential)))


def _add_status_command(name: str, summary: str, *, is_final: bool = False) -> None:
    @commands.command(name, help=summary, examples=[f"tally issuer {name} d3e665467809b291"])
    @click.argument("credential")
    @click.option("--yes", is_flag=True, hidden=not is_final, help="Do not ask.")
    @pass_terminal
    def change(terminal: Terminal, *, credential: str, yes: bool) -> None:
        if is_final and not yes:
            confirm_by_typing(
                terminal, f"This revokes {credential} with all its copies for good.", credential
            )
        with _folder().running_server() as issuer:
            _tell(terminal, issuer.post(f"{_path(credential)}/{name}"))


_add_status_command("revoke", "Revoke a credential with all its copies. This is final.", is_final=True)
_add_status_command("suspend", "Suspend a credential with all its copies until it is reinstated.")
_add_status_command("reinstate", "Let a suspended credential count again.")


@commands.command("rotate", examples=["tally issuer rotate"])
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_terminal
def rotate(terminal: Terminal, *, yes: bool) -> None:
    """Sign with a new key from now on. What was issued before stays good."""
    if not yes:
        confirm(terminal, "Publish a new signing key?")
    with _folder().running_server() as issuer:
        rotated = issuer.post("rotate")
    terminal.document(rotated)
    terminal.say(good("✓ "), "New key: ", text_member(rotated, "key_id"))


def _folder() -> "IssuerFolder":
    from issuer.folder import IssuerFolder

    return IssuerFolder(data_folder("issuer"), state_folder("issuer"))


def _path(credential: str) -> str:
    from ledger.remote import quoted

    return f"credentials/{quoted(credential)}"


def _readable(text: str) -> str:
    # An argument in another encoding than the terminal's holds what no message could.
    return text.encode("utf-8", "replace").decode()


def _mark(row: Mapping[str, JsonValue], name: str) -> Styled:
    word = text_member(row, name)
    return _STYLES.get(word, dim)(word)


def _tell(terminal: Terminal, credential: JsonObject) -> None:
    terminal.document(credential)
    for name, value in credential.items():
        if value is not None:
            shown = _mark(credential, name) if name in ("status", "state") else str(value)
            terminal.say(dim(name.replace("_", " ").ljust(18)), shown)
