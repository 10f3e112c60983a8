"""An offer in plain lines: who makes it, what it calls itself and its credentials, and whether it is known.

Only the host was checked. What stands in quotes are the issuer's own words.
"""

from collections.abc import Iterator

from doors.terminal import Styled, bad, bold, dim, good, warning
from protocol.openid4vci.offer import InputMode, TransactionCode
from wallet.content import WalletContent
from wallet.door.wording import one_line, plural, quoted, shown_day
from wallet.known_party import KnownParty, PartyMark, PartyRole, host_of
from wallet.label import type_name
from wallet.offer import OpenedOffer

Line = tuple[str | Styled, ...]

_MAX_TYPE = 200
_MAX_DESCRIPTION = 300


def offer_lines(offer: OpenedOffer, known: KnownParty | None) -> Iterator[Line]:
    """Who offers what; `known` is the issuer as `issuer_at` finds it."""
    yield bold(offer.issuer_host), " offers you:"
    for credential in offer.credentials:
        vct = one_line(type_name(credential.vct), max_characters=_MAX_TYPE)
        yield f"  {quoted(credential.name)} ", dim(f"({vct})")
    if offer.issuer_name is not None:
        yield (f"It calls itself {quoted(offer.issuer_name)}.",)
    yield _acquaintance(known)


def issuer_at(content: WalletContent, offer: OpenedOffer) -> KnownParty | None:
    """The issuer that credentials were fetched from at the host of `offer`; None if there was none."""
    host = host_of(offer.issuer_url)
    parties = (party for party in content.parties if party.role is PartyRole.ISSUER)
    return next((party for party in parties if host in party.hosts), None)


def code_form(code: TransactionCode) -> str:
    """What a transaction code is made of: `6 digits`."""
    kind = "digit" if code.input_mode is InputMode.NUMERIC else "character"
    return f"{kind}s" if code.length is None else plural(code.length, kind)


def code_description(code: TransactionCode) -> str | None:
    """What the issuer says about its code."""
    if code.description is None:
        return None
    return f"The issuer says about the code: {quoted(code.description, max_characters=_MAX_DESCRIPTION)}"


def _acquaintance(known: KnownParty | None) -> Line:
    if known is None:
        return warning("! "), "You never had anything from this host."
    had = f"{plural(known.credentials, 'credential')} from it, the last on {shown_day(known.last_seen)}."
    if known.mark is PartyMark.BLOCKED:
        return bad("✗ "), "You blocked it, so nothing is taken from it."
    if known.mark is PartyMark.TRUSTED:
        return good("✓ "), f"You trust it, and have had {had}"
    return (f"You have had {had}",)
