"""The pages of the explorer, each made of what it shows."""

from datetime import datetime

from ledger.browse.did_history import ShownDid, ShownKey
from ledger.browse.entry import ShownEntry
from ledger.browse.explorer import EntriesPage, EntryPage, Found
from ledger.browse.head import PROMISES, ShownCosigner, ShownHead, age_words
from ledger.browse.html import (
    Child,
    Markup,
    cell,
    code,
    element,
    join,
    lines,
    link,
    page,
    pairs,
    table,
)
from protocol.codes import Audience
from protocol.encoding.base64 import encode_base64
from protocol.encoding.form import encode_form
from protocol.encoding.time import encode_utc
from protocol.errors import TallyError
from protocol.index.subject import Subject

_ENTRY_TITLES = ("Index", "About", "What", "Logged")
PAGES = {"did": "/browse/did", "accreditation": "/browse/accreditations", "type": "/browse/type"}
"""Where the pages are of the kinds of subjects that have one. A further kind adds its address here."""


def head_page(head: ShownHead) -> str:
    """How far the log reaches, and who stands behind it."""
    time: Child = "nobody vouches for a time"
    if head.time is not None and head.age is not None:
        time = f"{moment_words(head.time)}, {age_words(head.age)} ago"
    state = pairs(
        ("Entries", join(link("/browse/entries", str(head.tree_size)))),
        ("Root hash", code(encode_base64(head.root_hash))),
        ("Time of the quorum", time),
    )
    cosigners = table(
        ("Name", "Promise", "Cosigned this", "Up to", "Behind", "Trouble"),
        [_cosigner_row(cosigner, head.tree_size) for cosigner in head.cosigners],
    )
    note = join(element("h2", "Checkpoint"), lines(head.note.rstrip("\n")))
    return page(head.origin, state, element("h2", "Cosigners"), cosigners, note, origin=head.origin)


def entries_page(shown: EntriesPage, *, origin: str) -> str:
    """The entries, newest first."""
    if not shown.entries:
        return page("Entries", element("p", "Nothing is logged yet."), origin=origin)
    rows = [_entry_row(entry) for entry in shown.entries]
    count = element("p", f"{shown.tree_size} entries, the newest first. Page {shown.number} of {shown.last}.")
    return page("Entries", count, table(_ENTRY_TITLES, rows), _turning(shown), origin=origin)


def entry_page(shown: EntryPage, *, origin: str) -> str:
    """One entry with all that it says."""
    entry, index = shown.entry, shown.entry.leaf_index
    leaf_hash = entry.leaf_hash.hex()
    facts = pairs(
        ("What", entry.event),
        ("About", _subject(entry.subject, "" if entry.subject is None else entry.subject.name)),
        ("Logged", moment_words(entry.logged)),
        ("Stated time", f"{entry.stated}, the word of its author" if entry.stated else "none"),
        *entry.details,
        ("Leaf hash", code(leaf_hash)),
        ("Proof", link(f"/proof/{leaf_hash}", f"{index}.tlog-proof")),
    )
    neighbours = [
        link(f"/browse/entry/{number}", f"Entry {number}")
        for number in (index - 1, index + 1)
        if 0 <= number < shown.tree_size
    ]
    body = (facts, element("h2", "Record"), lines(entry.text), element("nav", *neighbours))
    return page(f"Entry {index}", *body, origin=origin)


def did_page(shown: ShownDid, *, origin: str) -> str:
    """The history of a DID."""
    facts = pairs(
        ("DID", code(shown.did)),
        ("State", _state(shown)),
        (
            "Accreditations",
            link(
                f"{PAGES['accreditation']}?{encode_form({'name': shown.did})}",
                "what it has, and what it gave",
            ),
        ),
        (
            "Evidence",
            join(
                link(
                    f"/evidence?{encode_form({'name': shown.did})}", "all of it with its proof (.tally-proof)"
                ),
                ", ",
                link(shown.path, "did.jsonl"),
            ),
        ),
    )
    body: list[Child] = [facts]
    if shown.keys:
        titles = ("Key", "Use", "Logged from", "Until", "In other hands since", "Public key")
        body += [element("h2", "Keys"), table(titles, [_key_row(key, shown.did) for key in shown.keys])]
    versions = table(("Index", "What", "Logged"), [_version_row(entry) for entry in reversed(shown.entries)])
    return page(shown.label, *body, element("h2", "Entries"), versions, origin=origin)


