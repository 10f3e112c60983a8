"""The commands with which a verifier is made, served and told whom to trust."""

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
    from verifier.folder import VerifierFolder

_DEFAULT_PORT = 8103
_DEFAULT_URL = f"http://verifier.localhost:{_DEFAULT_PORT}"


@click.command(
    "init",
    cls=Command,
    examples=[
        "tally verifier init --name Shop --ledger https://ledger.example \\\n"
        "  --slug shop --onboarding-token-file token"
    ],
)
@click.option("--name", required=True, help="What wallets call you.")
@click.option(
    "--ledger",
    "ledger_url",
    type=LedgerAddress(),
    metavar="URL",
    required=True,
    help="The ledger whose DIDs you look up.",
)
@click.option("--ledger-policy", type=TextFile(), help="The policy to trust it by, if not its own word.")
@click.option("--slug", help="The last part of your DID: a-z, 0-9 and hyphens. It stays.")
@click.option(
    "--onboarding-token-file", type=TextFile(), help="What its operator gave you, to have a DID there."
)
@click.option("--url", default=_DEFAULT_URL, show_default=True, help="Where wallets reach you.")
@database_option(REGISTER)
@passphrase_options
@pass_terminal
def init(
    terminal: Terminal,
    *,
    name: str,
    ledger_url: str,
    ledger_policy: str | None,
    slug: str | None,
    onboarding_token_file: str | None,
    url: str,
    database: str,
    passphrase: PassphraseSource,
) -> None:
    """Make a verifier: its policy, its keys, its DID, its register.

    Without --slug and --onboarding-token-file it has no DID: it can check everything, but wallets cannot tell
    who asks. What it cannot finish, it finishes when it is called again.
    """
    from ledger.client import parse_onboarding_token
    from ledger.fetch import chosen_fetcher
    from protocol.tlog.policy import encode_log_policy
    from storage.passphrase import Passphrase, calibrate_kdf
    from verifier.founding import check_settings, found_with_did, found_without_did, trust_ledger
    from verifier.register import TABLES
    from verifier.verifier import ANSWERS

    folder = own_folder()
    if folder.is_initialized():
        raise RefusedError(Code.VAULT_EXISTS, "there is a verifier in this home")
    if (slug is None) is not (onboarding_token_file is None):
        raise RefusedError(Code.INPUT_REQUIRED, "--slug and --onboarding-token-file go together")
    if not name.strip():
        raise click.BadParameter("it is empty", param_hint="--name")
    settings = check_settings(name, url, database)
    token = onboarding_token_file and parse_onboarding_token(
        onboarding_token_file, file="--onboarding-token-file"
    )
    with chosen_fetcher(ledger_url) as fetcher:
        ledger = trust_ledger(folder, ledger_url, policy=ledger_policy, fetcher=fetcher)
    terminal.note("You trust the ledger by this policy:")
    for line in encode_log_policy(ledger.policy).splitlines():
        terminal.note(verbatim(line))
    secret = Passphrase(passphrase.read_new(terminal))
    with folder.open_new_keys(secret, sealing=ANSWERS, kdf=calibrate_kdf(), now=now()) as ring:
        folder.create_register(database, TABLES, seal_key=ring.keys[ANSWERS].private)
        if slug is None or token is None:
            found_without_did(folder, settings)
        else:
            folder.save_onboarding_token(token)
            with folder.identity_keeper(ring, ledger) as keeper:
                settings = found_with_did(folder, keeper, settings, slug=slug, now=now())
    terminal.document({"name": settings.name, "did": settings.did, "url": settings.url})
    terminal.say(good("✓ "), bold(settings.name), f" is {settings.did or 'ready; it has no DID'}")
    terminal.note(f"Your own programs show the key in {folder.management_key}.")
    terminal.note("Next: `tally verifier trust TYPE DID` for each issuer, then `tally verifier serve`.")


@click.command("serve", cls=Command, examples=["tally verifier serve --passphrase-file passphrase"])
@listening_options
@passphrase_options
@pass_terminal
def serve(terminal: Terminal, *, listening: Listening, passphrase: PassphraseSource) -> None:
    """Serve wallets and your own programs until stopped.

    TLS ends at the proxy in front.
    """
    from doors import server
    from storage.passphrase import Passphrase
    from verifier.grounds import PolicyGrounds
    from verifier.http import VerifierApp, create_verifier_app
    from verifier.verifier import open_verifier

    folder = own_folder()
    public_url = folder.load_settings().url
    with (
        passphrase.unlock(terminal, lambda text: folder.open_keys(Passphrase(text))) as ring,
        folder.served_once(ring),
        PolicyGrounds(folder.policy, state=folder.state, clock=now) as grounds,
        listening.at(public_url, default_port=_DEFAULT_PORT) as (listener, url),
        open_verifier(folder, ring, url=url, grounds=grounds, now=now()) as (verifier, keys),
    ):
        try:
            if keys is not None:
                keys.verify_listed(now())
        except UnavailableError as error:
            terminal.note(warning("! "), f"Nobody could tell whether the ledger lists your key: {error}")
        folder.save_address(url)
        rotate = None if keys is None else keys.rotate
        app = create_verifier_app(VerifierApp(verifier, rotate, now, secrets.token_bytes))
        server.serve(app, listener, terminal)


@click.command(
    "trust",
    cls=Command,
    examples=[
        "tally verifier trust degree did:webvh:Qm…:ledger.example:city",
        "tally verifier trust degree did:webvh:Qm…:ledger.example:ministry --root",
    ],
)
@click.argument("type_name", metavar="TYPE")
@click.argument("did", metavar="DID")
@click.option("--root", is_flag=True, help="Let those count whom DID accredits for it, and not DID itself.")
@pass_terminal
def trust(terminal: Terminal, *, type_name: str, did: str, root: bool) -> None:
    """Let an issuer count for a type of credentials.

    TYPE is a name like degree, or a vct.
    """
    from verifier.policy_file import trust_issuer

    added = trust_issuer(own_folder().policy, type_name, did, as_root=root)
    terminal.document({"type": type_name, "root" if root else "issuer": did, "added": added})
    whom = f"Whoever {did} accredits" if root else did
    terminal.say(good("✓ "), f"{whom} {'counts' if added else 'counted already'} for ", bold(type_name))


@click.command("rotate", cls=Command, examples=["tally verifier rotate"])
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_terminal
def rotate(terminal: Terminal, *, yes: bool) -> None:
    """Sign requests with a new key from now on."""
    if not yes:
        confirm(terminal, "Publish a new signing key?")
    with own_folder().running_server() as verifier:
        rotated = verifier.post("rotate")
    terminal.document(rotated)
    terminal.say(good("✓ "), "New key: ", text_member(rotated, "key_id"))


def own_folder() -> "VerifierFolder":
    """The folder of the verifier in this home."""
    from verifier.folder import VerifierFolder

    return VerifierFolder(data_folder("verifier"), state_folder("verifier"))
