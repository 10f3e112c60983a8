"""What happened: `tally activity`."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from doors.clock import now
from doors.command import Group, pass_terminal
from doors.prompts import PassphraseSource, confirm, passphrase_options
from doors.terminal import Terminal, dim, good, warning
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, TallyError
from protocol.keys.multikey import encode_multikey
from wallet.activity import parse_since, select_activity
from wallet.activity_export import (
    MAX_BYTES,
    ActivityExport,
    create_activity_export,
    export_key,
    save_activity_export,
    verify_activity_export,
)
from wallet.cli.access import open_wallet
from wallet.consent import dotted
from wallet.content import ActivityEntry, WalletContent
from wallet.door.activity_lines import activity_lines, ordered_claims
from wallet.door.place import wallet_folder
from wallet.door.wording import plural, quoted
from wallet.label import type_name

R = TypeVar("R")

activity = Group(
    "activity",
    alone="list",
    help="List what was received and shown, export it, or forget it. Alone it lists; it never holds a value.",
)


def _selection_options(command: Callable[..., R]) -> Callable[..., R]:
    for option in (
        click.option(
            "--since",
            metavar="WHEN",
            help="Only from then on: 12h, 30d, 4w ago, or a day such as 2026-11-01.",
        ),
        click.option("--party", metavar="NAME", help="Only with parties that have this in name or address."),
    ):
        command = option(command)
    return command


@activity.command("list", examples=["tally activity", "tally activity list --party northgate --since 30d"])
@_selection_options
@passphrase_options
@pass_terminal
def list_activity(
    terminal: Terminal, *, party: str | None, since: str | None, passphrase: PassphraseSource
) -> None:
    """List what was received and shown, with whom and when, the latest first. It never holds a value."""
    begin = None if since is None else parse_since(since, now=now())
    with open_wallet(terminal, passphrase) as vault:
        selected = select_activity(vault.content, party=party, since=begin)[::-1]
        documents: list[JsonValue] = [_document(entry, name) for entry, name in selected]
        terminal.document({"activity": documents})
        for entry, name in selected:
            for line in activity_lines(entry, name):
                terminal.say(*line)
        if not vault.content.activity:
            terminal.note(
                "Nothing yet. What you receive, share or decline will be listed here, without values."
            )
        elif not selected:
            terminal.note("Nothing of that kind; `tally activity` lists everything.")


@activity.command("forget", examples=["tally activity forget"])
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def forget(terminal: Terminal, *, yes: bool, passphrase: PassphraseSource) -> None:
    """Erase the whole history. An export of it stays good."""
    with open_wallet(terminal, passphrase) as vault:
        entries = vault.content.activity
        if not yes:
            lines = plural(len(entries), "line")
            confirm(terminal, f"Erase {lines}? Then nothing reminds you of who knows what about you.")
        vault.change(WalletContent.without_activity)
        terminal.document({"forgotten": len(entries)})
        terminal.say(good("✓ "), "The history is empty.")


@activity.command("export", examples=["tally activity export history.json --party northgate"])
@click.argument("file", type=click.Path(path_type=Path))
@_selection_options
@passphrase_options
@pass_terminal
def export(
    terminal: Terminal, *, file: Path, party: str | None, since: str | None, passphrase: PassphraseSource
) -> None:
    """Write the history to a new file, signed by your wallet, for somebody who wants it in writing.

    The key is one of your words that is used for nothing else. Two of your exports show the same key.
    """
    begin = None if since is None else parse_since(since, now=now())
    with open_wallet(terminal, passphrase) as vault:
        data = create_activity_export(vault.content, party=party, since=begin, now=now())
        exported = verify_activity_export(data)
        save_activity_export(file, data)
    terminal.document(
        {"file": str(file), "entries": len(exported.entries), "key": encode_multikey(exported.key)}
    )
    terminal.say(good("✓ "), f"{plural(len(exported.entries), 'line')} in {file}, signed and without values.")


@activity.command("verify", examples=["tally activity verify history.json"])
@click.argument("file", type=click.Path(path_type=Path))
@passphrase_options
@pass_terminal
def verify(terminal: Terminal, *, file: Path, passphrase: PassphraseSource) -> None:
    """Check an exported history, yours or somebody else's: that nothing was changed, added or left out.

    It says which key signed it and, where your wallet can be opened, whether that is yours. Ends with 3 when
    the file is not as it was signed.
    """
    exported = verify_activity_export(_read(file))
    is_own = _is_own(terminal, exported, passphrase)
    terminal.document(
        {
            "valid": True,
            "key": encode_multikey(exported.key),
            "own": is_own,
            "exported_at": encode_utc(exported.exported_at),
            "party": exported.party,
            "since": None if exported.since is None else encode_utc(exported.since),
            "entries": len(exported.entries),
        }
    )
    lines = plural(len(exported.entries), "line")
    terminal.say(good("✓ "), f"Whole and unchanged: {lines}, exported {encode_utc(exported.exported_at)}.")
    if exported.party is not None:
        terminal.say("  only with parties that have ", quoted(exported.party), " in name or address")
    if exported.since is not None:
        terminal.say(f"  only from {encode_utc(exported.since)} on")
    terminal.say(dim(f"  signed by {encode_multikey(exported.key)}"))
    match is_own:
        case True:
            terminal.say(good("✓ "), "Your wallet signed it.")
        case False:
            terminal.say(warning("! "), "Another wallet signed it. Whose that is, the file cannot say.")
        case None:
            terminal.note("Whose key that is, the file cannot say; your wallet was not asked.")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise RefusedError(Code.USAGE_INVALID, f"{file}: {error.strerror}") from error
    return data


def _is_own(terminal: Terminal, exported: ActivityExport, passphrase: PassphraseSource) -> bool | None:
    """Whether this wallet signed it; None where nobody opens it, which the check does not need."""
    try:
        if not wallet_folder().is_initialized():
            return None
        if terminal.interactive and passphrase.file is None and passphrase.descriptor is None:
            terminal.note("To see whether your wallet signed it, open it; Enter alone skips that.")
        with open_wallet(terminal, passphrase) as vault:
            return export_key(vault.content) == exported.key
    except TallyError as error:
        if error.code is not Code.INPUT_REQUIRED:
            terminal.note(warning("! "), str(error))
        return None


def _document(entry: ActivityEntry, name: str | None) -> JsonObject:
    claims: list[JsonValue] = [dotted(path) for path in ordered_claims(entry)]
    retention = None if entry.retention is None else int(entry.retention / timedelta(seconds=1))
    return {
        "time": encode_utc(entry.time),
        "kind": entry.kind.value,
        "party": entry.party,
        "name": name,
        "type": None if entry.credential_type is None else type_name(entry.credential_type),
        "vct": entry.credential_type,
        "claims": claims,
        "purpose": entry.purpose,
        "retention_seconds": retention,
        "outcome": None if entry.outcome is None else entry.outcome.value,
    }
