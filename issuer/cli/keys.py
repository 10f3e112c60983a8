"""The commands on the institution's keys: `key list`, and `key compromised` for one in other hands."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Group, pass_terminal
from doors.moment import Moment
from doors.prompts import PassphraseSource, confirm, passphrase_options
from doors.terminal import Terminal, bad, bold, dim, good, verbatim, warning
from issuer.cli.authoring import open_institution
from issuer.cli.owning import own_folder
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, TallyError, UnavailableError

if TYPE_CHECKING:
    from issuer.folder import IssuerFolder
    from ledger.author import Author
    from ledger.browse.did_history import ShownKey
    from ledger.client import LedgerClient

CURRENT = "current"

keys = Group("key", help="The keys you sign with, and had.")


@keys.command("list", examples=["tally issuer key list"])
@pass_terminal
def list_keys(terminal: Terminal) -> None:
    """List every key your DID ever had, and since when one is in other hands, as the ledger proves it."""
    from ledger.client import LedgerClient
    from ledger.fetch import chosen_fetcher

    folder = own_folder()
    did = folder.load_settings().did
    ledger = folder.load_ledgers().ledger_of(did)
    with chosen_fetcher(ledger.url) as fetcher:
        found = _read_keys(LedgerClient(ledger, fetcher=fetcher, memory=folder.memory()), did)
    terminal.document({"did": did, "keys": [_document(key) for key in found]})
    for key in found:
        until = good("now") if key.valid_until is None else encode_utc(key.valid_until)
        terminal.say(bold(key.id.removeprefix(did)))
        terminal.say(dim("  logged "), f"{encode_utc(key.valid_from)} to ", until)
        if key.compromised is not None:
            terminal.say(bad("  ✗ "), f"in other hands since {encode_utc(key.compromised)}")


@keys.command(
    "compromised",
    examples=[
        "tally issuer key compromised current --since 2026-11-01",
        "tally issuer key compromised z6MkfKe8… --since 2026-11-01T09:00:00Z",
    ],
)
@click.argument("key")
@click.option(
    "--since",
    type=Moment(),
    metavar="DATE",
    required=True,
    help="Since when; a date is its first moment in UTC.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def compromised(
    terminal: Terminal, *, key: str, since: datetime, yes: bool, passphrase: PassphraseSource
) -> None:
    """Say on the ledger that a key of yours is in other hands. This is final.

    KEY is one that `tally issuer key list` shows, or `current` for the one you sign with. If your DID still
    lists it, a new one takes its place first. Whatever the key signed and dated SINCE or later is refused
    from now on, by everybody; what is dated earlier stays good. A thief can date back: if you do not know
    since when, name a moment before it was first used, and issue everything anew. Said again, SINCE can
    only become earlier.
    """
    if since > now():
        raise click.BadParameter("it is in the future", param_hint="--since")
    with open_institution(terminal, passphrase) as (folder, author):
        chosen = _choose(_read_keys(author.client, author.signer.by), key)
        _explain(terminal, chosen, since)
        if not yes:
            confirm(terminal, "Say so, for everybody to read?")
        if chosen.valid_until is None:
            author = _rotate(folder, author)
            terminal.note(good("✓ "), "New key: ", verbatim(author.signer.key_id))
        try:
            marked = _mark(author, chosen, since)
        except TallyError:
            # `current` is another key by now.
            terminal.note(warning("! "), "It is not marked yet. Say it again of ", bold(chosen.id))
            raise
    terminal.document({**marked, "key_id": author.signer.key_id})
    terminal.say(good("✓ "), f"Marked in entry {marked['index']}, logged at {marked['time']}.")
    terminal.note("Offer anew what you issued with it since then, and revoke the old ones.")


def _document(key: "ShownKey") -> JsonObject:
    return {
        "id": key.id,
        "key": key.key,
        "valid_from": encode_utc(key.valid_from),
        "valid_until": None if key.valid_until is None else encode_utc(key.valid_until),
        "compromised": None if key.compromised is None else encode_utc(key.compromised),
    }


def _read_keys(client: "LedgerClient", did: str) -> "tuple[ShownKey, ...]":
    """Every key of `did`, those it lists now last.

    Raises:
        VerificationError, MalformedError: its history must not be trusted.
        UnavailableError: the ledger cannot be reached, or does not know it.
    """
    from ledger.browse.did_history import show_did

    moment = now()
    shown = show_did(did, client.read_history(did, now=moment).entries, now=moment)
    if shown.trouble is not None:
        raise shown.trouble
    return tuple(sorted(shown.keys, key=lambda key: key.valid_from))


def _choose(found: "Sequence[ShownKey]", name: str) -> "ShownKey":
    # Of one that was taken into use twice, the last time counts.
    for key in reversed(found):
        if name in (key.id, key.key, f"#{key.key}") or (name == CURRENT and key.valid_until is None):
            return key
    raise RefusedError(Code.NOT_FOUND, "your DID never had this key; `tally issuer key list` shows all")


def _explain(terminal: Terminal, key: "ShownKey", since: datetime) -> None:
    terminal.note(warning("! "), "In other hands: ", verbatim(key.id))
    terminal.note(f"  What it signed and dated {encode_utc(since)} or later will be refused.")
    terminal.note("  What it signed and dated earlier stays good, whoever dated it.")
    if key.valid_until is None:
        terminal.note("  You sign with it now: a new key takes its place first.")


def _rotate(folder: "IssuerFolder", author: "Author") -> "Author":
    """The institution with a new key, which its server takes into use, or else this very command."""
    from ledger.author import author_of
    from ledger.identity import rotate_identity

    did, ring = author.signer.by, author.keeper.ring
    try:
        with folder.running_server() as issuer:
            issuer.post("rotate")
    except UnavailableError as error:
        if error.code is not Code.NETWORK_UNREACHABLE:
            raise
        # Whoever serves it holds the ring, so this is refused where the server is only out of reach.
        with ring.file.hold():
            rotate_identity(author.keeper, did, now=now())
    ring.file.reload()
    return author_of(author.keeper, did)


def _mark(author: "Author", key: "ShownKey", since: datetime) -> JsonObject:
    from protocol.keys.multikey import parse_multikey
    from protocol.records.key_compromise import create_key_compromised

    moment = now()
    record = create_key_compromised(
        key.id, parse_multikey(key.key), signer=author.signer, since=since, time=moment
    )
    entry = author.log(record, now=moment)
    return {
        "key": key.id,
        "since": encode_utc(since),
        "index": entry.leaf_index,
        "time": encode_utc(entry.time),
    }
