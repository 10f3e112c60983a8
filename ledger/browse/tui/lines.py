"""What the screens say, in lines."""

from collections.abc import Iterator
from datetime import datetime

from doors.screen.rows import Row
from doors.screen.text import Line
from doors.terminal import Styled, bad, bold, dim, good, verbatim, warning
from ledger.browse.did_history import ShownKey
from ledger.browse.entry import ShownEntry
from ledger.browse.head import PROMISES, ShownCosigner, ShownHead, age_words
from ledger.browse.reader import ProvenDid
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
    yield ("Key        ", bold(key.id.removeprefix(did)), f"  {key.use}")
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
