"""The consent in plain lines, in the order a person decides: who, why, what, what not, what remains.

What the verifier says about itself stands in quotes and is called its own words; what was checked stands
outside of them. Both doors use these lines, so that neither says less than the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from doors.terminal import Styled, bold, dim, good, warning
from protocol.claim_path import ClaimPath
from protocol.openid4vp.request_object import DidClient
from wallet.consent import Consent, ConsentItem, Tick, dotted
from wallet.door.wording import (
    MAX_DID,
    one_line,
    plural,
    quoted,
    shown_day,
    shown_did,
    shown_label,
    shown_retention,
    shown_value,
)
from wallet.facts import ShownClaim
from wallet.label import claim_label, type_label
from wallet.overasking import Hint, HintKind

Line = tuple[str | Styled, ...]

_COLUMN = 14
_LABEL_WIDTH = 23
_MAX_EXACT = 2048


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A line about a credential that answers.

    Attributes:
        fact: The fact it shows; None for a heading or a remark.
        tick: What turns the fact on or off, where that is the person's to decide.
    """

    line: Line
    fact: ShownClaim | None = None
    tick: Tick | None = None


def called(consent: Consent) -> str:
    """The party in a few words: its own name for itself, and where the answer goes."""
    name = f"{quoted(consent.name)}, " if consent.name else ""
    return f"{name}{consent.host}"


def counted(consent: Consent) -> str:
    """How many facts would leave."""
    return plural(consent.facts, "fact")


def consent_lines(consent: Consent) -> Iterator[Line]:
    """The whole consent, without the question."""
    yield from who_lines(consent)
    yield from why_lines(consent)
    for item in consent.items:
        yield ()
        for row in item_rows(consent, item, how="add it"):
            yield row.line
    yield from outlook_lines(consent)
    if consent.items:
        yield ()
        yield count_line(consent)


def who_lines(consent: Consent) -> Iterator[Line]:
    """Who asks, how that was checked, and what the person knows of them."""
    if consent.name is None:
        yield _row("Who asks", "They give no name")
    else:
        yield _row("Who asks", bold(quoted(consent.name)), dim(" (their own words)"))
    client = consent.request.client
    if not isinstance(client, DidClient):
        yield _row("", warning("! "), "Not verified: the request is not signed, anybody can have made it")
    elif client.did.evidence is not None:
        did = shown_did(client.did.did)
        yield _row("", good("✓ "), f"They signed as {did}, which a ledger you trust confirms")
    else:
        if consent.is_trusted:
            yield _row("", good("✓ "), "They signed with the key that you trust")
        else:
            yield _row("", warning("! "), "Not verified: they signed with a key that anybody can have made")
        yield _row("", dim(one_line(client.did.did, max_characters=MAX_DID)))
    yield _row("Answer goes to", bold(consent.host), ", ", *_standing(consent))
    yield _row("Match code", bold(consent.match_code), dim(" (their screen must show the same)"))


def why_lines(consent: Consent) -> Iterator[Line]:
    """What for, and for how long they keep it."""
    if not isinstance(consent.request.client, DidClient):
        yield _row("Why", warning("! "), "Whatever they say of that, an unsigned request cannot promise it")
        return
    if consent.purpose is None:
        yield _row("Why", warning("! "), "They do not say")
    else:
        purpose = quoted(consent.purpose, max_characters=len(consent.purpose))
        yield _row("Why", purpose, dim(" (their own words)"))
    if consent.retention is None:
        yield _row("They keep it", warning("! "), "They do not say for how long")
    else:
        yield _row("They keep it", shown_retention(consent.retention), dim(" (their promise)"))


def item_title(item: ConsentItem) -> Line:
    """Which credential it is that answers."""
    held = item.credential
    label = shown_label(type_label(held.credential_type))
    return (f"your {label} {held.id}", dim(f", issued by {shown_did(held.issuer)}"))


def hint_word(consent: Consent, item: ConsentItem, fact: ShownClaim) -> str | None:
    """What is odd about asking for this fact, in a few words; None if nothing is."""
    hints = {
        hint.kind: hint
        for hint in consent.hints
        if hint.query_id == item.query_id and fact.path in hint.paths
    }
    if HintKind.BIRTH_DATE in hints:
        return f"{_facts(item, hints[HintKind.BIRTH_DATE].instead[:1])} says less"
    if HintKind.UNUSUAL in hints:
        return f"unusual for {hints[HintKind.UNUSUAL].request_kind}"
    if HintKind.RARELY_NEEDED in hints:
        return "rarely needed"
    return "not shown last time" if HintKind.MORE_THAN_BEFORE in hints else None


def doubt_lines(consent: Consent) -> Iterator[Line]:
    """Why one yes is not enough: nobody knows who asks, or they need too much."""
    if not consent.is_verified:
        yield warning("! "), f"Nobody knows who {consent.host} is."
    items = {item.query_id: item for item in consent.items}
    for hint in consent.hints:
        if hint.is_needed:
            yield warning("! "), _doubt(items[hint.query_id], hint)


