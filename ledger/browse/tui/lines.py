"""What the screens say, in lines."""

from collections.abc import Iterator
from datetime import datetime

from doors.screen.rows import Row
from doors.screen.text import Line
from doors.terminal import Styled, bad, bold, dim, good, verbatim, warning
from ledger.accreditations import Accreditation, Standing
from ledger.browse.did_history import ShownKey
from ledger.browse.entry import ShownEntry, party_label
from ledger.browse.head import PROMISES, ShownCosigner, ShownHead, age_words
from ledger.browse.reader import ProvenDid, ProvenTrees
from protocol.codes import Audience
from protocol.encoding.base64 import encode_base64
from protocol.encoding.time import encode_utc
from protocol.errors import TallyError


def head_lines(head: ShownHead, *, own_word: bool) -> Iterator[Line]:
    """A state of the log; `own_word` says that the policy is nobody's but the ledger's."""
    yield ("Log        ", bold(head.origin))
    yield ("Entries    ", str(head.tree_size))
    yield ("Root hash  ", verbatim(encode_base64(head.root_hash)))
    if head.time is None or head.age is None:
        yield ("Time       ", warning("nobody vouches for one"))
    else:
        yield ("Time       ", encode_utc(head.time), dim(f"  {age_words(head.age)} ago"))
    yield ()
    yield (good("✓ "), "The checkpoint satisfies the policy, and takes back nothing seen here.")
    if own_word:
        yield (warning("! "), "The policy is the ledger's own word; --policy takes one you trust.")
    yield ()
    yield (bold("Cosigners"),)
    for cosigner in head.cosigners:
        yield from _cosigner_lines(cosigner)


def _cosigner_lines(cosigner: ShownCosigner) -> Iterator[Line]:
    uncounted = "" if cosigner.counts else "; does not count"
    if cosigner.cosigned is None:
        yield (dim("· "), bold(cosigner.name), "  has not cosigned this")
    else:
        yield (good("✓ "), bold(cosigner.name), f"  {encode_utc(cosigner.cosigned)}")
    yield (dim(f"    {PROMISES[cosigner.kind]}{uncounted}"),)


def entry_lines(entry: ShownEntry) -> Iterator[Line]:
    """What is known of an entry."""
    subject = "not known here" if entry.subject is None else entry.subject.name
    yield ("What       ", bold(entry.event))
    yield ("About      ", verbatim(subject))
    yield ("Stated     ", entry.stated or "no time", dim("  the word of its author"))
    if entry.logged is not None:
        yield ("Logged     ", encode_utc(entry.logged))
    for name, value in entry.details:
        yield (f"{name:<9}  ", verbatim(value))
    yield ("Leaf hash  ", verbatim(entry.leaf_hash.hex()))
    yield (good("✓ "), "It stands in the log, at this place. What it says, only its history proves.")


def did_lines(proven: ProvenDid) -> Iterator[Line]:
    """A DID with its state and its keys."""
    shown = proven.shown
    yield ("DID        ", verbatim(shown.did))
    yield ("State      ", *_state(proven))
    if shown.trouble is None:
        seen = "" if proven.time is None else f", as of {encode_utc(proven.time)}"
        yield (good("✓ "), f"All that the log holds{seen}; the history is verified.")
    for key in shown.keys:
        yield from _key_lines(key, shown.did)


def _key_lines(key: ShownKey, did: str) -> Iterator[Line]:
    until: str | Styled = good("now") if key.valid_until is None else encode_utc(key.valid_until)
    yield ("Key        ", bold(key.id.removeprefix(did)))
    yield ("           ", key.use)
    yield ("           ", f"logged {encode_utc(key.valid_from)} to ", until)
    if key.compromised is not None:
        yield ("           ", bad("✗ "), f"in other hands since {encode_utc(key.compromised)}")
    yield ("           ", dim(key.key))


def entry_row(entry: ShownEntry) -> Row:
    """An entry among others."""
    cells = (str(entry.leaf_index), entry.label or "not known here", entry.event, dim(entry.stated))
    return Row(str(entry.leaf_index), cells)


def version_row(entry: ShownEntry) -> Row:
    """An entry of one DID."""
    cells = (str(entry.leaf_index), entry.event, dim(_moment(entry.logged)))
    return Row(str(entry.leaf_index), cells)


def trees_lines(proven: ProvenTrees) -> Iterator[Line]:
    """What a list of accreditations is about, and what is proven of it."""
    if proven.about is not None:
        yield ("About      ", verbatim(proven.about))
    for each in proven.said:
        yield ("Described  ", encode_utc(each.time), "  ", dim(each.integrity))
        yield ("  by       ", verbatim(each.by))
    time = proven.found.time
    seen = "" if time is None else f", as of {encode_utc(time)}"
    yield (good("✓ "), f"Each is proven, and every withdrawal of one{seen}.")
    yield (dim("  That nobody is missing is the ledger's word. Which roots count, you decide."),)


def tree_rows(proven: ProvenTrees) -> Iterator[Row]:
    """The accreditations below their roots; a root is known by its DID, the others by their places."""
    roots: dict[str, list[Accreditation]] = {}
    for each in proven.found.trees:
        roots.setdefault(each.record.authorship.by, []).append(each)
    for root, own in roots.items():
        yield Row(root, (bold(party_label(root, root)), "a root", "", ""))
        for each in own:
            yield from _tree_rows(each, proven.now, level=0)


def _tree_rows(each: Accreditation, now: datetime, *, level: int) -> Iterator[Row]:
    record, standing = each.record, each.standing(now)
    sign = f"{'  ' * level}└ "
    cells = (
        f"{sign}{party_label(record.accredited, record.authorship.by)}",
        " and ".join(action.value for action in record.actions),
        _until(each, standing),
        dim(", ".join(record.types)),
    )
    yield Row(str(each.leaf_index), cells)
    for below in each.below:
        yield from _tree_rows(below, now, level=level + 1)


def _until(each: Accreditation, standing: Standing) -> Styled:
    since, until = (f"{time:%Y-%m-%d}" for time in (each.link.since, each.link.until))
    match standing:
        case Standing.COUNTS:
            return good(f"✓ {since} to {until}")
        case Standing.NOT_YET:
            return warning(f"! from {since}")
        case Standing.ENDED:
            return bad(f"✗ ended {until}")
        case Standing.WITHDRAWN:
            return bad(f"✗ withdrawn {until}")


def refusal_lines(error: TallyError) -> Iterator[Line]:
    """Why something cannot be shown: what happened, what to do; the code last."""
    yield (bad("✗ "), str(error))
    yield (error.code.remedy_for(Audience.OPERATOR),)
    yield ()
    yield (dim(error.code.value),)


def _state(proven: ProvenDid) -> Line:
    shown = proven.shown
    if shown.trouble is not None:
        return (bad("✗ "), f"must not be trusted: {shown.trouble} ({shown.trouble.code.value})")
    if shown.deactivated is not None:
        return (bad("✗ "), f"deactivated at {encode_utc(shown.deactivated)}")
    return (good("✓ "), "in use")


def _moment(time: datetime | None) -> str:
    return "" if time is None else encode_utc(time)
