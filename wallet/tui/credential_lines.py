"""A credential in lines: how it stands, whom it was shown to, what proves it, and as it is."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from doors.screen.text import Line
from doors.terminal import Styled, bold, dim, good, warning
from protocol.did.webvh.identifier import parse_webvh
from protocol.encoding.strict_json import JsonValue
from protocol.errors import MalformedError
from protocol.jws import parse_jws_header
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.status_list import read_status
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.copies import can_refill
from wallet.door.wording import (
    one_line,
    plural,
    quoted,
    shown_age,
    shown_day,
    shown_did,
    shown_expiry,
    shown_label,
    shown_standing,
    shown_value,
)
from wallet.facts import claim_order, held_facts
from wallet.held import HeldCredential
from wallet.known_party import PartyRole
from wallet.label import claim_label, type_label
from wallet.standing import PresentStanding, PresentWord, signed_payload, standing_of

HIDDEN = "••••••"
"""Stands for a value, however long it is."""

_MEANINGS: Mapping[PresentWord, str] = {
    PresentWord.VALID: "It can be used, as far as is known.",
    PresentWord.UNKNOWN: "Nobody knows whether it still counts. Whoever asks for it will find out.",
    PresentWord.NOT_YET_VALID: "Its time has not begun; until then nobody accepts it.",
    PresentWord.SUSPENDED: "Its issuer has suspended it: nobody accepts it now. Only they can lift that.",
    PresentWord.EXPIRED: "Its time is over and nobody accepts it any more. Ask its issuer for a new one.",
    PresentWord.REVOKED: "Its issuer has withdrawn it for good. It cannot be used any more; ask them why.",
}
_CHECKS = (
    "that its issuer counts for this type, by their own rules",
    "that the issuer's key is in its history on the ledger, and was not replaced",
    "that the issuer's signature fits every fact you show, and nothing was changed",
    "that its time has begun and has not run out",
    "that you hold its key: you sign their question, so nobody else can use your answer",
    "that its issuer has not revoked or suspended it",
)
_DID_CLIENT = "decentralized_identifier:"
_WIDTH = 14
_MAX_NAME = 60
_MAX_LONG = 1000


def received_lines(added: Sequence[HeldCredential], *, shows_values: bool) -> list[Line]:
    """What came, and what it says."""
    lines: list[Line] = []
    for held in added:
        label = bold(shown_label(type_label(held.credential_type)))
        lines.append((good("✓ "), label, f" from {shown_did(held.issuer)}"))
        asked = "" if held.standing is None else ", its status was asked"
        lines.append((dim(f"  {held.id}, {plural(len(held.copies), 'copy', 'copies')}{asked}"),))
        if held.standing is None:
            lines.append((warning("  ? "), "Its status could not be asked: try R later."))
        lines += [
            _row(shown_label(fact.label), shown_value(fact.value) if shows_values else HIDDEN, width=24)
            for fact in held_facts(held)
        ]
        lines.append(())
    return lines[:-1]


def status_lines(held: HeldCredential, *, now: datetime, asked_in_vain: bool) -> Iterator[Line]:
    """How it stands, what that means, since when it is known, and what is left of it."""
    standing = standing_of(held, now=now)
    yield (standing_mark(standing, asked_in_vain=asked_in_vain),)
    yield (_MEANINGS[standing.word],)
    yield ()
    if held.standing is not None and standing.word in (PresentWord.REVOKED, PresentWord.SUSPENDED):
        since = held.standing.known_since
        yield _row("Known since", f"{shown_day(since)}, {shown_age(now - since)}")
    yield _row("Status asked", *_asked(standing, now=now))
    if asked_in_vain:
        yield _row("", warning("? "), "Nobody could be asked just now: what was known before stays.")
    yield _row("Ends", shown_expiry(standing, now=now))
    yield _row("Received", f"{shown_day(held.received_at)}, {shown_age(now - held.received_at)}")
    yield ()
    yield from _copies(held, now=now)


def standing_mark(standing: PresentStanding, *, asked_in_vain: bool) -> Styled:
    """How it stands; what was good when its issuer was asked last is not said to be good now."""
    is_old = asked_in_vain and standing.has_status and standing.word is PresentWord.VALID
    if is_old and standing.checked_at is not None:
        return warning(f"? as of {standing.checked_at:%b %d}")
    return shown_standing(standing)


def shared_lines(held: HeldCredential, content: WalletContent) -> Iterator[Line]:
    """Whom credentials of this type were shown to, the latest first; facts by name only."""
    entries = sorted(
        (
            entry
            for entry in content.activity
            if entry.credential_type == held.credential_type and entry.kind is ActivityKind.PRESENTED
        ),
        key=lambda entry: entry.party,
    )
    parties = [(party, list(group)) for party, group in groupby(entries, key=lambda entry: entry.party)]
    label = shown_label(type_label(held.credential_type))
    if not parties:
        yield (f"Nobody has seen a {label} of yours.",)
        return
    yield (dim(f"You have shown a {label} to:"),)
    yield ()
    for party, group in sorted(parties, key=lambda each: max(line.time for line in each[1]), reverse=True):
        yield from _party(party, group, content)
    yield (dim("What they saw is listed by name; the values are kept nowhere."),)


def proof_lines(held: HeldCredential, content: WalletContent) -> Iterator[Line]:
    """What its proof rests on, in the words of the field."""
    header = _header(held)
    issuer = next(
        (each for each in content.parties if each.client_id == held.issuer and each.role is PartyRole.ISSUER),
        None,
    )
    yield _row("Issuer", shown_did(held.issuer))
    yield _row("", dim(_long(held.issuer)))
    if held.credential_issuer is not None:
        yield _row("Fetched from", _long(held.credential_issuer))
    last = held.received_at if held.standing is None else held.standing.checked_at
    yield _row("Vouched for", f"by {_ledger(held.issuer)}, last on {shown_day(last)}")
    if issuer is not None:
        yield _row("Known since", shown_day(issuer.first_seen))
    yield _row("Type", _long(held.credential_type))
    key_name = str(header.get("kid", "?")).rpartition("#")[2]
    yield _row("Signed", f"with {_long(str(header.get('alg', '?')))}, by its key {_long(key_name)}")
    key = held.next_copy.key
    yield _row("Bound to", f"key number {key.index} ({key.type.value}), as the next copy has it")
    yield _row("Status", *_status_place(held))
    yield ()
    yield (bold("Whoever you show it to checks"),)
    for check in _CHECKS:
        yield (f"  {check}",)


def raw_lines(held: HeldCredential, *, shows_values: bool) -> Iterator[Line]:
    """The next copy as it is: what was signed, the facts that can be disclosed, and all of it as one text."""
    sd_jwt = parse_sd_jwt(held.next_copy.credential)
    if not shows_values:
        yield (dim("This has everything in it that the credential says. Press v to show it."),)
        return
    for title, value in (
        ("Header", dict(_header(held))),
        ("Payload", dict(sd_jwt.unverified_payload())),
        ("Disclosures", [[each.salt, each.name, each.value] for each in sd_jwt.disclosures]),
    ):
        yield (bold(title),)
        # A stranger's text may hold line ends that JSON does not escape.
        for line in json.dumps(value, ensure_ascii=False, indent=2).split("\n"):
            yield (line,)
        yield ()
    yield (bold("Compact"),)
    yield (held.next_copy.credential,)


def _row(name: str, *value: str | Styled, width: int = _WIDTH) -> Line:
    return (dim(f"  {name.ljust(width)}  "), *value)


def _asked(standing: PresentStanding, *, now: datetime) -> Line:
    if not standing.has_status:
        return ("never: its issuer cannot revoke it",)
    if standing.checked_at is None:
        return warning("? "), "not yet"
    return (f"{shown_day(standing.checked_at)}, {shown_age(now - standing.checked_at)}",)


def _copies(held: HeldCredential, *, now: datetime) -> Iterator[Line]:
    left, count = len(held.unused_copies), len(held.copies)
    yield _row("Copies left", f"{left} of {count}")
    if left:
        yield _row("", dim("Each is shown once, so that nobody can link two of your visits."))
    else:
        yield _row("", warning("! "), "All were shown: whoever sees one again can link your visits.")
    if can_refill(held, now=now):
        yield _row("", "Its issuer gives further copies: press ", bold("f"), ".")


def _party(party: str, group: Iterable[ActivityEntry], content: WalletContent) -> Iterator[Line]:
    entries = sorted(group, key=lambda entry: entry.time)
    known, last = content.party(party), entries[-1]
    name = () if known is None or known.name is None else (f"{quoted(known.name)}, ",)
    yield (*name, bold(shown_did(party.removeprefix(_DID_CLIENT))))
    yield (dim(f"    {_times(len(entries))}, last on {shown_day(last.time)}"),)
    vct = last.credential_type or ""
    paths = sorted(
        {path for entry in entries for path in entry.claim_names}, key=lambda path: claim_order(vct, path)
    )
    names = dict.fromkeys(shown_label(claim_label(vct, path), max_characters=_MAX_NAME) for path in paths)
    yield ("    ", ", ".join(names) or "no fact, only that you have it")
    if last.outcome is not None:
        yield (
            "    ",
            warning("! "),
            one_line(last.outcome.meaning, max_characters=200),
            dim(f" {last.outcome}"),
        )
    yield ()


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _status_place(held: HeldCredential) -> Line:
    reference = read_status(signed_payload(held.next_copy))
    if reference is None:
        return ("nowhere: it cannot be revoked",)
    return (f"number {reference.index} in {_long(reference.uri)}",)


def _header(held: HeldCredential) -> Mapping[str, JsonValue]:
    return parse_jws_header(parse_sd_jwt(held.next_copy.credential).issuer_jwt)


def _ledger(did: str) -> str:
    try:
        return one_line(parse_webvh(did).authority, max_characters=_MAX_NAME)
    except MalformedError:
        return "nobody: its identifier is its own key"


def _long(text: str) -> str:
    # What has no blank in it cannot go on in another line as if that were one of ours.
    shown = one_line(text, max_characters=_MAX_LONG)
    return quoted(text, max_characters=_MAX_LONG) if " " in shown else shown
