"""The command that says which document describes a type of credential: `type`."""

from pathlib import Path

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.home import state_folder
from doors.ledger_address import LedgerAddress
from doors.terminal import Terminal, bold, good, safe_text, verbatim
from doors.text_file import TextFile
from ledger.cli.issuers import choose_ledger
from ledger.cli.record_words import InstitutionDid, TypeOfCredential
from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, UnavailableError

_MAX_CHARACTERS = 1024
_MAX_BYTES = 256 * 1024


@click.command(
    "type",
    cls=Command,
    examples=[
        "tally ledger type urn:tallystick:degree:1",
        "tally ledger type urn:tallystick:degree:1 --document type_metadata.json \\\n"
        "  --by did:webvh:Qm…:ledger.example:ministry",
    ],
)
@click.argument("vct", metavar="TYPE", type=TypeOfCredential())
@click.argument("url", type=LedgerAddress(), required=False)
@click.option("--by", type=InstitutionDid(), metavar="DID", help="Only what this institution said.")
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check that this is the document; --by says whose word counts.",
)
@click.option("--policy", type=TextFile(), help="The tlog-policy to check it against.")
@pass_terminal
def type_(
    terminal: Terminal,
    *,
    vct: str,
    url: str | None,
    by: str | None,
    document: Path | None,
    policy: str | None,
) -> None:
    """List which documents describe a type of credential, who says so and since when, the newest last.

    TYPE is a name like degree, or a vct. It is proven that this is all the ledger holds about it. Anybody who
    may write can say it: whose word counts is for you to know. With --document it ends with 3 if the
    institution has logged another one. URL and --policy are those of `tally ledger issuers`.
    """
    if document is not None and by is None:
        raise RefusedError(Code.USAGE_INVALID, "--document goes with --by")
    from ledger.client import LedgerClient
    from ledger.fetch import chosen_fetcher
    from ledger.memory import CheckpointMemory
    from ledger.type_records import read_type_records, verify_type_integrity

    ledger = choose_ledger(terminal, url, policy)
    with chosen_fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        said = [each for each in read_type_records(client, vct, now=now()) if by in (None, each.by)]
    counting = None
    if document is not None and by is not None:
        counting = verify_type_integrity(_integrity(document), said, by=by)
    terminal.document(
        {
            "origin": ledger.origin,
            "vct": vct,
            "records": list[JsonValue](
                {
                    "by": each.by,
                    "integrity": each.integrity,
                    "index": each.leaf_index,
                    "time": encode_utc(each.time),
                }
                for each in said
            ),
        }
    )
    for each in said:
        terminal.say(bold(encode_utc(each.time)), "  ", verbatim(each.integrity))
        terminal.say(verbatim(f"  by {safe_text(each.by, max_characters=_MAX_CHARACTERS)}"))
    if not said:
        terminal.note("Nothing is logged about this type.")
    if counting is not None:
        terminal.say(good("✓ "), f"This is the document since {encode_utc(counting.time)}.")


def _integrity(file: Path) -> str:
    from protocol.type_metadata import metadata_integrity

    try:
        with file.open("rb") as stream:
            document = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UnavailableError(Code.DISK_ERROR, f"{file}: {error.strerror}") from error
    if len(document) > _MAX_BYTES:
        raise RefusedError(Code.SIZE_EXCEEDED, str(file))
    return metadata_integrity(document)
