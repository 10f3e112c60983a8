"""Asking the issuers how the credentials stand: when the wallet opens, and when somebody wants to know."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from protocol.errors import TallyError
from wallet.content import WalletContent
from wallet.door.wording import shown_label
from wallet.label import type_label
from wallet.status import ask_standings, keep_standings
from wallet.tui.banners import news

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def watch_standings(app: "WalletApp") -> None:
    """Ask in the background; whoever does not answer shows as not asked, and nobody is bothered."""
    before = app.session.content
    try:
        app.asked_in_vain = await asyncio.to_thread(_ask, app, before)
    except TallyError:
        app.asked_in_vain = frozenset(held.id for held in before.credentials)
    _tell_news(app, news(before, app.session.content))
    app.refresh_view()


async def refresh(app: "WalletApp") -> None:
    """Ask now, and say how it went."""
    before = app.session.content
    app.asked_in_vain = await app.work("Asking the issuers …", partial(_ask, app, before))
    _tell_news(app, news(before, app.session.content))
    count = len(app.asked_in_vain)
    app.tell(
        f"{count} could not be asked: what was known before stays." if count else "All issuers were asked."
    )
    app.refresh_view()


def _ask(app: "WalletApp", content: WalletContent) -> frozenset[str]:
    # The wallet is free for whatever its owner wants to do meanwhile: issuers may take their time.
    with app.session.outside() as outside:
        asked = ask_standings(content.credentials, outside=outside)
    with app.session.opened() as vault:
        keep_standings(vault, asked)
    return asked.in_vain


def _tell_news(app: "WalletApp", fallen: frozenset[str]) -> None:
    """Say once what was withdrawn; the list goes on saying it."""
    app.bad_news |= fallen
    for held in app.session.content.credentials:
        if held.id in fallen and held.standing is not None:
            app.tell(f"{shown_label(type_label(held.credential_type))} was {held.standing.word.value}.")
