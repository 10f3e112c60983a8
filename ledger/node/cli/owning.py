"""The commands with which a node is made, served, and told whom to believe."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.database_option import database_option
from doors.home import data_folder, state_folder
from doors.ledger_address import LedgerAddress
from doors.listening import Listening, listening_options
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, bold, good, verbatim, warning
from doors.text_file import TextFile
from ledger.cli.public_address import PublicAddress, public_address_options
from protocol.codes import Code
from protocol.errors import RefusedError

if TYPE_CHECKING:
    from ledger.node.folder import NodeFolder
    from ledger.trust import TrustedLedger

_DEVELOPMENT_PORT = 8104
_DATABASE = "node.sqlite"
# Four megabytes of entries at most, also over a slow line.
_READING_WITHIN = timedelta(seconds=30)


@click.command(
    "init",
    cls=Command,
    examples=["tally ledger node init --policy policy --host node.example"],
)
@click.option("--policy", type=TextFile(), help="The tlog-policy of the ledger to follow.")
@click.option(
    "--ledger", "ledger_url", type=LedgerAddress(), help="Its address; alone, its own word is taken."
)
@public_address_options("node.localhost", development_port=_DEVELOPMENT_PORT)
@database_option(_DATABASE)
@click.option(
    "--witness-only", is_flag=True, help="Keep no copy, and promise that nothing was taken back only."
)
@passphrase_options
@pass_terminal
def init(
    terminal: Terminal,
    *,
    policy: str | None,
    ledger_url: str | None,
    address: PublicAddress,
    database: str,
    witness_only: bool,
    passphrase: PassphraseSource,
) -> None:
    """Make a node that follows a ledger, and print the line by which others take it into their policy.

    When it was interrupted, call it again with the same options and passphrase: it finishes what was begun.
    """
    from ledger.node.cosigner import Cosigner, Promise
    from ledger.node.keys import NodeKeys
    from ledger.node_policy import counts_nodes
    from protocol.keys import Ed25519PrivateKey
    from protocol.tlog.note import encode_vkey
    from storage.passphrase import Passphrase, calibrate_kdf

    folder = own_folder()
    if folder.is_initialized():
        raise RefusedError(Code.VAULT_EXISTS, "there is a node in this home")
    ledger = _choose_ledger(ledger_url, policy)
    secret = Passphrase(passphrase.read_new(terminal))
    promise = Promise.WITNESS if witness_only else Promise.COPY
    cosigner_key, approver_key = (Ed25519PrivateKey(secrets.token_bytes(32)) for _ in range(2))
    # Who keeps no copy has not seen what it would approve.
    approver = None if witness_only else approver_key
    keys = folder.create(
        NodeKeys(Cosigner(address.authority, promise, cosigner_key), approver),
        url=address.url,
        ledger=ledger,
        database=database,
        passphrase=secret,
        kdf=calibrate_kdf(),
    )
    line = keys.cosigner.policy_line(address.url)
    terminal.document(
        {
            "name": keys.cosigner.name,
            "url": address.url,
            "origin": ledger.origin,
            "policy_line": line,
            "approver": keys.approver_did,
        }
    )
    terminal.say("The node ", bold(keys.cosigner.name), f" is ready in {folder.path}.")
    if policy is None:
        terminal.note("It took the keys of ", bold(ledger.origin), " on the ledger's own word; compare them:")
        for log in ledger.policy.logs:
            terminal.note(verbatim(f"log {encode_vkey(log.key)} {log.url}"))
    terminal.note("Who counts it takes this line into the policy:")
    terminal.say(verbatim(line))
    if keys.approver_did is not None and not counts_nodes(ledger.policy):
        terminal.note(
            "The policy counts no nodes yet. `tally ledger node trust` takes one that does; before that, the"
            " node approves no entries of DIDs."
        )


@click.command("serve", cls=Command, examples=["tally ledger node serve --passphrase-file passphrase"])
@listening_options
@passphrase_options
@pass_terminal
def serve(terminal: Terminal, *, listening: Listening, passphrase: PassphraseSource) -> None:
    """Follow the ledger and cosign for it, until it is stopped. TLS ends at the proxy in front."""
    from doors import server
    from ledger.fetch import Fetcher, chosen_rules
    from ledger.node.http import create_node_app
    from ledger.node.keys import parse_node_keys
    from ledger.node.running import run_node
    from storage.passphrase import Passphrase

    folder = own_folder()
    settings, ledger = folder.settings(), folder.ledger()
    with (
        passphrase.unlock(terminal, lambda text: folder.open_key(Passphrase(text))) as key,
        key.hold(),
        listening.at(settings.url, default_port=_DEVELOPMENT_PORT) as (listener, url),
        Fetcher(replace(chosen_rules([ledger.url]), deadline=_READING_WITHIN)) as fetcher,
        run_node(folder, parse_node_keys(key.body), url=url, fetcher=fetcher, clock=now) as running,
    ):
        server.serve(create_node_app(running), listener, terminal)


@click.command("trust", cls=Command, examples=["tally ledger node trust policy"])
@click.argument("policy", type=TextFile())
@pass_terminal
def trust(terminal: Terminal, *, policy: str) -> None:
    """Believe the ledger by another policy, when its nodes have changed.

    The node approves entries of DIDs only under a checkpoint with the quorum of this policy. A node that runs
    takes it up when it is started again.
    """
    from ledger.node_policy import counts_nodes
    from ledger.trust import parse_trusted_ledger

    folder = own_folder()
    ledger = parse_trusted_ledger(policy)
    folder.replace_policy(ledger)
    counting = counts_nodes(ledger.policy)
    terminal.document({"origin": ledger.origin, "counts_nodes": counting})
    terminal.say(
        good("✓ "), "The node believes ", bold(ledger.origin), " by this policy when it is started again."
    )
    if not counting:
        terminal.note(warning("! "), "It counts no nodes: entries of DIDs are not approved by it.")


def own_folder() -> "NodeFolder":
    """The folder of the node in this home."""
    from ledger.node.folder import NodeFolder

    return NodeFolder(data_folder("ledger-node"), marks=state_folder("ledger-node"))


def _choose_ledger(address: str | None, policy: str | None) -> "TrustedLedger":
    from ledger.fetch import chosen_fetcher
    from ledger.trust import choose_ledger, parse_trusted_ledger

    if policy is None and address is None:
        raise RefusedError(Code.USAGE_INVALID, "give --policy, or --ledger")
    if address is None:
        return parse_trusted_ledger(policy or "")
    with chosen_fetcher(address) as fetcher:
        return choose_ledger(address, policy=policy, fetcher=fetcher)
