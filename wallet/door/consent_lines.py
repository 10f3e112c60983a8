"""The consent screen in plain lines, in the order a person decides: who, why, what, what not, what remains.

What the verifier says about itself stands in quotes and is called its own words; what was checked stands
outside of them.
"""

from collections.abc import Iterator

from doors.terminal import Styled, bold, dim, good, warning
from protocol.openid4vp.request_object import DidClient
from wallet.consent import Consent, ConsentItem
from wallet.door.wording import (
    one_line,
    plural,
    quoted,
    shown_did,
    shown_label,
    shown_retention,
    shown_value,
)
from wallet.facts import ShownClaim
from wallet.label import type_label

Line = tuple[str | Styled, ...]

_LABEL_WIDTH = 23


def called(consent: Consent) -> str:
    """The party in a few words: its own name for itself, and where the answer goes."""
    name = f"{quoted(consent.name)}, " if consent.name else ""
    return f"{name}{consent.host}"


def counted(consent: Consent) -> str:
    """How many facts would leave."""
    return plural(consent.facts, "fact")


def consent_lines(consent: Consent) -> Iterator[Line]:
    """The lines of the screen, without the question."""
    yield from _who(consent)
    yield from _why(consent)
    for item in consent.items:
        yield ()
        yield from _what(item)
    if consent.items:
        yield ()
        yield from _outlook(consent)


def _who(consent: Consent) -> Iterator[Line]:
    client = consent.request.client
    yield (bold("Who asks"),)
    if consent.name is None:
        yield ("  They give no name",)
    else:
        yield "  They call themselves ", bold(quoted(consent.name)), dim(" (their own words)")
    if consent.is_verified and isinstance(client, DidClient):
        yield (
            "  ",
            good("✓ "),
            f"They signed as {shown_did(client.did.did)}, which a ledger you trust confirms",
        )
        yield (dim(f"    {client.did.did}"),)
    elif isinstance(client, DidClient):
        yield "  ", warning("! "), "Not verified: they signed with a key that says nothing about who has it"
        yield (dim(f"    {one_line(client.did.did, max_characters=200)}"),)
    else:
        yield "  ", warning("! "), "Not verified: the request is not signed, anybody can have made it"
    yield "  Your answer goes to ", bold(consent.host)
    if consent.first_time:
        yield ("  You have not shown them anything before",)


def _why(consent: Consent) -> Iterator[Line]:
    if consent.purpose is None:
        yield bold("Why"), "  ", warning("! "), "They do not say"
    else:
        yield bold("Why"), dim(" (their own words)")
        yield "    ", quoted(consent.purpose, max_characters=len(consent.purpose))
    if consent.retention is None:
        yield bold("They keep it"), "  ", warning("! "), "They do not say for how long"
    else:
        yield bold("They keep it"), f"  {shown_retention(consent.retention)}", dim(" (their promise)")


def _what(item: ConsentItem) -> Iterator[Line]:
    held = item.credential
    yield (
        bold("They need"),
        f"  from your {shown_label(type_label(held.credential_type))} {held.id}",
    )
    yield (dim(f"    issued by {shown_did(held.issuer)}"),)
    if not item.needed:
        yield ("  no fact, only that you have it",)
    for fact in item.needed:
        yield _fact("[=]", fact)
    if item.optional:
        yield bold("Optional"), dim(" (off, unless you add it with --claim)")
    for fact in item.optional:
        yield _fact("[x]" if fact in item.chosen else "[ ]", fact)
    tied = [fact for fact in item.chosen if fact not in item.optional]
    if tied:
        yield bold("With it"), dim(" (the issuer lets nobody keep it apart)")
    for fact in tied:
        yield _fact("[x]", fact)
    yield (bold("Stays hidden"),)
    hidden = dict.fromkeys(shown_label(fact.label) for fact in item.hidden)
    yield "    ", ", ".join(hidden) or "nothing"
    yield bold("They can link this to an earlier visit"), "  ", *_linkability(item)


def _fact(mark: str, fact: ShownClaim) -> Line:
    return (f"  {mark} {shown_label(fact.label).ljust(_LABEL_WIDTH)}  ", shown_value(fact.value))


def _linkability(item: ConsentItem) -> Line:
    if item.linkable:
        return warning("! "), "yes: every copy was shown before. Get new ones from the issuer"
    return (f"no: a copy nobody has seen, {len(item.credential.unused_copies)} left",)


def _outlook(consent: Consent) -> Iterator[Line]:
    if consent.facts:
        yield (bold(f"{counted(consent)} will be sent."),)
    else:
        yield (bold("No fact about you will be sent, only that you have this credential."),)
