"""Whom the wallet knows: `tally party`."""

import click

from doors.command import Command, Group, pass_terminal
from doors.prompts import PassphraseSource, confirm, passphrase_options
from doors.terminal import Terminal, bold, dim, good, warning
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from wallet.cli.access import open_wallet
from wallet.door.wording import one_line, plural, quoted, shown_day, shown_mark, shown_party
from wallet.known_party import KnownParty, PartyMark, PartyRole
from wallet.parties import find_party, forget_party, mark_party

_MARK_WIDTH = 12
_MAX_ID = 2048

_party = click.argument("party", metavar="PARTY")


@click.command("list", cls=Command, examples=["tally party list"])
@passphrase_options
@pass_terminal
def list_parties(terminal: Terminal, *, passphrase: PassphraseSource) -> None:
    """List them, the one met last first."""
    with open_wallet(terminal, passphrase) as vault:
        parties = sorted(vault.content.parties, key=lambda party: party.last_seen, reverse=True)
        documents: list[JsonValue] = [_document(party) for party in parties]
        terminal.document({"parties": documents})
        for party in parties:
            _print(terminal, party)
        if not parties:
            terminal.note(
                "No parties yet. Whom you answer, and who gives you something, will be listed here."
            )


@click.command("trust", cls=Command, examples=["tally party trust shop.example"])
@_party
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def trust(terminal: Terminal, *, party: str, yes: bool, passphrase: PassphraseSource) -> None:
    """Trust a party: you know that this is theirs. PARTY is a host, a DID or a whole client id.

    A verifier that no ledger knows then needs no second yes, as long as it signs with the same key.
    """
    with open_wallet(terminal, passphrase) as vault:
        known = find_party(vault.content, party)
        if not yes:
            _print(terminal, known, noting=True)
            confirm(terminal, "Do you know from elsewhere that this is theirs?")
        _tell(terminal, mark_party(vault, known.client_id, PartyMark.TRUSTED))


@click.command("block", cls=Command, examples=["tally party block shop.example"])
@_party
@passphrase_options
@pass_terminal
def block(terminal: Terminal, *, party: str, passphrase: PassphraseSource) -> None:
    """Have nothing to do with a party any more. PARTY is a host, a DID or a whole client id.

    Its requests are refused and it learns nothing; nothing new is received from it, and what it issued is
    marked.
    """
    with open_wallet(terminal, passphrase) as vault:
        _tell(terminal, mark_party(vault, party, PartyMark.BLOCKED))


@click.command("unmark", cls=Command, examples=["tally party unmark shop.example"])
@_party
@passphrase_options
@pass_terminal
def unmark(terminal: Terminal, *, party: str, passphrase: PassphraseSource) -> None:
    """Take the mark from a party. PARTY is a host, a DID or a whole client id."""
    with open_wallet(terminal, passphrase) as vault:
        _tell(terminal, mark_party(vault, party, PartyMark.SEEN))


@click.command("forget", cls=Command, examples=["tally party forget shop.example"])
@_party
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def forget(terminal: Terminal, *, party: str, yes: bool, passphrase: PassphraseSource) -> None:
    """Forget a party and what it is recognized by. PARTY is a host, a DID or a whole client id.

    Whoever asks from its hosts next is met for the first time. What happened stays in the history.
    """
    with open_wallet(terminal, passphrase) as vault:
        known = find_party(vault.content, party)
        if not yes:
            _print(terminal, known, noting=True)
            confirm(terminal, "Forget it? Then somebody else in its place is not noticed.")
        forget_party(vault, known.client_id)
        terminal.document({"forgotten": known.client_id})
        terminal.say(good("✓ "), f"Forgotten: {shown_party(known.client_id)}.")


def _tell(terminal: Terminal, party: KnownParty) -> None:
    terminal.document(_document(party))
    terminal.say(good("✓ "), shown_party(party.client_id), ": ", shown_mark(party.mark))


def _print(terminal: Terminal, party: KnownParty, *, noting: bool = False) -> None:
    say = terminal.note if noting else terminal.say
    name = f"  {quoted(party.name)}" if party.name else ""
    say(shown_mark(party.mark, width=_MARK_WIDTH), bold(shown_party(party.client_id)), name)
    margin = " " * _MARK_WIDTH
    if party.role is PartyRole.ISSUER:
        met = f"issuer, gave you {plural(party.credentials, 'credential')}"
    else:
        met = f"verifier, answered {plural(party.presentations, 'time')}"
    say(margin, dim(f"{met}, first {shown_day(party.first_seen)}, last {shown_day(party.last_seen)}"))
    if party.hosts:
        say(margin, dim(f"at {', '.join(party.hosts)}"))
    if not party.is_signed:
        say(margin, warning("! "), "never signed: anybody can ask in its name")
    say(margin, dim(one_line(party.client_id, max_characters=_MAX_ID)))


def _document(party: KnownParty) -> JsonObject:
    return {
        "party": party.client_id,
        "role": party.role.value,
        "mark": party.mark.value,
        "name": party.name,
        "hosts": [*party.hosts],
        "first_seen": encode_utc(party.first_seen),
        "last_seen": encode_utc(party.last_seen),
        "presentations": party.presentations,
        "credentials": party.credentials,
    }


commands = Group(help="List the verifiers and issuers your wallet knows, and say which you trust or block.")
for command in (list_parties, trust, block, unmark, forget):
    commands.add_command(command)
