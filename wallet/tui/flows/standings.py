"""Asking the issuers how the credentials stand: when the wallet opens, and when somebody wants to know."""

import asyncio
from typing import TYPE_CHECKING

from protocol.errors import TallyError
from wallet.status import refresh_standings

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def watch_standings(app: "WalletApp") -> None:
    """Ask in the background; whoever does not answer shows as not asked, and nobody is bothered.

    Another window that has the wallet does it there.
    """
    if app.session.other_window is not None:
        return
    try:
        app.asked_in_vain = await asyncio.to_thread(_ask, app)
    except TallyError:
        app.asked_in_vain = frozenset(held.id for held in app.session.content.credentials)
    app.refresh_view()


async def refresh(app: "WalletApp") -> None:
    """Ask now, and say how it went."""
    app.asked_in_vain = await app.work("Asking the issuers …", lambda: _ask(app))
    count = len(app.asked_in_vain)
    app.tell(
        f"{count} could not be asked: what was known before stays." if count else "All issuers were asked."
    )
    app.refresh_view()


def _ask(app: "WalletApp") -> frozenset[str]:
    with app.session.opened_outside() as (vault, outside):
        return refresh_standings(vault, outside=outside)
