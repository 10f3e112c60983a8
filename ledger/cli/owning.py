"""The commands with which a ledger is made and served, and its writers let in."""

import platform
import secrets
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.database_option import database_option
from doors.home import data_folder, state_folder
from doors.listening import Listening, listening_options
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, bold, verbatim
from ledger.cli.public_address import PublicAddress, public_address_options
from protocol.codes import Code
from protocol.errors import RefusedError

if TYPE_CHECKING:
    from ledger.folder import LedgerFolder
    from ledger.store import LedgerStore

_DEVELOPMENT_PORT = 8101
_DATABASE = "ledger.sqlite"


@click.command("init", cls=Command, examples=["tally ledger init --host ledger.example"])
@public_address_options("ledger.localhost", development_port=_DEVELOPMENT_PORT)
@database_option(_DATABASE)
@passphrase_options
@pass_terminal
def init(terminal: Terminal, *, address: PublicAddress, database: str, passphrase: PassphraseSource) -> None:
    """Make a ledger and its first onboarding token.

    When it was interrupted, call it again with the same options and passphrase: it finishes what was begun.
    """
    from ledger.signer import LedgerKeys
    from protocol.keys import Ed25519PrivateKey
    from storage.passphrase import Passphrase, calibrate_kdf

    origin, url = address.authority, address.url
    folder = own_folder()
    if folder.is_initialized():
        raise RefusedError(
            Code.VAULT_EXISTS, "there is a ledger in this home; `tally ledger token` makes a token for it"
        )
    secret = Passphrase(passphrase.read_new(terminal))
    keys = LedgerKeys(origin, *(Ed25519PrivateKey(secrets.token_bytes(32)) for _ in range(3)))
    with folder.create(keys, url=url, database=database, passphrase=secret, kdf=calibrate_kdf()) as store:
        token_id, token = _create_token(store)
    policy = folder.policy()
    terminal.document({"origin": origin, "url": url, "policy": policy, "id": token_id, "token": token})
    terminal.say("The ledger ", bold(origin), f" is ready in {folder.path}.")
    terminal.say("Its onboarding token, shown only now: ", bold(token))
    terminal.note("Who trusts it keeps this policy:")
    for line in policy.splitlines():
        terminal.note(verbatim(line))


@click.command("serve", cls=Command, examples=["tally ledger serve --passphrase-file passphrase"])
@listening_options
@passphrase_options
@pass_terminal
def serve(terminal: Terminal, *, listening: Listening, passphrase: PassphraseSource) -> None:
    """Serve the ledger until it is stopped. TLS ends at the proxy in front.

    Several may serve one ledger whose database is of PostgreSQL, each from a copy of its folder.
    """
    from doors import server
    from ledger.admission import Admission
    from ledger.app import LedgerApp
    from ledger.approvals.collector import ApprovalCollector
    from ledger.cosigners import Cosigners
    from ledger.followed_log import FollowedLog
    from ledger.front_end import FrontEnd
    from ledger.http import create_ledger_app
    from ledger.signer import parse_ledger_keys
    from storage.passphrase import Passphrase

    folder = own_folder()
    ledger, policy = folder.ledger(), folder.policy()
    with (
        passphrase.unlock(terminal, lambda text: folder.open_keys(Passphrase(text))) as keys,
        keys.hold(),
        folder.open_store() as store,
        listening.at(ledger.url, default_port=_DEVELOPMENT_PORT) as (listener, _),
        FrontEnd(
            FollowedLog(store, folder.signers(parse_ledger_keys(keys.body))),
            Cosigners(ledger.policy, clock=now),
            holder=f"{platform.node()} {secrets.token_hex(8)}",
            evidence=folder.evidence,
            clock=now,
        ) as front_end,
        ApprovalCollector(
            store,
            ledger.policy,
            published_size=lambda: front_end.published.log.tree_size,
            clock=now,
        ) as collector,
    ):
        admission = Admission(store, authority=ledger.authority, approvers=collector.approvers)
        app = create_ledger_app(LedgerApp(store, front_end, admission, policy, now))
        server.serve(app, listener, terminal, opened=front_end.begin)


@click.command("token", cls=Command, examples=["tally ledger token", "tally ledger token --revoke 0df42c49"])
@click.option("--revoke", metavar="ID", help="Take a token back instead.")
@pass_terminal
def token(terminal: Terminal, *, revoke: str | None) -> None:
    """Make an onboarding token, or take one back.

    With it an institution may write to the ledger.
    """
    with own_folder().open_store() as store:
        if revoke is not None:
            store.remove_token(revoke)
            terminal.document({"revoked": revoke})
            terminal.say(f"The token {revoke} is no longer good.")
            return
        token_id, text = _create_token(store)
    terminal.document({"id": token_id, "token": text})
    terminal.say(text)
    terminal.note(f"Shown only now. `tally ledger token --revoke {token_id}` takes it back.")


def own_folder() -> "LedgerFolder":
    """The folder of the ledger in this home."""
    from ledger.folder import LedgerFolder

    return LedgerFolder(data_folder("ledger"), marks=state_folder("ledger"))


def _create_token(store: "LedgerStore") -> tuple[str, str]:
    from ledger.client import TOKEN_PREFIX
    from storage.management_key import create_management_key

    text, key = create_management_key(TOKEN_PREFIX)
    store.add_token(key)
    return key.id, text