def outlook_lines(consent: Consent) -> Iterator[Line]:
    """What stays hidden, and whether they will recognize the person."""
    for item in consent.items:
        of = f"{item.credential.id}: " if consent.items[1:] else ""
        hidden = dict.fromkeys(shown_label(fact.label) for fact in item.hidden)
        yield _row("Stays hidden", of, ", ".join(hidden) or "nothing")
        yield _row("Linkable", of, *_linkability(item))
    if consent.request.request.evidence_wanted:
        yield _row("Goes along", "proof that the issuer is genuine, kept by this wallet or asked for now")


def count_line(consent: Consent) -> Line:
    """How many facts will leave."""
    if consent.facts:
        return (bold(f"{counted(consent)} will be sent."),)
    return (bold("No fact about you will be sent, only that you have this credential."),)


def fact_line(mark: str, fact: ShownClaim, *, odd: str | None = None) -> Line:
    """A fact behind its mark, and what is odd about asking for it."""
    # One blank before the last: a value that goes on below must do so in its own column.
    hint = (warning(f" ! {odd}"),) if odd else ()
    return (f"  {mark} {shown_label(fact.label).ljust(_LABEL_WIDTH)}  ", shown_value(fact.value), *hint)


def exact_lines(consent: Consent) -> Iterator[Line]:
    """Who asks and what leaves, in the words of the protocol."""
    request = consent.request.request
    rows = [("client id", consent.party), ("answer to", request.reply_to.response_uri)]
    client = consent.request.client
    if isinstance(client, DidClient) and client.did.evidence is not None:
        rows.append(("ledger", client.did.evidence.origin))
    for item in consent.items:
        rows += [
            ("credential", item.credential.id),
            ("type", item.credential.credential_type),
            ("issuer", item.credential.issuer),
            ("facts", ", ".join(dotted(fact.path) for fact in item.disclosed) or "none"),
        ]
    for name, value in rows:
        yield dim(name.ljust(_COLUMN)), "  ", one_line(value, max_characters=_MAX_EXACT)


def item_rows(consent: Consent, item: ConsentItem, *, how: str) -> Iterator[ItemRow]:
    """What of one credential leaves, and what could; `how` says how an optional fact is turned on."""
    yield ItemRow(_row("They need", "from ", *item_title(item)))
    if not item.needed:
        yield ItemRow(("  no fact, only that you have it",))
    for fact in item.needed:
        yield ItemRow(fact_line("[=]", fact, odd=hint_word(consent, item, fact)), fact)
    if item.optional:
        yield ItemRow(_row("Optional", dim(f"off, unless you {how}")))
    for fact in item.optional:
        mark = "[x]" if fact in item.chosen else "[ ]"
        line = fact_line(mark, fact, odd=hint_word(consent, item, fact))
        yield ItemRow(line, fact, (item.query_id, fact.path))
    tied = [fact for fact in item.chosen if fact not in item.optional]
    if tied:
        yield ItemRow(_row("With it", dim("the issuer lets nobody keep it apart")))
    for fact in tied:
        yield ItemRow(fact_line("[x]", fact), fact)
    for hint in consent.hints:
        if (hint.query_id, hint.kind) == (item.query_id, HintKind.EVERYTHING):
            yield ItemRow((warning("! "), _doubt(item, hint)))


def _standing(consent: Consent) -> Line:
    if consent.known is None or consent.first_time:
        return ("which you never answered before",)
    since = f"known since {shown_day(consent.known.first_seen)}"
    return (good("✓ "), f"on your list, {since}") if consent.is_trusted else (since,)


def _linkability(item: ConsentItem) -> Line:
    if item.linkable:
        has_refill = item.credential.refill is not None
        remedy = f"`tally refill {item.credential.id}` gets new ones" if has_refill else "Ask for a new offer"
        return warning("! "), f"yes: every copy was shown before. {remedy}"
    return (f"no: a copy nobody has seen, {len(item.credential.unused_copies)} left",)


def _doubt(item: ConsentItem, hint: Hint) -> str:
    leaving = {fact.path for fact in item.disclosed}
    facts = _facts(item, [path for path in hint.paths if path in leaving])
    match hint.kind:
        case HintKind.BIRTH_DATE:
            return f"They ask for {facts}, where {_facts(item, hint.instead[:1])} says less."
        case HintKind.EVERYTHING:
            return f"They ask for everything in your {shown_label(type_label(_vct(item)))}."
        case HintKind.MORE_THAN_BEFORE:
            return f"They were not shown this the last time: {facts}."
        case HintKind.UNUSUAL:
            return f"Unusual for {hint.request_kind}: {facts}."
        case HintKind.RARELY_NEEDED:
            return f"Rarely needed by anybody: {facts}."


def _facts(item: ConsentItem, paths: Sequence[ClaimPath]) -> str:
    return ", ".join(dict.fromkeys(shown_label(claim_label(_vct(item), path)) for path in paths))


def _vct(item: ConsentItem) -> str:
    return item.credential.credential_type


def _row(label: str, *parts: str | Styled) -> Line:
    return (bold(label), " " * (_COLUMN + 2 - len(label)), *parts)
