"""A line of the history as a person reads it: who, what was shown by name, why, and how it ended."""

from collections.abc import Iterator, Mapping

from doors.terminal import Styled, bold, dim
from protocol.claim_path import ClaimPath
from protocol.encoding.time import encode_utc
from wallet.content import ActivityEntry, ActivityKind
from wallet.door.wording import one_line, quoted, shown_label, shown_party, shown_retention
from wallet.facts import claim_order
from wallet.label import claim_label, type_label

Line = tuple[str | Styled, ...]

_WORDS: Mapping[ActivityKind, str] = {
    ActivityKind.RECEIVED: "received from",
    ActivityKind.PRESENTED: "shown to",
    ActivityKind.DECLINED: "declined to",
    ActivityKind.REFUSED: "refused",
    ActivityKind.REMOVED: "removed, from",
}


def activity_lines(entry: ActivityEntry, name: str | None) -> Iterator[Line]:
    """All that is known of it; `name` is what the party called itself last."""
    yield dim(encode_utc(entry.time)), "  ", bold(label_of(entry)), f" {deed(entry)} ", who(entry, name)
    names = claim_names(entry)
    if names:
        yield "    ", names
    if entry.purpose is not None:
        kept = "" if entry.retention is None else f", kept {shown_retention(entry.retention)}"
        yield "    ", quoted(entry.purpose, max_characters=len(entry.purpose)), kept
    if entry.outcome is not None:
        yield "    ", f"✗ {one_line(entry.outcome.meaning, max_characters=200)} ", dim(entry.outcome)


def label_of(entry: ActivityEntry) -> str:
    """Which type of credential it was about; nothing where it was about none."""
    return "" if entry.credential_type is None else shown_label(type_label(entry.credential_type))


def deed(entry: ActivityEntry) -> str:
    """What happened, with the party to be named behind it."""
    return _WORDS[entry.kind]


def who(entry: ActivityEntry, name: str | None) -> str:
    """The party, with the name it gave itself in quotes."""
    party = shown_party(entry.party)
    return f"{quoted(name)}, {party}" if name else party


def claim_names(entry: ActivityEntry) -> str:
    """What was shown, asked for or received, by name."""
    vct = entry.credential_type
    if vct is None:
        return ""
    return ", ".join(shown_label(claim_label(vct, path)) for path in ordered_claims(entry))


def ordered_claims(entry: ActivityEntry) -> list[ClaimPath]:
    """The claims of the line, in the order of their type."""
    vct = entry.credential_type or ""
    return sorted(entry.claim_names, key=lambda path: claim_order(vct, path))
