"""Asking the issuers: `tally status`."""

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.exit_code import ExitCode
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal
from wallet.cli.access import open_wallet
from wallet.cli.credentials import print_credentials
from wallet.door.network import open_outside
from wallet.door.place import wallet_folder
from wallet.parties import blocked_issuers
from wallet.standing import PresentWord, standing_of
from wallet.status import refresh_standings


@click.command("status", cls=Command, examples=["tally status"])
@click.argument("credential", required=False)
@passphrase_options
@pass_terminal
def status(terminal: Terminal, *, credential: str | None, passphrase: PassphraseSource) -> ExitCode:
    """Ask the issuers how your credentials stand now, and say so. No issuer learns which ones you hold.

    Where nobody can be asked, what was known before stays.
    """
    with open_wallet(terminal, passphrase) as vault, open_outside(wallet_folder()) as outside:
        if credential is not None:
            vault.content.credential(credential)
        asked_in_vain = refresh_standings(vault, outside=outside)
        listed = [held for held in vault.content.credentials if credential in (None, held.id)]
        print_credentials(
            terminal,
            listed,
            now=now(),
            pending=vault.content.pending,
            blocked=blocked_issuers(vault.content),
            asked_in_vain=asked_in_vain,
        )
        standings = {held.id: standing_of(held, now=now()) for held in listed}
        if not asked_in_vain.isdisjoint(standings):
            terminal.note("Not asked: a status list or its ledger was away, or could not be trusted.")
            terminal.note("Try again later; `tally doctor` looks at the ledgers.")
        elif any(standing.word is PresentWord.UNKNOWN for standing in standings.values()):
            terminal.note("Unknown: what the issuer says about it is not understood here.")
        askable = {held_id for held_id, standing in standings.items() if standing.has_status}
        return ExitCode.NETWORK if askable and askable <= asked_in_vain else ExitCode.SUCCESS
