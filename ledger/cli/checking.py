"""The command that audits a ledger from outside."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.home import state_folder
from doors.terminal import Terminal, good
from doors.text_file import TextFile
from ledger.cli.owning import own_folder
from protocol.codes import Code
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError, RefusedError
from protocol.web_address import parse_web_address

if TYPE_CHECKING:
    from ledger.fetch import Fetcher


class _LedgerAddress(click.ParamType[str]):
    """The type of an argument that is the address of a ledger."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`value`, without a slash at its end."""
        try:
            return parse_web_address(value.rstrip("/"), development=True).text
        except MalformedError:
            self.fail(
                f"{value} is not like https://ledger.example or http://ledger.localhost:8101", param, ctx
            )


@click.command("check", cls=Command, examples=["tally ledger check https://ledger.example --policy policy"])
@click.argument("url", type=_LedgerAddress(), required=False)
@click.option("--policy", type=TextFile(), help="The tlog-policy to check it against.")
@pass_terminal
def check(terminal: Terminal, *, url: str | None, policy: str | None) -> None:
    """Audit a ledger from outside, over HTTP.

    Every entry, tile, signature and DID is checked, and that nothing was taken back since the last time.
    Without URL and --policy it is the ledger of this machine. With a URL alone, its own policy is believed.
    """
    from ledger.audit import audit_ledger
    from ledger.client import LedgerClient
    from ledger.memory import CheckpointMemory
    from ledger.trust import fetch_trusted_ledger, parse_trusted_ledger

    if policy is not None:
        ledger = parse_trusted_ledger(policy)
    elif url is not None:
        with _fetcher(url) as fetcher:
            ledger = fetch_trusted_ledger(url, fetcher=fetcher)
        terminal.note("The policy is the ledger's own word; give --policy to check it against one you trust.")
    else:
        ledger = own_folder().ledger()
    if url is not None and url != ledger.url:
        raise RefusedError(Code.LOG_POLICY_INVALID, f"it is for the ledger at {ledger.url}")
    with _fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        report = audit_ledger(client, fetcher=fetcher, now=now())
    checkpoint = report.checkpoint
    terminal.document(
        {
            "origin": checkpoint.origin,
            "size": checkpoint.tree_size,
            "root": checkpoint.root_hash.hex(),
            "time": None if checkpoint.time is None else encode_utc(checkpoint.time),
            "tiles": report.tiles,
            "dids": report.dids,
        }
    )
    for line in (
        f"the checkpoint of {checkpoint.origin} satisfies the policy, and continues the last one seen here",
        f"{checkpoint.tree_size} entries and {report.tiles} tiles lead to its root hash",
        f"the histories of {report.dids} DIDs follow their rules from the first entry to the last",
    ):
        terminal.say(good("✓ "), line)


def _fetcher(url: str) -> "Fetcher":
    from ledger.fetch import Fetcher, FetchRules

    # A person named the ledger, so its port is theirs to choose; `development` opens *.localhost and no more.
    return Fetcher(FetchRules(development=True, allowed_ports=frozenset({urlsplit(url).port or 443})))
