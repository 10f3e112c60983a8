"""The commands on what the institution is: `init`, `serve`, `rotate`."""

import secrets
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.database_option import database_option
from doors.home import data_folder, state_folder
from doors.ledger_address import LedgerAddress
from doors.listening import Listening, listening_options
from doors.prompts import PassphraseSource, confirm, passphrase_options
from doors.terminal import Terminal, bold, good, verbatim, warning
from doors.text_file import TextFile
from protocol.codes import Code
from protocol.encoding.members import text_member
from protocol.errors import RefusedError, UnavailableError
from storage.database_address import REGISTER

if TYPE_CHECKING:
    from issuer.folder import IssuerFolder

_DEFAULT_PORT = 8102
_DEFAULT_URL = f"http://issuer.localhost:{_DEFAULT_PORT}"


@click.command(
    "init",
    cls=Command,
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
@click.option(
    "--witnessed",
    is_flag=True,
    help="Let the ledger's nodes approve each entry of your DID, for those who do not know the ledger.",
)
@database_option(REGISTER)
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
    witnessed: bool,
    database: str,
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

    folder = own_folder()
    if folder.is_initialized():
        raise RefusedError(Code.VAULT_EXISTS, "there is an institution in this home")
    if not name.strip():
        raise click.BadParameter("it is empty", param_hint="--name")
    settings = check_settings(name, url, database)
    token = parse_onboarding_token(onboarding_token_file, file="--onboarding-token-file")
    with chosen_fetcher(ledger_url) as fetcher:
        ledger = trust_ledger(folder, ledger_url, policy=ledger_policy, fetcher=fetcher)
    folder.save_onboarding_token(token)
    terminal.note("You trust the ledger by this policy:")
    for line in encode_log_policy(ledger.policy).splitlines():
        terminal.note(verbatim(line))
    secret = Passphrase(passphrase.read_new(terminal))
    with folder.open_new_keys(secret, sealing=OFFERS, kdf=calibrate_kdf(), now=now()) as ring:
        folder.create_register(database, TABLES, seal_key=ring.keys[OFFERS].private)
        with folder.identity_keeper(ring, ledger) as keeper:
            settings = found_institution(folder, keeper, settings, slug=slug, witnessed=witnessed, now=now())
    terminal.document(
        {"name": settings.name, "did": settings.did, "url": settings.url, "witnessed": witnessed}
    )
    terminal.say(good("✓ "), bold(settings.name), " is ", settings.did)
    if witnessed:
        terminal.note("The ledger's nodes approve its entries; resolvers of others find it in a few seconds.")
    terminal.note("Next: `tally issuer type add degree`, then `tally issuer serve`.")


@click.command("serve", cls=Command, examples=["tally issuer serve --passphrase-file passphrase"])
@listening_options
@passphrase_options
@pass_terminal
def serve(terminal: Terminal, *, listening: Listening, passphrase: PassphraseSource) -> None:
    """Serve wallets, verifiers and your own programs until it is stopped. TLS ends at the proxy in front."""
    from doors import server
    from issuer.http import IssuerApp, create_issuer_app
    from issuer.institution import open_institution
    from storage.passphrase import Passphrase

    folder = own_folder()
    settings = folder.load_settings()
    with (
        passphrase.unlock(terminal, lambda text: folder.open_keys(Passphrase(text))) as ring,
        folder.served_once(ring),
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


@click.command("rotate", cls=Command, examples=["tally issuer rotate"])
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_terminal
def rotate(terminal: Terminal, *, yes: bool) -> None:
    """Sign with a new key from now on. What was issued before stays good."""
    if not yes:
        confirm(terminal, "Publish a new signing key?")
    with own_folder().running_server() as issuer:
        rotated = issuer.post("rotate")
    terminal.document(rotated)
    terminal.say(good("✓ "), "New key: ", text_member(rotated, "key_id"))


def own_folder() -> "IssuerFolder":
    """The folder of the institution in this home."""
    from issuer.folder import IssuerFolder

    return IssuerFolder(data_folder("issuer"), state_folder("issuer"))
