"""The commands on the types of credentials: `type add`, `type list`, `type anchor`."""

import click

from doors.clock import now
from doors.command import Group, pass_terminal
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, bold, dim, good, verbatim
from issuer.cli.authoring import open_institution
from issuer.cli.owning import own_folder
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc

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
    terminal.note(
        f"`tally issuer type anchor {issued.name}` logs what describes it; after a change, do it again."
    )


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


@types.command("anchor", examples=["tally issuer type anchor degree"])
@click.argument("name")
@passphrase_options
@pass_terminal
def anchor_type(terminal: Terminal, *, name: str, passphrase: PassphraseSource) -> None:
    """Log the hash of the document that describes a type, so that everybody notices when it is changed.

    Say it again after each `tally issuer type add`. What is logged already is not logged again.
    """
    from ledger.type_records import read_type_records
    from protocol.records.type_metadata import create_type_metadata_record

    definition = own_folder().types.load(name).definition
    vct, integrity = definition.vct, definition.integrity
    with open_institution(terminal, passphrase) as (_, author):
        said = read_type_records(author.client, vct, now=now())
        own = [each for each in said if each.by == author.signer.by]
        is_logged = bool(own) and own[-1].integrity == integrity
        if is_logged:
            index, time = own[-1].leaf_index, own[-1].time
        else:
            record = create_type_metadata_record(vct, integrity=integrity, signer=author.signer, time=now())
            entry = author.log(record, now=now())
            index, time = entry.leaf_index, entry.time
    found: JsonObject = {"name": name, "vct": vct, "integrity": integrity}
    terminal.document({**found, "index": index, "time": encode_utc(time), "logged_before": is_logged})
    before = "It was logged before" if is_logged else "Logged"
    terminal.say(good("✓ "), f"{before}: entry {index}, {encode_utc(time)}.")
    terminal.say(verbatim(integrity))
