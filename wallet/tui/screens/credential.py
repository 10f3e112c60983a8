"""One credential: what it says, how it stands, whom it was shown to, and what proves it."""

from typing import ClassVar

from textual.app import ComposeResult

from wallet.tui.screens.frame import WalletScreen
from wallet.tui.text import Text


class CredentialScreen(WalletScreen):
    """The credential with the id `credential_id`."""

    NAME: ClassVar[str] = "Credential"

    def __init__(self, credential_id: str) -> None:
        super().__init__()
        self._credential_id = credential_id

    def compose_body(self) -> ComposeResult:
        """The tabs."""
        yield Text((self._credential_id,))
