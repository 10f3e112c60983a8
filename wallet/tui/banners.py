"""What a person should know about their credentials before anything else, a line each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from doors.screen.text import Line
from doors.terminal import bad, bold, warning
from wallet.content import WalletContent
from wallet.copies import needs_refill
from wallet.door.wording import ends_soon, plural, shown_day, shown_label, shown_pending
from wallet.held import HeldCredential, StandingWord
from wallet.label import type_label
from wallet.standing import PresentStanding

_MAX_NAMED = 2


def banners(
    content: WalletContent,
    standings: Mapping[str, PresentStanding],
    *,
    now: datetime,
    bad_news: Collection[str],
    asked_in_vain: Collection[str],
) -> Iterator[Line]:
    """What did not come yet, what was withdrawn since the wallet was opened, what ends soon or runs out of
    copies, and what nobody could be asked about. `standings` and the rest go by the ids of credentials.
    """
    for pending in content.pending:
        yield warning("! "), shown_pending(pending), " Press ", bold("a"), " and Enter to go on."
    withdrawn = [held for held in content.credentials if held.id in bad_news]
    for word in (StandingWord.REVOKED, StandingWord.SUSPENDED):
        fallen = [held for held in withdrawn if held.standing is not None and held.standing.word is word]
        if fallen:
            yield (
                bad("✗ "),
                f"{_named(fallen)} {_was(fallen)} {word.value}: nobody accepts {_it(fallen)} now.",
            )
    ending = [held for held in content.credentials if ends_soon(standings[held.id], now=now)]
    if ending:
        yield warning("! "), f"{_named(ending)} {_ends(ending)} within 30 days: ask for a new one."
    scarce = [held for held in content.credentials if needs_refill(held, now=now)]
    if scarce:
        yield warning("! "), f"{_named(scarce)}: few copies left. Press ", bold("f"), " on it for new ones."
    unasked = [held for held in content.credentials if held.id in asked_in_vain]
    if unasked:
        yield warning("? "), f"Nobody could be asked about {_named(unasked)} {_since(unasked)}."


def news(before: WalletContent, after: WalletContent) -> frozenset[str]:
    """The ids of the credentials that were revoked or suspended between the two."""
    words = {held.id: held.standing and held.standing.word for held in before.credentials}
    return frozenset(
        held.id
        for held in after.credentials
        if held.standing is not None
        and held.standing.word in (StandingWord.REVOKED, StandingWord.SUSPENDED)
        and held.id in words
        and words[held.id] is not held.standing.word
    )


def _named(credentials: Sequence[HeldCredential]) -> str:
    if len(credentials) > _MAX_NAMED:
        return plural(len(credentials), "credential")
    return " and ".join(shown_label(type_label(held.credential_type)) for held in credentials)


def _was(credentials: Sequence[HeldCredential]) -> str:
    return "was" if len(credentials) == 1 else "were"


def _ends(credentials: Sequence[HeldCredential]) -> str:
    return "ends" if len(credentials) == 1 else "end"


def _it(credentials: Sequence[HeldCredential]) -> str:
    return "it" if len(credentials) == 1 else "them"


def _since(credentials: Sequence[HeldCredential]) -> str:
    known = [held.standing.checked_at for held in credentials if held.standing is not None]
    return f"since {shown_day(min(known))}" if known else "yet"
