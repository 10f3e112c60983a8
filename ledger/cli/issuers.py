"""The command that lists who is accredited: `issuers`."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.home import state_folder
from doors.ledger_address import LedgerAddress
from doors.terminal import Styled, Terminal, bad, bold, dim, good, safe_text, verbatim, warning
from doors.text_file import TextFile
from ledger.cli.accrediting import accreditation_document
from ledger.cli.checking import choose_audited
from ledger.cli.institution import SETTINGS, own_institution
from ledger.cli.record_words import InstitutionDid, TypeOfCredential
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc

if TYPE_CHECKING:
    from ledger.accreditations import Accreditation, Trees
    from ledger.trust import TrustedLedger

_MAX_CHARACTERS = 1024


@click.command(
    "issuers",
    cls=Command,
    examples=[
        "tally ledger issuers --root did:webvh:Qm…:ledger.example:ministry \\\n"
        "  --type urn:tallystick:degree:1"
    ],
)
@click.argument("url", type=LedgerAddress(), required=False)
@click.option(
    "--root", type=InstitutionDid(), metavar="DID", help="Only what rests on the word of this institution."
)
@click.option(
    "--type",
    "vct",
    type=TypeOfCredential(),
    metavar="TYPE",
    help="Only about this type: a name or a vct.",
)
@click.option("--all", "with_past", is_flag=True, help="Also what does not count now.")
@click.option("--policy", type=TextFile(), help="The tlog-policy to check it against.")
@pass_terminal
def issuers(
    terminal: Terminal,
    *,
    url: str | None,
    root: str | None,
    vct: str | None,
    with_past: bool,
    policy: str | None,
) -> None:
    """List who is accredited, since when, until when and by whom, as trees from the roots down.

    Each accreditation is proven, and that it was not withdrawn. That nobody is missing is the ledger's word.
    Without URL and --policy it is the ledger of the institution in this home, or else that of this machine.
    With a URL alone, its own policy is believed. Anybody who may write can speak as a root: the roots that
    count are those you trust.
    """
    from ledger.accreditations import prune
    from ledger.accredited import search_accreditations
    from ledger.browse.entry import party_label
    from ledger.client import LedgerClient
    from ledger.fetch import chosen_fetcher
    from ledger.memory import CheckpointMemory

    ledger = choose_ledger(terminal, url, policy)
    moment = now()
    with chosen_fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        proven = search_accreditations(client, did=root, vct=vct, now=moment)
    trees = tuple(each for each in proven.trees if root in (None, each.record.authorship.by))
    trees = trees if with_past else prune(trees, lambda each: each.counts_at(moment))
    time = None if proven.time is None else encode_utc(proven.time)
    terminal.document(
        {
            "origin": ledger.origin,
            "time": time,
            "accreditations": [_document(each, moment) for tree in trees for each in tree.walk()],
        }
    )
    for author, own in _by_root(trees).items():
        terminal.say(bold(party_label(author, author)), dim(", a root"))
        terminal.say(verbatim(safe_text(author, max_characters=_MAX_CHARACTERS)))
        for each in own:
            for line in _lines(each, moment, depth=1):
                terminal.say(*line)
    if not trees:
        beside = "" if with_past else " now; --all lists also what counted before, or will"
        terminal.note(f"Nobody that this asks for is accredited{beside}.")
    elif time is not None:
        terminal.note(f"As of {time}, proven by {safe_text(ledger.origin)}.")


def choose_ledger(terminal: Terminal, url: str | None, policy: str | None) -> "TrustedLedger":
    """The ledger to look at: as `choose_audited`, but without both that of the institution here, if any."""
    if url is not None and policy is None:
        terminal.note("The policy is the ledger's own word; give --policy to check it against one you trust.")
    folder = own_institution()
    if url is None and policy is None and (folder.path / SETTINGS).exists():
        return folder.load_identity(SETTINGS)[1]
    return choose_audited(url, policy)


def _by_root(trees: "Trees") -> "dict[str, list[Accreditation]]":
    found: dict[str, list[Accreditation]] = {}
    for each in trees:
        found.setdefault(each.record.authorship.by, []).append(each)
    return found


def _document(each: "Accreditation", moment: datetime) -> JsonObject:
    link = each.link
    times: dict[str, JsonValue] = {
        "logged": encode_utc(link.logged),
        "since": encode_utc(link.since),
        "until": encode_utc(link.until),
        "withdrawn": None if link.withdrawn is None else encode_utc(link.withdrawn),
    }
    counts = {"index": each.leaf_index, "counts": each.counts_at(moment)}
    return {**accreditation_document(each.record), **times, **counts}


def _lines(each: "Accreditation", moment: datetime, *, depth: int) -> Iterator[tuple[str | Styled, ...]]:
    from ledger.browse.entry import may, party_label

    record, indent = each.record, "  " * depth
    accredited = safe_text(record.accredited, max_characters=_MAX_CHARACTERS)
    yield (f"{indent}└ ", bold(party_label(accredited, record.authorship.by)))
    yield (verbatim(f"{indent}  {accredited}"),)
    yield (f"{indent}  may {may(record)}, ", *_standing(each, moment))
    for vct in record.types:
        yield (f"{indent}  for {safe_text(vct, max_characters=_MAX_CHARACTERS)}",)
    yield (verbatim(f"{indent}  record {record.leaf_hash.hex()}"),)
    for below in each.below:
        yield from _lines(below, moment, depth=depth + 1)


def _standing(each: "Accreditation", moment: datetime) -> tuple[str | Styled, ...]:
    from ledger.accreditations import Standing

    link, since = each.link, f"since {encode_utc(each.link.since)}"
    interval = f"{since} until {encode_utc(link.until)}"
    match each.standing(moment):
        case Standing.WITHDRAWN:
            return (f"{since}, ", bad(f"withdrawn {encode_utc(link.until)}"))
        case Standing.NOT_YET:
            return (warning("not yet: "), interval)
        case Standing.ENDED:
            return (bad("ended: "), interval)
        case Standing.COUNTS:
            return (good(interval),)
