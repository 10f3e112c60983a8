"""What the wallet holds: `tally list`, `show`, `remove`."""

from collections.abc import Collection, Iterable
from datetime import datetime

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, confirm_by_typing, passphrase_options
from doors.terminal import Terminal, bad, bold, dim, good, warning
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from wallet.cli.access import open_wallet
from wallet.copies import can_refill, needs_refill
from wallet.door.wording import (
    one_line,
    plural,
    shown_asking,
    shown_did,
    shown_expiry,
    shown_label,
    shown_pending,
    shown_standing,
    shown_value,
    standing_rank,
)
from wallet.facts import held_claims, held_facts
from wallet.held import HeldCredential
from wallet.label import type_label, type_name
from wallet.parties import blocked_issuers
from wallet.pending import PendingIssuance
from wallet.remove import remove_credential
from wallet.standing import PresentWord, standing_of

_MARK_WIDTH = 15
_LABEL_WIDTH = 23
_MAX_VALUE = 1000
_BLOCKED = "✗ you blocked its issuer"


@click.command("list", cls=Command, examples=["tally list"])
@passphrase_options
@pass_terminal
def list_credentials(terminal: Terminal, *, passphrase: PassphraseSource) -> None:
    """List your credentials and how each one stands, as far as is known without asking anybody."""
    with open_wallet(terminal, passphrase) as vault:
        print_credentials(
            terminal,
            vault.content.credentials,
            now=now(),
            pending=vault.content.pending,
            blocked=blocked_issuers(vault.content),
        )
        if not vault.content.credentials:
            terminal.note("No credentials yet. Get one with `tally add OFFER`.")
        if any(
            standing_of(held, now=now()).word is PresentWord.UNKNOWN for held in vault.content.credentials
        ):
            terminal.note("Unknown: not asked for too long, or without an answer. Ask with `tally status`.")


@click.command("show", cls=Command, examples=["tally show degree-f620d41e"])
@click.argument("credential")
@passphrase_options
@pass_terminal
def show(terminal: Terminal, *, credential: str, passphrase: PassphraseSource) -> None:
    """Show a credential: what it says, how it stands, where it is from.

    The values are shown: this is your own terminal.
    """
    with open_wallet(terminal, passphrase) as vault:
        held, moment = vault.content.credential(credential), now()
        standing = standing_of(held, now=moment)
        document = credential_document(held, now=moment)
        document["copies"] = len(held.copies)
        document["credential_issuer"] = held.credential_issuer
        document["received_at"] = encode_utc(held.received_at)
        document["issuer_blocked"] = is_blocked = held.issuer in blocked_issuers(vault.content)
        document["claims"] = held_claims(held)
        terminal.document(document)
        terminal.say(bold(shown_label(type_label(held.credential_type))), f"  {held.id}")
        asked = shown_asking(standing, now=moment)
        terminal.say(shown_standing(standing), ", ", shown_expiry(standing, now=moment), ", ", asked)
        if is_blocked:
            terminal.say(bad(_BLOCKED))
        terminal.say()
        for fact in held_facts(held):
            terminal.say(f"  {shown_label(fact.label).ljust(_LABEL_WIDTH)}  {shown_value(fact.value)}")
        terminal.say()
        for name, value in (
            ("from", shown_did(held.issuer)),
            ("issuer", held.issuer),
            ("type", held.credential_type),
            ("received", encode_utc(held.received_at)),
            ("status asked", "never" if standing.checked_at is None else encode_utc(standing.checked_at)),
            ("copies left", f"{len(held.unused_copies)} of {len(held.copies)}"),
            ("further copies", f"`tally refill {held.id}`" if can_refill(held, now=moment) else "none"),
        ):
            shown = one_line(value, max_characters=_MAX_VALUE)
            terminal.say(dim(f"  {name.ljust(_LABEL_WIDTH)}  {shown}"))


@click.command("remove", cls=Command, examples=["tally remove degree-f620d41e"])
@click.argument("credential")
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def remove(terminal: Terminal, *, credential: str, yes: bool, passphrase: PassphraseSource) -> None:
    """Remove a credential with all its copies. Only its issuer can give you another one."""
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
        "refillable": can_refill(held, now=now),
    }


def print_credentials(
    terminal: Terminal,
    credentials: Iterable[HeldCredential],
    *,
    now: datetime,
    pending: Collection[PendingIssuance],
    blocked: Collection[str],
    asked_in_vain: Collection[str] = (),
) -> None:
    """Print how each of them stands at `now`, first those that can be used; then what did not come yet.

    `blocked` are the issuers that are blocked, `asked_in_vain` the ids of those whose issuer could not be
    asked just now.
    """
    ordered = sorted(
        credentials,
        key=lambda held: (
            standing_rank(standing_of(held, now=now)),
            type_label(held.credential_type),
            held.received_at,
            held.id,
        ),
    )
    documents: list[JsonValue] = [
        credential_document(held, now=now) | {"issuer_blocked": held.issuer in blocked} for held in ordered
    ]
    terminal.document({"credentials": documents, "pending": [_pending_document(each) for each in pending]})
    for held in ordered:
        standing = standing_of(held, now=now)
        # A stranger's type may be a long address; `tally show` says it in full.
        label = shown_label(type_label(held.credential_type), max_characters=_LABEL_WIDTH - 1)
        margin = " " * (_MARK_WIDTH + 2)
        # The mark first: a narrow window cuts what is behind.
        terminal.say(
            shown_standing(standing, width=_MARK_WIDTH), "  ", bold(label.ljust(_LABEL_WIDTH)), f"  {held.id}"
        )
        terminal.say(margin, dim(f"from {shown_did(held.issuer)}"))
        terminal.say(
            margin,
            shown_expiry(standing, now=now),
            dim(f", {len(held.unused_copies)} of {len(held.copies)} copies left, "),
            shown_asking(standing, now=now),
        )
        if held.issuer in blocked:
            terminal.say(margin, bad(_BLOCKED))
        if needs_refill(held, now=now):
            terminal.say(margin, warning("! few copies left"), f", `tally refill {held.id}` gets new ones")
        if held.id in asked_in_vain:
            terminal.say(margin, warning("! could not be asked now"))
    print_pending(terminal, pending)


def print_pending(terminal: Terminal, pending: Iterable[PendingIssuance]) -> None:
    """Tell a person what an issuer was asked for and did not come yet, and that it is not lost."""
    for each in pending:
        terminal.note(warning("! "), shown_pending(each))
        terminal.note("  Run `tally add` to go on. Do it soon: the issuer does not hold it for long.")


def _pending_document(pending: PendingIssuance) -> JsonObject:
    return {
        "credential_issuer": pending.issuer_url,
        "begun_at": encode_utc(pending.begun_at),
        "types": [type_name(credential.vct) for credential in pending.credentials],
    }
