"""Getting further copies of a credential: `tally refill`."""

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, bold, good
from wallet.cli.access import open_wallet
from wallet.cli.credentials import credential_document, print_pending
from wallet.door.network import open_outside
from wallet.door.place import wallet_folder
from wallet.door.wording import plural, shown_did, shown_label
from wallet.label import type_label
from wallet.receive import DEFAULT_COPIES
from wallet.refill import refill_copies

_MAX_COPIES = 50


@click.command("refill", cls=Command, examples=["tally refill degree-f620d41e"])
@click.argument("credential")
@click.option(
    "--copies",
    type=click.IntRange(1, _MAX_COPIES),
    default=DEFAULT_COPIES,
    help="How many copies to ask for.",
)
@passphrase_options
@pass_terminal
def refill(terminal: Terminal, *, credential: str, copies: int, passphrase: PassphraseSource) -> None:
    """Get further copies of a credential from its issuer, where it gives any. Copies that were shown go.

    Each copy is shown once, so that nobody can tell that you were somewhere else as well. New ones must say
    the same as what you have, and are checked before they are kept.
    """
    with open_wallet(terminal, passphrase) as vault, open_outside(wallet_folder()) as outside:
        before = {copy.key for copy in vault.content.credential(credential).copies}
        try:
            held = refill_copies(vault, credential, copies=copies, outside=outside)
        finally:
            # Also when it is broken off: what a person then has to know is that nothing is lost.
            print_pending(terminal, vault.content.pending)
        added = sum(copy.key not in before for copy in held.copies)
        # A blocked issuer would not have been asked.
        document = credential_document(held, now=now()) | {"issuer_blocked": False, "added": added}
        terminal.document(document)
        label = bold(shown_label(type_label(held.credential_type)))
        came = plural(added, "new copy", "new copies")
        left = plural(len(held.unused_copies), "copy", "copies")
        terminal.say(good("✓ "), label, f" from {shown_did(held.issuer)}: {came}, {left} left.")