def found_page(asked: str, found: Found, *, origin: str) -> str:
    """What a search led to."""
    items = [element("li", link(f"/browse/entry/{index}", f"Entry {index}")) for index in found.entries]
    items += [element("li", link(did_address(did), did)) for did in found.dids]
    items += [element("li", link(type_address(vct), f"Type {vct}")) for vct in found.types]
    if not items:
        hint = (
            "Search for a whole DID or type, the beginning of a name, the index of an entry, or a leaf hash."
        )
        nothing = join(element("p", "Nothing that is published matches “", asked, "”."), element("p", hint))
        return page("Nothing found", nothing, origin=origin)
    return page("Found", element("ul", *items), origin=origin)


def trouble_page(error: TallyError, *, origin: str) -> str:
    """Why there is nothing to show."""
    remedy = element("p", error.code.remedy_for(Audience.HOLDER))
    body = (element("p", str(error)), remedy, element("p", code(error.code.value)))
    return page("This cannot be shown", *body, origin=origin)


def did_address(did: str) -> str:
    """Where the page of a DID is."""
    return f"{PAGES['did']}?{encode_form({'name': did})}"


def type_address(vct: str) -> str:
    """Where the page of a type is."""
    return f"{PAGES['type']}?{encode_form({'name': vct})}"


def _cosigner_row(cosigner: ShownCosigner, tree_size: int) -> tuple[Markup, ...]:
    promise = PROMISES[cosigner.kind] + ("" if cosigner.counts else "; does not count")
    lag = cosigner.lag(tree_size)
    return (
        cell(cosigner.name, kind="long"),
        cell(promise),
        cell("no" if cosigner.cosigned is None else moment_words(cosigner.cosigned), kind="time"),
        cell("" if cosigner.tree_size is None else str(cosigner.tree_size), kind="number"),
        cell("" if lag is None else str(lag), kind="number"),
        cell("" if cosigner.trouble is None else cosigner.trouble.code.meaning, kind="bad"),
    )


def _entry_row(entry: ShownEntry) -> tuple[Markup, ...]:
    index, *others = _version_row(entry)
    return index, cell(_subject(entry.subject, entry.label), kind="long"), *others


def _version_row(entry: ShownEntry) -> tuple[Markup, ...]:
    return (
        cell(link(f"/browse/entry/{entry.leaf_index}", str(entry.leaf_index)), kind="number"),
        cell(entry.event),
        cell(moment_words(entry.logged), kind="time"),
    )


def _key_row(key: ShownKey, did: str) -> tuple[Markup, ...]:
    return (
        cell(key.id.removeprefix(did), kind="long"),
        cell(key.use),
        cell(moment_words(key.valid_from), kind="time"),
        cell("now" if key.valid_until is None else moment_words(key.valid_until), kind="time"),
        cell("" if key.compromised is None else moment_words(key.compromised), kind="bad"),
        cell(code(key.key), kind="long"),
    )


def _subject(subject: Subject | None, label: str) -> Child:
    if subject is None:
        return "not known here"
    address = PAGES.get(subject.kind)
    if address is None:
        return f"{subject.kind}: {label}"
    return link(f"{address}?{encode_form({'name': subject.name})}", label)


def moment_words(time: datetime | None) -> str:
    """A time with a blank, where a narrow page may break it."""
    return "" if time is None else encode_utc(time).replace("T", " ")


def _state(shown: ShownDid) -> Child:
    if shown.trouble is not None:
        words = f"Its history must not be trusted: {shown.trouble} ({shown.trouble.code.value})"
        return element("span", words, class_="bad")
    if shown.deactivated is not None:
        return element("span", f"Deactivated at {moment_words(shown.deactivated)}", class_="bad")
    return f"In use, {len(shown.entries)} {'entry' if len(shown.entries) == 1 else 'entries'}"


def _turning(shown: EntriesPage) -> Markup:
    turns = (
        ("First", 1, shown.number > 1),
        ("Newer", shown.number - 1, shown.number > 1),
        ("Older", shown.number + 1, shown.number < shown.last),
        ("Last", shown.last, shown.number < shown.last),
    )
    return element(
        "nav",
        *(join(link(f"/browse/entries?page={number}", word), " ") for word, number, there in turns if there),
        aria_label="Pages",
    )
