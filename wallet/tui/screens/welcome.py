"""The first screen of all, where there is no wallet yet."""

from typing import ClassVar

from textual.app import ComposeResult

from doors.terminal import bold
from wallet.tui.screens.frame import WalletScreen
from wallet.tui.text import Text


class WelcomeScreen(WalletScreen):
    """Leads to a new wallet, or to one that is restored."""

    NAME: ClassVar[str] = "Welcome"

    def compose_body(self) -> ComposeResult:
        """The ways in."""
        yield Text((bold("Welcome"),))
