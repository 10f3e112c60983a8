"""The commands of who runs an independent node: `tally ledger node …`."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, Group, pass_terminal
from doors.counted import counted
from doors.exit_code import ExitCode
from doors.home import data_folder, state_folder
from doors.ledger_address import LedgerAddress
from doors.listening import Listening, listening_options
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, bad, bold, good, verbatim, warning
from doors.text_file import TextFile
from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, TallyError, UnavailableError

if TYPE_CHECKING:
    from ledger.node.folder import NodeFolder
    from ledger.node.status import NodeStatus
    from ledger.trust import TrustedLedger

_DEVELOPMENT_PORT = 8104
_DATABASE = "node.sqlite"
# Four megabytes of entries at most, also over a slow line.
_READING_WITHIN = timedelta(seconds=30)

node = Group("node", help="Run an independent node: copy, check and cosign somebody's ledger.")


@node.command(
    "init",
    cls=Command,
    examples=["tally ledger node init --policy policy --host node.example"],
)
@click.option("--policy", type=TextFile(), help="The tlog-policy of the ledger to follow.")
@click.option("--ledger", "address", type=LedgerAddress(), help="Its address; alone, its own word is taken.")
@click.option("--host", default="node.localhost", show_default=True, help="The node's public host name.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Its public port, if it is not that of https.")
@click.option(
    "--database",
    metavar="DATABASE",
    default=_DATABASE,
    show_default=True,
    help="A file, or postgresql+psycopg://… of a database that exists.",
)
@click.option(
    "--witness-only", is_flag=True, help="Keep no copy, and promise that nothing was taken back only."
)
@passphrase_options
@pass_terminal
def init(
    terminal: Terminal,
    *,
    policy: str | None,
    address: str | None,
    host: str,
    port: int | None,
    database: str,
    witness_only: bool,
    passphrase: PassphraseSource,
) -> None:
    """Make a node that follows a ledger, and print the line by which others take it into their policy.

    When it was interrupted, call it again with the same options and passphrase: it finishes what was begun.
    """
    from ledger.node.cosigner import Cosigner, Promise
    from protocol.did.webvh.identifier import encode_webvh
    from protocol.keys import Ed25519PrivateKey
    from protocol.tlog.note import encode_vkey
    from storage.passphrase import Passphrase, calibrate_kdf

    host, local = host.lower(), host.lower().endswith(".localhost")
    if port is None and local:
        port = _DEVELOPMENT_PORT
    # The grammar of host names is one for all that serve here.
    encode_webvh("scid", host, port, ("name",))
    authority = host if port is None else f"{host}:{port}"
    url = f"{'http' if local else 'https'}://{authority}"
    folder = own_folder()
    if folder.is_initialized():
        raise RefusedError(Code.VAULT_EXISTS, "there is a node in this home")
    ledger = _choose_ledger(address, policy)
    secret = Passphrase(passphrase.read_new(terminal))
    promise = Promise.WITNESS if witness_only else Promise.COPY
    cosigner = folder.create(
        Cosigner(authority, promise, Ed25519PrivateKey(secrets.token_bytes(32))),
        url=url,
        ledger=ledger,
        database=database,
        passphrase=secret,
        kdf=calibrate_kdf(),
    )
    line = cosigner.policy_line(url)
    terminal.document({"name": cosigner.name, "url": url, "origin": ledger.origin, "policy_line": line})
    terminal.say("The node ", bold(cosigner.name), f" is ready in {folder.path}.")
    if policy is None:
        terminal.note("It took the keys of ", bold(ledger.origin), " on the ledger's own word; compare them:")
        for log in ledger.policy.logs:
            terminal.note(verbatim(f"log {encode_vkey(log.key)} {log.url}"))
    terminal.note("Who counts it takes this line into the policy:")
    terminal.say(verbatim(line))


@node.command("serve", cls=Command, examples=["tally ledger node serve --passphrase-file passphrase"])
@listening_options
@passphrase_options
@pass_terminal
def serve(terminal: Terminal, *, listening: Listening, passphrase: PassphraseSource) -> None:
    """Follow the ledger and cosign for it, until it is stopped. TLS ends at the proxy in front."""
    from doors import server
    from ledger.fetch import Fetcher, chosen_rules
    from ledger.node.cosigner import parse_cosigner
    from ledger.node.http import create_node_app
    from ledger.node.running import run_node
    from storage.passphrase import Passphrase

    folder = own_folder()
    settings, ledger = folder.settings(), folder.ledger()
    with (
        passphrase.unlock(terminal, lambda text: folder.open_key(Passphrase(text))) as key,
        key.hold(),
        listening.at(settings.url, default_port=_DEVELOPMENT_PORT) as (listener, url),
        Fetcher(replace(chosen_rules([ledger.url]), deadline=_READING_WITHIN)) as fetcher,
        run_node(folder, parse_cosigner(key.body), url=url, fetcher=fetcher, clock=now) as running,
    ):
        server.serve(create_node_app(running), listener, terminal)


@node.command("status", cls=Command, examples=["tally ledger node status"])
@pass_terminal
def status(terminal: Terminal) -> ExitCode:
    """Say how the node stands: what it copied and cosigned, how far it is behind, and what is wrong.

    It ends with 0 when all is well, with 3 when something is wrong, and with 7 when that cannot be known.
    """
    from ledger.fetch import chosen_fetcher
    from ledger.node.status import read_status

    folder = own_folder()
    settings, ledger = folder.settings(), folder.ledger()
    with chosen_fetcher(ledger.url) as fetcher:
        found = read_status(folder, fetcher=fetcher)
    published = found.published_size
    terminal.document(
        {
            "origin": ledger.origin,
            "url": settings.url,
            "running": found.is_running,
            "copied": found.copied_size,
            "cosigned": None
            if found.cosigned is None
            else {"size": found.cosigned.tree_size, "time": encode_utc(found.cosigned.time)},
            "published": None if isinstance(published, TallyError) else published,
            "lag": found.lag,
            "trouble": None
            if found.trouble is None
            else {
                "code": found.trouble.code.value,
                "detail": found.trouble.detail,
                "since": encode_utc(found.trouble.since),
            },
            "evidence": list[JsonValue](str(path) for path in found.evidence),
        }
    )
    _say_status(terminal, ledger, found)
    return _exit_code(found)


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


def _say_status(terminal: Terminal, ledger: "TrustedLedger", found: "NodeStatus") -> None:
    yes, no = good("✓ "), bad("✗ ")
    terminal.say(
        yes if found.is_running else no, "it is running" if found.is_running else "it is not running"
    )
    published = found.published_size
    if isinstance(published, TallyError):
        terminal.say(warning("! "), f"what {ledger.origin} has published cannot be known: {published}")
    else:
        missing = f"{found.lag} of them are missing here" if found.lag else "all of them are here"
        terminal.say(yes, f"{ledger.origin} has published {_entries(published)}: {missing}")
    if found.copied_size is not None:
        terminal.say(yes, f"copied and checked: {_entries(found.copied_size)}")
    if found.cosigned is None:
        terminal.say("  nothing was cosigned yet")
    else:
        size, time = found.cosigned.tree_size, encode_utc(found.cosigned.time)
        terminal.say(yes, f"cosigned: {_entries(size)}, last at {time}")
    if found.trouble is not None:
        detail = f" ({found.trouble.detail})" if found.trouble.detail else ""
        since = encode_utc(found.trouble.since)
        terminal.say(no, f"since {since}: {found.trouble.code.meaning}{detail}")
    for path in found.evidence:
        terminal.say(no, "kept as evidence: ", verbatim(str(path)))


def _entries(count: int) -> str:
    return counted(count, "entry", "entries")


def _exit_code(found: "NodeStatus") -> ExitCode:
    is_network = found.trouble is not None and found.trouble.code.startswith("network_")
    is_wrong = found.trouble is not None and not is_network
    published = found.published_size
    is_unknown = isinstance(published, UnavailableError)
    if isinstance(published, TallyError) and not is_unknown:
        is_wrong = True
    if is_wrong or found.evidence or not found.is_running:
        return ExitCode.NOT_VALID
    return ExitCode.NETWORK if is_network or is_unknown else ExitCode.SUCCESS
