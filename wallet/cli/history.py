"""What happened: `tally activity`."""

from datetime import timedelta

import click

from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, confirm, passphrase_options
from doors.terminal import Terminal, bold, dim, good
from protocol.claim_path import ClaimPath
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from wallet.cli.access import open_wallet
from wallet.consent import dotted
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.door.wording import one_line, plural, quoted, shown_did, shown_label, shown_retention
from wallet.facts import claim_order
from wallet.label import claim_label, type_label, type_name

_DID_CLIENT = "decentralized_identifier:"
_WORDS = {
    ActivityKind.RECEIVED: "received from",
    ActivityKind.PRESENTED: "shown to",
    ActivityKind.DECLINED: "declined to",
    ActivityKind.REFUSED: "refused to",
    ActivityKind.REMOVED: "removed, from",
}


@click.command("activity", cls=Command, examples=["tally activity"])
@click.option("--forget", is_flag=True, help="Erase it all instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def activity(terminal: Terminal, *, forget: bool, yes: bool, passphrase: PassphraseSource) -> None:
    """List what was received and shown, with whom and when, the latest first. It never holds a value."""
    with open_wallet(terminal, passphrase) as vault:
        entries = vault.content.activity
        if forget:
            if not yes:
                lines = plural(len(entries), "line")
                confirm(terminal, f"Erase {lines}? Then nothing reminds you of who knows what about you.")
            vault.change(WalletContent.without_activity)
            terminal.document({"forgotten": len(entries)})
            terminal.say(good("✓ "), "The history is empty.")
            return
        documents: list[JsonValue] = [
            _document(entry, _name(vault.content, entry)) for entry in reversed(entries)
        ]
        terminal.document({"activity": documents})
        for entry in reversed(entries):
            _print(terminal, entry, _name(vault.content, entry))
        if not entries:
            terminal.note(
                "Nothing yet. What you receive, share or decline will be listed here, without values."
            )


def _name(content: WalletContent, entry: ActivityEntry) -> str | None:
    party = content.party(entry.party)
    return None if party is None else party.name


def _claims(entry: ActivityEntry) -> list[ClaimPath]:
    vct = entry.credential_type or ""
    return sorted(entry.claim_names, key=lambda path: claim_order(vct, path))


def _document(entry: ActivityEntry, name: str | None) -> JsonObject:
    claims: list[JsonValue] = [dotted(path) for path in _claims(entry)]
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


def _print(terminal: Terminal, entry: ActivityEntry, name: str | None) -> None:
    vct = entry.credential_type
    label = "" if vct is None else f"{shown_label(type_label(vct))} "
    party = shown_did(entry.party.removeprefix(_DID_CLIENT))
    who = f"{quoted(name)}, {party}" if name else party
    terminal.say(dim(encode_utc(entry.time)), "  ", bold(label), f"{_WORDS[entry.kind]} {who}")
    if entry.claim_names and vct is not None:
        terminal.say("    ", ", ".join(shown_label(claim_label(vct, path)) for path in _claims(entry)))
    if entry.purpose is not None:
        kept = "" if entry.retention is None else f", kept {shown_retention(entry.retention)}"
        terminal.say("    ", quoted(entry.purpose, max_characters=len(entry.purpose)), kept)
    if entry.outcome is not None:
        terminal.say("    ", f"✗ {one_line(entry.outcome.meaning, max_characters=200)} ", dim(entry.outcome))
