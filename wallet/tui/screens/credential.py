"""One credential: what it says, how it stands, whom it was shown to, and what proves it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from wallet.tui.actions import bindings
from wallet.tui.detail import Detail, whole_value
from wallet.tui.flows.copying import copy
from wallet.tui.flows.refilling import refill
from wallet.tui.flows.removing import remove
from wallet.tui.flows.standings import refresh
from wallet.tui.screens.frame import WalletScreen
from wallet.tui.screens.present import PresentScreen


class CredentialScreen(WalletScreen):
    """The credential with the id `credential_id`."""

    NAME: ClassVar[str] = "Credential"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Claims is what the credential says about you: hidden until you press v, so that nobody reads it "
        "over your shoulder. Enter shows a long value whole. Status says how it stands, since when, "
        "and how many copies are left.",
        "Shared with lists who has seen credentials of this type, and which facts, by name. Proof and Raw "
        "are for those who want to know exactly.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(
            "credential.values",
            "credential.copy",
            "credentials.present",
            "credential.next",
            "credential.previous",
            "credentials.refresh",
            "credentials.refill",
            "credentials.remove",
        )
    ]

    def __init__(self, credential_id: str) -> None:
        super().__init__()
        self._credential_id = credential_id

    def compose_body(self) -> ComposeResult:
        """The tabs."""
        yield Detail()

    def on_mount(self) -> None:
        """Begin in the claims."""
        self.call_after_refresh(self.query_one(Detail).take_focus)

    def show_wallet(self) -> None:
        """Show the credential as it is now; go back when it was removed."""
        app = self.wallet_app
        held = next(
            (held for held in app.session.content.credentials if held.id == self._credential_id), None
        )
        if held is None:
            app.go_back()
            return
        self.query_one(Detail).show(
            held,
            app.session.content,
            now=app.session.clock(),
            asked_in_vain=held.id in app.asked_in_vain,
            shows_values=app.shows_values,
        )

    def action_toggle_values(self) -> None:
        """Show or hide what credentials say, here and everywhere."""
        self.wallet_app.shows_values = not self.wallet_app.shows_values
        self.show_wallet()

    def action_copy(self) -> None:
        """Copy the value under the cursor."""
        fact = self.query_one(Detail).current_fact
        if fact is not None:
            self.wallet_app.start(copy(self.wallet_app, whole_value(fact)))

    def action_turn(self, by: int) -> None:
        """Go to another tab."""
        self.query_one(Detail).turn(by)
        self.call_after_refresh(self.query_one(Detail).take_focus)

    def action_present(self) -> None:
        """Answer a request with this credential."""
        self.app.push_screen(PresentScreen(prefer=self._credential_id))

    def action_refill(self) -> None:
        """Get further copies."""
        self.wallet_app.start(refill(self.wallet_app, self._credential_id))

    def action_remove(self) -> None:
        """Take it out of the wallet, if that is meant."""
        self.wallet_app.start(remove(self.wallet_app, self._credential_id))

    def action_refresh_standings(self) -> None:
        """Ask the issuers now."""
        self.wallet_app.start(refresh(self.wallet_app))
