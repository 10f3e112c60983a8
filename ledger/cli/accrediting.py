"""The commands with which an institution accredits others: `accredit` and `withdraw`."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.moment import Moment
from doors.prompts import PassphraseSource, confirm, passphrase_options
from doors.terminal import Terminal, dim, good, safe_text, verbatim, warning
from ledger.cli.institution import log_record, open_institution
from ledger.cli.record_words import RecordHash, TypeOfCredential
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError, RefusedError

if TYPE_CHECKING:
    from ledger.author import Author
    from protocol.index.proof import SubjectEntry
    from protocol.records.accreditation import AccreditationRecord


@click.command(
    "accredit",
    cls=Command,
    examples=[
        "tally ledger accredit did:webvh:Qm…:ledger.example:university \\\n"
        "  --type urn:tallystick:degree:1 --action issue --until 2027-12-31",
        "tally ledger accredit did:webvh:Qm…:ledger.example:council \\\n"
        "  --type urn:tallystick:degree:1 --action accredit --until 2031-12-31",
    ],
)
@click.argument("did")
@click.option(
    "--type",
    "types",
    type=TypeOfCredential(),
    multiple=True,
    required=True,
    metavar="TYPE",
    help="A type: a name like degree, or a vct; repeat it.",
)
@click.option(
    "--action",
    "actions",
    multiple=True,
    required=True,
    type=click.Choice(["issue", "accredit"]),
    help="What they may do: issue or accredit; repeat it for both.",
)
@click.option(
    "--until",
    type=Moment(),
    metavar="DATE",
    required=True,
    help="When it ends; a date is its first moment in UTC.",
)
@click.option("--from", "valid_from", type=Moment(), metavar="DATE", help="When it begins; now by default.")
@click.option(
    "--depth",
    type=click.IntRange(0, 4),
    help="How many accreditors may stand between them and an issuer; 0 by default. Only to accredit.",
)
@click.option(
    "--under",
    type=RecordHash(),
    metavar="RECORD",
    help="The hash of the accreditation of your own it rests on.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def accredit(
    terminal: Terminal,
    *,
    did: str,
    types: tuple[str, ...],
    actions: tuple[str, ...],
    until: datetime,
    valid_from: datetime | None,
    depth: int | None,
    under: bytes | None,
    yes: bool,
    passphrase: PassphraseSource,
) -> None:
    """Log that an institution may issue credentials of some types, or accredit others for them.

    Your own institution says it, the one of `tally issuer` in this home, and everybody can read it for ever.
    It speaks as a root, which counts with whoever trusts it. If you were accredited yourself, name the record
    with --under: what you give rests on that, and is no more. `tally ledger withdraw` ends it early.
    """
    if "accredit" not in actions and depth is not None:
        raise RefusedError(Code.USAGE_INVALID, "--depth goes with --action accredit")
    if until <= (valid_from or now()):
        raise click.BadParameter("it would end before it begins", param_hint="--until")
    from protocol.records.accreditation import Action, create_accreditation

    chosen = {Action(action) for action in actions}
    with open_institution(terminal, passphrase) as author:
        if did == author.signer.by:
            raise click.BadParameter("that is you, and nobody accredits themselves", param_hint="DID")
        record = create_accreditation(
            did,
            signer=author.signer,
            actions=chosen,
            types=types,
            depth=(depth or 0) if Action.ACCREDIT in chosen else None,
            valid_from=(valid_from or now()).replace(microsecond=0),
            valid_until=until,
            under=under,
            time=now(),
        )
        is_known = _is_known(author, did)
        _check_above(terminal, author, record)
        _tell(terminal, record)
        if not is_known:
            terminal.note("They live on another ledger: nobody has looked whether there is such a DID.")
        if not yes:
            confirm(terminal, "Log this, for everybody to read?")
        entry = log_record(terminal, author, record)
    terminal.document({**accreditation_document(record), **_place(entry)})
    terminal.say(good("✓ "), f"Entry {entry.leaf_index}, logged at {encode_utc(entry.time)}.")
    terminal.say(verbatim(f"Record {record.leaf_hash.hex()}"))


@click.command(
    "withdraw",
    cls=Command,
    examples=["tally ledger withdraw 9f31…c0 --reason 'The university was closed.'"],
)
@click.argument("record", type=RecordHash())
@click.option("--reason", help="Why, for everybody to read: at most 200 characters.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def withdraw(
    terminal: Terminal, *, record: bytes, reason: str | None, yes: bool, passphrase: PassphraseSource
) -> None:
    """End an accreditation that you gave, or that rests on one you gave, by the hash of its record.

    `tally ledger issuers` shows the hashes. It ends at once, with all that rests on it, and for good. What
    was issued before stays good.
    """
    from protocol.records.accreditation import create_withdrawal

    with open_institution(terminal, passphrase) as author:
        found = _find_accreditation(author, record)
        try:
            withdrawal = create_withdrawal(found, signer=author.signer, reason=reason, time=now())
        except MalformedError:
            raise click.BadParameter(
                "1 to 200 characters, all of which can be seen", param_hint="--reason"
            ) from None
        _tell(terminal, found)
        if not yes:
            confirm(terminal, "Withdraw this, for good?")
        entry = log_record(terminal, author, withdrawal)
    terminal.document({"withdrawn": record.hex(), "did": found.accredited, "reason": reason, **_place(entry)})
    terminal.say(good("✓ "), f"Withdrawn in entry {entry.leaf_index}, logged at {encode_utc(entry.time)}.")


def accreditation_document(record: "AccreditationRecord") -> JsonObject:
    """What an accreditation says, for a program."""
    return {
        "record": record.leaf_hash.hex(),
        "did": record.accredited,
        "by": record.authorship.by,
        "actions": list[JsonValue](action.value for action in record.actions),
        "types": list[JsonValue](record.types),
        "depth": record.depth,
        "valid_from": encode_utc(record.valid_from),
        "valid_until": encode_utc(record.valid_until),
        "under": None if record.under is None else record.under.hex(),
    }


def _tell(terminal: Terminal, record: "AccreditationRecord") -> None:
    from ledger.browse.entry import may

    under = "nothing: it is said as a root" if record.under is None else record.under.hex()
    for name, value in (
        ("by", record.authorship.by),
        ("accredited", record.accredited),
        ("may", may(record)),
        *(("type", vct) for vct in record.types),
        ("from", encode_utc(record.valid_from)),
        ("until", encode_utc(record.valid_until)),
        ("rests on", under),
    ):
        terminal.note(dim(name.ljust(11)), verbatim(safe_text(value, max_characters=1024)))


def _place(entry: "SubjectEntry") -> JsonObject:
    return {"index": entry.leaf_index, "time": encode_utc(entry.time)}


def _is_known(author: "Author", did: str) -> bool:
    """Whether `did` is on the author's ledger; False where it lives on another one.

    Raises:
        UnavailableError: DID_NOT_FOUND, it should be there and is not; or the ledger cannot be reached.
    """
    from protocol.did.webvh.identifier import parse_webvh

    if parse_webvh(did).authority != author.client.ledger.authority:
        return False
    author.client.read_history(did, now=now())
    return True


def _check_above(terminal: Terminal, author: "Author", record: "AccreditationRecord") -> None:
    """Check what `record` rests on, or say what it could rest on.

    Nothing is chosen for the author: anybody may accredit them, and would stand above all that they give.
    """
    from ledger.accreditations import chains_of, verify_above
    from ledger.accredited import read_accreditations

    moment = now()
    own = record.authorship.by
    chains = list(chains_of(read_accreditations(author.client, [own], now=moment).trees, own))
    if record.under is not None:
        verify_above(record, chains, moment=moment)
        return
    for chain in chains:
        if chain[0].record.depth is not None and chain[0].counts_at(moment):
            leaf_hash, root = chain[0].record.leaf_hash.hex(), chain[-1].record.authorship.by
            terminal.note(
                warning("! "), "You speak as a root. You were accredited yourself; to rest on that:"
            )
            terminal.note(verbatim(f"  --under {leaf_hash}"))
            terminal.note(verbatim(f"  whose root is {safe_text(root, max_characters=1024)}"))


def _find_accreditation(author: "Author", leaf_hash: bytes) -> "AccreditationRecord":
    """The accreditation with this leaf hash, which the author's ledger shows where it stands.

    Raises:
        RefusedError: the ledger has none.
        VerificationError: what it shows is not proven.
    """
    from ledger.browse.entry import ShownEntry
    from ledger.browse.question import HashQuestion
    from ledger.browse.reader import LedgerReader
    from ledger.fetch import chosen_fetcher
    from protocol.records import parse_leaf
    from protocol.records.accreditation import AccreditationRecord

    with chosen_fetcher(author.client.ledger.url) as fetcher:
        found = LedgerReader(author.client, fetcher=fetcher, clock=now).find(HashQuestion(leaf_hash))
    record = parse_leaf(found.leaf) if isinstance(found, ShownEntry) else None
    if not isinstance(record, AccreditationRecord):
        raise RefusedError(Code.NOT_FOUND, "the entry with this leaf hash is no accreditation")
    return record
