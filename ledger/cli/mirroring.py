"""The command that keeps a static copy of a ledger."""

from pathlib import Path

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.counted import counted
from doors.home import state_folder
from doors.ledger_address import LedgerAddress
from doors.terminal import Terminal, good
from doors.text_file import TextFile
from protocol.encoding.time import encode_utc


@click.command(
    "mirror", cls=Command, examples=["tally ledger mirror https://ledger.example copy --policy policy"]
)
@click.argument("url", type=LedgerAddress())
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--policy", type=TextFile(), help="The tlog-policy to verify it by.")
@pass_terminal
def mirror(terminal: Terminal, *, url: str, folder: Path, policy: str | None) -> None:
    """Keep a copy of a ledger as files, which any web server can serve.

    Everything is verified before it is written, and only what is new is fetched: call it again to go on. The
    copy needs no trust, for its readers verify it like the ledger itself. Without --policy, the ledger's own
    is believed.
    """
    from ledger.fetch import chosen_fetcher
    from ledger.memory import CheckpointMemory
    from ledger.mirror import mirror_ledger
    from ledger.mirror_folder import MirrorFolder
    from ledger.trust import choose_ledger

    with chosen_fetcher(url) as fetcher:
        ledger = choose_ledger(url, policy=policy, fetcher=fetcher)
        if policy is None:
            terminal.note("The policy is the ledger's own word; give --policy to verify it by one you trust.")
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        with MirrorFolder(folder) as files:
            report = mirror_ledger(ledger, files, fetcher=fetcher, memory=memory, now=now())
    checkpoint = report.checkpoint
    terminal.document(
        {
            "folder": str(folder),
            "origin": checkpoint.origin,
            "size": checkpoint.tree_size,
            "root": checkpoint.root_hash.hex(),
            "time": None if checkpoint.time is None else encode_utc(checkpoint.time),
            "added": report.added,
        }
    )
    entries = counted(checkpoint.tree_size, "entry", "entries")
    terminal.say(good("✓ "), f"{folder} holds {entries} of {checkpoint.origin}, {report.added} of them new.")
