"""The command that opens the explorer in the terminal."""

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.home import state_folder
from doors.ledger_address import LedgerAddress
from doors.terminal import Terminal
from doors.text_file import TextFile
from ledger.cli.checking import choose_audited
from protocol.codes import Code
from protocol.errors import RefusedError


@click.command("browse", cls=Command, examples=["tally ledger browse https://ledger.example --policy policy"])
@click.argument("url", type=LedgerAddress(), required=False)
@click.option("--policy", type=TextFile(), help="The tlog-policy to verify it by.")
@pass_terminal
def browse(terminal: Terminal, *, url: str | None, policy: str | None) -> None:
    """Look around in a ledger, from outside: its head, entries, DIDs and their keys.

    It reads over HTTP and writes nothing. What it shows was verified, or says that it was not. Without URL
    and --policy it is the ledger of this machine. With a URL alone, its own policy is believed.
    """
    if not terminal.shows_screens:
        detail = "this needs a terminal; the pages under /browse and `tally ledger check` do not"
        raise RefusedError(Code.INPUT_REQUIRED, detail)
    from ledger.browse.reader import LedgerReader
    from ledger.browse.tui.app import BrowseApp
    from ledger.client import LedgerClient
    from ledger.fetch import chosen_fetcher
    from ledger.memory import CheckpointMemory

    ledger = choose_audited(url, policy)
    with chosen_fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        reader = LedgerReader(client, fetcher=fetcher, clock=now)
        app = BrowseApp(reader, own_word=url is not None and policy is None, ascii=terminal.ascii)
        app.run()
    if app.failure is not None:
        raise app.failure
