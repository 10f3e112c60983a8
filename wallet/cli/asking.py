"""Asking the issuers: `tally status`."""

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal
from wallet.cli.access import open_wallet, wallet_folder
from wallet.cli.credentials import print_credentials
from wallet.cli.network import open_outside
from wallet.standing import PresentWord, standing_of
from wallet.status import refresh_standings


@click.command("status", cls=Command, examples=["tally status"])
@click.argument("credential", required=False)
@passphrase_options
@pass_terminal
def status(terminal: Terminal, *, credential: str | None, passphrase: PassphraseSource) -> None:
    """Ask the issuers how your credentials stand now, and say so. No issuer learns which ones you hold."""
    with open_wallet(terminal, passphrase) as vault, open_outside(wallet_folder()) as outside:
        if credential is not None:
            vault.content.credential(credential)
        refresh_standings(vault, outside=outside)
        asked = [held for held in vault.content.credentials if credential in (None, held.id)]
        print_credentials(terminal, asked, now=now(), pending=vault.content.pending)
        if any(standing_of(held, now=now()).word is PresentWord.UNKNOWN for held in asked):
            terminal.note("Unknown: nobody could be asked, or the answer could not be trusted.")
