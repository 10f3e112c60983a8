"""The door of a wallet that is there: its passphrase."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from doors.terminal import bad, dim
from protocol.errors import TallyError
from storage.passphrase import Passphrase
from wallet.tui.screens.frame import WalletScreen
from wallet.tui.text import Text, content


class UnlockScreen(WalletScreen):
    """Asks for the passphrase until it opens the wallet."""

    NAME: ClassVar[str] = "Unlock"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Type the passphrase of this wallet. Opening it takes about a second, so that nobody can try many.",
        "If you have forgotten it, quit and run `tally passwd --recover` with your 24 words.",
    )

    def compose_body(self) -> ComposeResult:
        """The field."""
        with Vertical(classes="middle"), Vertical(classes="box") as box:
            box.border_title = content("Your wallet is locked")
            yield Text((dim(str(self.wallet_app.session.folder.path)),))
            yield Input(password=True, placeholder="Passphrase")
            yield Text(classes="outcome")
            yield Text((dim("Enter to unlock"),), classes="hint")

    @on(Input.Submitted)
    def try_it(self, event: Input.Submitted) -> None:
        """Try what was typed."""
        if event.value:
            typed, event.input.value = Passphrase(event.value), ""
            self.wallet_app.start(self._unlock(typed))

    async def _unlock(self, typed: Passphrase) -> None:
        app = self.wallet_app
        try:
            await app.work("Opening the wallet …", lambda: app.session.unlock(typed), can_cancel=False)
        except TallyError as error:
            self.query_one(".outcome", Text).show((bad("✗ "), str(error)))
            return
        app.enter()
