"""What the wallet holds: `tally list`, `show`, `status`, `remove`."""

from collections.abc import Iterable
from datetime import datetime

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, confirm_by_typing, passphrase_options
from doors.terminal import Terminal, bold, dim, good
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from wallet.cli.access import open_outside, open_wallet, wallet_folder
from wallet.cli.wording import (
    indented,
    plural,
    shown_did,
    shown_expiry,
    shown_label,
    shown_standing,
    shown_value,
    standing_rank,
)
from wallet.content import HeldCredential
from wallet.label import type_label, type_name
from wallet.standing import PresentWord, refresh_standings, standing_of

_MARK_WIDTH = 15
_LABEL_WIDTH = 24


@click.command("list", cls=Command)
@passphrase_options
@pass_terminal
def list_credentials(terminal: Terminal, *, passphrase: PassphraseSource) -> None:
    """List your credentials and how each one stands, as far as is known without asking anybody."""
    with open_wallet(terminal, passphrase) as vault:
        _print(terminal, vault.content.credentials, now())
        if not vault.content.credentials:
            terminal.note("No credentials yet. Get one with `tally add OFFER`.")


@click.command("show", cls=Command)
@click.argument("credential")
@passphrase_options
@pass_terminal
def show(terminal: Terminal, *, credential: str, passphrase: PassphraseSource) -> None:
    """Show a credential: what it says, how it stands, where it is from.

    The values are shown: this is your own terminal.
    """
    from wallet.facts import held_claims, held_facts

    with open_wallet(terminal, passphrase) as vault:
        held, moment = vault.content.credential(credential), now()
        standing = standing_of(held, now=moment)
        document = credential_document(held, now=moment)
        document["copies"] = len(held.copies)
        document["credential_issuer"] = held.credential_issuer
        document["received_at"] = encode_utc(held.received_at)
        document["claims"] = held_claims(held)
        terminal.document(document)
        terminal.say(bold(shown_label(type_label(held.credential_type))), f"  {held.id}")
        terminal.say(shown_standing(standing), ", ", shown_expiry(standing, now=moment))
        terminal.say()
        for fact in held_facts(held):
            label = f"  {shown_label(fact.label).ljust(_LABEL_WIDTH)} "
            for line in indented(shown_value(fact.value), first=label):
                terminal.say(line)
        terminal.say()
        for name, value in (
            ("from", shown_did(held.issuer)),
            ("issuer", held.issuer),
            ("type", held.credential_type),
            ("received", encode_utc(held.received_at)),
            ("status asked", "never" if standing.checked_at is None else encode_utc(standing.checked_at)),
            ("copies left", f"{len(held.unused_copies)} of {len(held.copies)}"),
        ):
            terminal.say(dim(f"  {name.ljust(_LABEL_WIDTH)} {value}"))


@click.command("status", cls=Command)
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
        _print(terminal, asked, now())
        if any(standing_of(held, now=now()).word is PresentWord.UNKNOWN for held in asked):
            terminal.note("Unknown: nobody could be asked, or the answer could not be trusted.")


@click.command("remove", cls=Command)
@click.argument("credential")
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def remove(terminal: Terminal, *, credential: str, yes: bool, passphrase: PassphraseSource) -> None:
    """Remove a credential with all its copies. Only its issuer can give you another one."""
    from wallet.remove import remove_credential

    with open_wallet(terminal, passphrase) as vault:
        held = vault.content.credential(credential)
        label = shown_label(type_label(held.credential_type))
        if not yes:
            copies = plural(len(held.copies), "copy", "copies")
            question = f"This removes {label} from {shown_did(held.issuer)} for good, {copies}."
            confirm_by_typing(terminal, question, held.id)
        remove_credential(vault, held.id, now=now())
        terminal.document({"removed": held.id})
        terminal.say(good("✓ "), f"{label} {held.id} is gone.")


def credential_document(held: HeldCredential, *, now: datetime) -> JsonObject:
    """A credential as `--json` lists it: without its claims."""
    standing = standing_of(held, now=now)
    return {
        "id": held.id,
        "type": type_name(held.credential_type),
        "vct": held.credential_type,
        "issuer": held.issuer,
        "status": standing.word.value,
        "checked_at": None if standing.checked_at is None else encode_utc(standing.checked_at),
        "expires_at": None if standing.expires_at is None else encode_utc(standing.expires_at),
        "copies_left": len(held.unused_copies),
    }


def _print(terminal: Terminal, credentials: Iterable[HeldCredential], moment: datetime) -> None:
    ordered = sorted(
        credentials,
        key=lambda held: (
            standing_rank(standing_of(held, now=moment)),
            type_label(held.credential_type),
            held.received_at,
            held.id,
        ),
    )
    documents: list[JsonValue] = [credential_document(held, now=moment) for held in ordered]
    terminal.document({"credentials": documents})
    for held in ordered:
        standing = standing_of(held, now=moment)
        label = shown_label(type_label(held.credential_type)).ljust(_LABEL_WIDTH)
        left = f"{len(held.unused_copies)} of {len(held.copies)} copies left"
        # The mark first: a narrow window cuts what is behind.
        terminal.say(shown_standing(standing, width=_MARK_WIDTH), " ", bold(label), f" {held.id}")
        terminal.say(
            " " * (_MARK_WIDTH + 1),
            dim(f"from {shown_did(held.issuer)}, {left}, "),
            shown_expiry(standing, now=moment),
        )
