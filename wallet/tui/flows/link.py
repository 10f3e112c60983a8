"""Going on with a link: an offer or a request."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def follow_link(app: "WalletApp", link: str) -> None:
    """Do what the link is for."""
    del app, link
