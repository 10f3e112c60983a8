"""Going on with a link: an offer or a request."""

from typing import TYPE_CHECKING

from wallet.door.link import LinkKind, kind_of_link
from wallet.tui.flows.adding import take_offer
from wallet.tui.flows.presenting import present

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def follow_link(app: "WalletApp", link: str) -> None:
    """Do what the link is for."""
    if kind_of_link(link) is LinkKind.REQUEST:
        await present(app, link)
    else:
        await take_offer(app, link)
