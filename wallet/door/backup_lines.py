"""A backup before it is restored, in plain lines: what comes back, what is here already, what never will."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from doors.terminal import Styled, bad, bold, dim, good, warning
from wallet.door.wording import one_line, plural, shown_age, shown_did, shown_label
from wallet.label import type_label
from wallet.rehearsal import Arrival, Loss, LossKind, Rehearsal, RehearsedCredential

Line = tuple[str | Styled, ...]

_LABEL_WIDTH = 23
_MARK_WIDTH = 15
_MAX_URL = 100
_ARRIVALS: Mapping[Arrival, Styled] = {
    Arrival.NEW: good("+ comes back"),
    Arrival.MORE: good("+ more copies"),
    Arrival.HERE: dim("= here already"),
    Arrival.KEPT: warning("! stays here"),
}
# Where a loss has no subjects, and where it names some.
_LOSSES: Mapping[LossKind, tuple[str, str]] = {
    LossKind.PASSPHRASE: ("The passphrase: a restored wallet gets a new one.", ""),
    LossKind.CHECKPOINTS: ("What was seen of the ledgers: a new wallet believes what they say at first.", ""),
    LossKind.PENDING: ("", "What issuers were asked for and did not send yet:"),
    LossKind.RECEIVED_SINCE: ("What you received after it was made.", "What you received after it was made:"),
    LossKind.SHOWN_SINCE: (
        "Which copies you showed after it was made: shown again, they can be linked.",
        "That you showed copies after it was made; shown again, they can be linked:",
    ),
}


def rehearsal_lines(rehearsal: Rehearsal, *, now: datetime) -> Iterator[Line]:
    """What a restore would do, at `now`."""
    count = plural(len(rehearsal.credentials), "credential")
    yield bold("The backup"), f"  made {shown_age(now - rehearsal.made_at)}, {count}"
    if rehearsal.same_words is False:
        yield bad("✗ "), "It is of another wallet than the one here, and cannot be added to it."
    for rehearsed in rehearsal.credentials:
        yield from _credential(rehearsed)
    for each in rehearsal.ledgers:
        yield (
            "  ",
            _padded(_ARRIVALS[each.arrival]),
            f"  trust in {one_line(each.ledger.url, max_characters=_MAX_URL)}",
        )
    lines, parties = plural(rehearsal.activity, "line"), plural(rehearsal.parties, "party", "parties")
    yield (dim(f"  Beside them {lines} of history and {parties}."),)
    yield from _soundness(rehearsal)
    yield (bold("What it cannot bring back"),)
    for loss in rehearsal.losses:
        yield (f"  {loss_text(loss)}",)


def loss_text(loss: Loss) -> str:
    """What is lost, in a sentence."""
    alone, naming = _LOSSES[loss.kind]
    if not loss.subjects:
        return alone
    return f"{naming} {', '.join(one_line(subject, max_characters=_MAX_URL) for subject in loss.subjects)}."


def _credential(rehearsed: RehearsedCredential) -> Iterator[Line]:
    held = rehearsed.held
    label = shown_label(type_label(held.credential_type))
    copies = f"{len(held.unused_copies)} of {len(held.copies)} copies left"
    mark = bad("✗ cannot be used") if rehearsed.faults else _ARRIVALS[rehearsed.arrival]
    yield "  ", _padded(mark), "  ", bold(label.ljust(_LABEL_WIDTH)), f"  {held.id}"
    yield " " * (_MARK_WIDTH + 4), dim(f"from {shown_did(held.issuer)}, {copies}")
    for fault in rehearsed.faults:
        yield " " * (_MARK_WIDTH + 4), f"{fault.meaning} ", dim(fault.value)


def _soundness(rehearsal: Rehearsal) -> Iterator[Line]:
    copies = plural(sum(len(each.held.copies) for each in rehearsal.credentials), "copy", "copies")
    if rehearsal.is_sound:
        keys = f", and the words give the key of each of {copies}" if rehearsal.credentials else ""
        yield good("✓ "), f"Every byte is as it was written{keys}."
    else:
        yield bad("✗ "), "Not all of it can be used. Make a new backup while you have the wallet."


def _padded(mark: Styled) -> Styled:
    return Styled(mark.text.ljust(_MARK_WIDTH), mark.sgr)
