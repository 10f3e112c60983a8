"""The commands on the types of credentials: `type add`, `type list`."""

import click

from doors.command import Group, pass_terminal
from doors.terminal import Terminal, bold, dim
from issuer.cli.owning import own_folder

types = Group("type", help="The types of credentials you issue.")


@types.command("add", examples=["tally issuer type add degree --valid-days 1826"])
@click.argument("source")
@click.option(
    "--valid-days",
    type=click.IntRange(1, 36_500),
    default=5 * 365,
    help="How long its credentials are valid.",
)
@click.option(
    "--refill-days",
    type=click.IntRange(0, 36_500),
    default=0,
    help="For how long after the offer a wallet may fetch further copies. Their claims are kept as long.",
)
@pass_terminal
def add_type(terminal: Terminal, *, source: str, valid_days: int, refill_days: int) -> None:
    """Issue credentials of a type: one that comes with Tallystick (degree, identity_card, …), or a folder.

    A folder holds claims.schema.json, type_metadata.json and example.json, and gives the type its name.
    """
    from issuer.credential_type import type_folder
    from issuer.management import type_document
    from schemas import credential_types

    folder = type_folder(source)
    if not folder.is_dir():
        known = ", ".join(kind.name for kind in credential_types())
        raise click.BadParameter(f"{source} is no folder, and not one of {known}", param_hint="SOURCE")
    issued = own_folder().types.add(folder, valid_days=valid_days, refill_days=refill_days)
    terminal.document(type_document(issued))
    terminal.say("You issue ", bold(issued.name), f" ({issued.definition.vct}), valid for {valid_days} days.")
    if issued.refill:
        terminal.note(f"Wallets may fetch further copies for {issued.refill.days} days after the offer.")
        terminal.note("You keep the sealed claims of each holder as long: see docs/issuer.md.")


@types.command("list", examples=["tally issuer type list"])
@pass_terminal
def list_types(terminal: Terminal) -> None:
    """List the types you issue."""
    from issuer.management import type_document

    issued = own_folder().types.all()
    terminal.document({"types": [type_document(kind) for kind in issued]})
    for kind in issued:
        terminal.say(bold(kind.name.ljust(20)), dim(f"  {kind.definition.vct}"))
    if not issued:
        terminal.note("None yet. Add one with `tally issuer type add degree`.")
