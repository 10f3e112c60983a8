"""How the wallet says things to a person. Strangers' words are cut, kept on one line and put in quotes."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from doors.terminal import MARK, Styled, bad, dim, good, safe_text, warning
from protocol.did.webvh.identifier import parse_webvh
from protocol.encoding.strict_json import JsonValue
from protocol.errors import MalformedError
from protocol.openid4vp.client_id import ClientIdPrefix
from wallet.known_party import PartyMark, host_of
from wallet.pending import PendingIssuance
from wallet.standing import PresentStanding, PresentWord

MAX_DID = 100
MAX_LABEL = 40
MAX_NAME = 50
MAX_VALUE = 200

_PLAIN_NAME = re.compile(r"[A-Za-z0-9._/-]{1,60}")
_SOON = timedelta(days=30)
_DAY = timedelta(days=1)
# From the best to the worst.
_MARKS: Mapping[PresentWord, tuple[str, Callable[[str], Styled]]] = {
    PresentWord.VALID: ("✓", good),
    PresentWord.UNKNOWN: ("?", warning),
    PresentWord.NOT_YET_VALID: ("!", warning),
    PresentWord.SUSPENDED: ("!", warning),
    PresentWord.EXPIRED: ("✗", bad),
    PresentWord.REVOKED: ("✗", bad),
}
_PARTY_MARKS: Mapping[PartyMark, tuple[str, Callable[[str], Styled]]] = {
    PartyMark.TRUSTED: ("✓", good),
    PartyMark.SEEN: ("–", dim),
    PartyMark.BLOCKED: ("✗", bad),
}
_SIGNED, _UNSIGNED = (
    f"{prefix}:" for prefix in (ClientIdPrefix.DECENTRALIZED_IDENTIFIER, ClientIdPrefix.REDIRECT_URI)
)
_QUOTES = str.maketrans('"“”„«»' + "✓✔☑✅🗸✗✘☒❌🗴", "''''''" + MARK * 10)


def one_line(text: str, *, max_characters: int) -> str:
    """A stranger's text on one line, without runs of blanks that could push words to where ours stand."""
    return safe_text(
        " ".join(safe_text(text, max_characters=len(text)).split()), max_characters=max_characters
    )


def quoted(text: str, *, max_characters: int = MAX_NAME) -> str:
    """A stranger's words as such: what stands in the quotes is theirs; they can neither close them nor set a
    mark of ours.
    """
    return f"“{one_line(text, max_characters=max_characters).translate(_QUOTES)}”"


def shown_value(value: JsonValue) -> str:
    """The value of a claim, cut with its length when it is too long for a line."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case str():
            text = value
        case None:
            text = "–"
        case _:
            text = json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_VALUE:
        return f"{one_line(text, max_characters=MAX_VALUE)} ({len(text):,} characters)"
    return one_line(text, max_characters=MAX_VALUE)


def shown_did(did: str) -> str:
    """A DID as a person can tell it from others: its own name and the ledger it lives on, else its text."""
    try:
        identifier = parse_webvh(did)
    except MalformedError:
        return one_line(did, max_characters=MAX_DID)
    name = "/".join(identifier.path)
    if not _PLAIN_NAME.fullmatch(name):
        name = quoted(name) if name else ""
    return f"{name} on {identifier.authority}" if name else identifier.authority


def shown_party(client_id: str) -> str:
    """A party as a person can tell it from others: who it signed as, or else where answers to it go."""
    if client_id.startswith(_UNSIGNED):
        return one_line(host_of(client_id.removeprefix(_UNSIGNED)), max_characters=MAX_DID)
    return shown_did(client_id.removeprefix(_SIGNED))


def shown_mark(mark: PartyMark, *, width: int = 0) -> Styled:
    """What the owner of the wallet said of a party, behind a sign that says the same without colour."""
    sign, style = _PARTY_MARKS[mark]
    return style(f"{sign} {mark}".ljust(width))


def shown_label(text: str, *, max_characters: int = MAX_LABEL) -> str:
    """What a type or a claim is called; where no type metadata says it, in a stranger's word, and in quotes
    where that begins with a sign, as our marks do.
    """
    label = one_line(text, max_characters=max_characters)
    return label if label[:1].isalnum() else quoted(label, max_characters=max_characters)


def shown_standing(standing: PresentStanding, *, width: int = 0) -> Styled:
    """The word for how a credential stands, behind a mark that says the same without colour."""
    mark, style = _MARKS[standing.word]
    return style(f"{mark} {standing.word.replace('_', ' ')}".ljust(width))


def standing_rank(standing: PresentStanding) -> int:
    """How far down a list a credential belongs: 0 for one that can be used."""
    return list(_MARKS).index(standing.word)


def ends_soon(standing: PresentStanding, *, now: datetime) -> bool:
    """Whether a credential ends within a month."""
    return standing.expires_at is not None and now < standing.expires_at < now + _SOON


def shown_expiry(standing: PresentStanding, *, now: datetime) -> Styled:
    """When a credential ends; in days, with a mark, when that is soon."""
    if standing.expires_at is None:
        return dim("no end")
    if ends_soon(standing, now=now):
        return warning(f"! ends in {plural((standing.expires_at - now) // _DAY, 'day')}")
    return dim(f"{'ended' if standing.expires_at <= now else 'until'} {shown_day(standing.expires_at)}")


def shown_asking(standing: PresentStanding, *, now: datetime) -> Styled:
    """When the issuer was last asked about a credential."""
    if not standing.has_status:
        return dim("cannot be revoked")
    if standing.checked_at is None:
        return dim("its issuer not asked yet")
    return dim(f"asked {shown_age(now - standing.checked_at)}")


def shown_age(age: timedelta) -> str:
    """How long ago something was."""
    for unit, word in ((_DAY, "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if age >= unit:
            return f"{plural(age // unit, word)} ago"
    return "just now"


def shown_day(moment: datetime) -> str:
    """A day, in UTC."""
    return f"{moment:%Y-%m-%d}"


def shown_pending(pending: PendingIssuance) -> str:
    """What an issuer was asked for and did not come yet."""
    names = ", ".join(quoted(credential.name) for credential in pending.credentials)
    return f"Not here yet, and not lost: {names} from {pending.issuer_host}."


def shown_retention(retention: timedelta) -> str:
    """How long something is kept."""
    if not retention:
        return "not at all"
    if retention % _DAY:
        return f"for {plural(-(-retention // timedelta(hours=1)), 'hour')}"
    return f"for {plural(retention // _DAY, 'day')}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 fact`, `2 facts`; `many` where it does not end in s alone."""
    return f"{count} {one if count == 1 else many or one + 's'}"
