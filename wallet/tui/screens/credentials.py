"""The first screen of an open wallet: what it holds, and how each thing stands."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from doors.terminal import Styled, bold, dim
from wallet.content import HeldCredential
from wallet.door.wording import one_line, shown_did, shown_expiry, shown_standing, standing_rank
from wallet.label import type_label
from wallet.standing import PresentStanding, standing_of
from wallet.tui.actions import bindings
from wallet.tui.flows.removing import remove
from wallet.tui.flows.standings import refresh
from wallet.tui.rows import Column, Row, Rows
from wallet.tui.screens.credential import CredentialScreen
from wallet.tui.screens.frame import WalletScreen

_MAX_LABEL = 60


class CredentialsScreen(WalletScreen):
    """A row for each credential; those that can be used come first."""

    NAME: ClassVar[str] = "Credentials"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Each row is a credential that an issuer gave you. The mark says how it stands: ✓ it can be used, "
        "! look at it, ✗ it cannot be used any more, ? nobody could be asked for more than a week.",
        "Nothing here is sent to anybody. To show something to a verifier, press p and give the link or "
        "the picture you got.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(
            "credentials.add", "credentials.present", "filter", "credentials.refresh", "credentials.remove"
        )
    ]

    def compose_body(self) -> ComposeResult:
        """The list."""
        yield Rows(
            [Column("How it stands", 15), Column("What", 18, 1), Column("From", 20, 2), Column("Until", 16)],
            empty=[
                (bold("No credentials yet."),),
                (),
                ("Press ", bold("a"), " to add one from a link, a file or a picture."),
                (dim("An issuer gives you the link, for example on its web site or by mail."),),
            ],
        )

    def show_wallet(self) -> None:
        """Show the credentials as they stand now."""
        self.query_one(Rows).show(self._rows())
        self.query_one(Rows).focus()

    @on(Rows.Chosen)
    def open_credential(self, chosen: Rows.Chosen) -> None:
        """Look at one of them."""
        self.app.push_screen(CredentialScreen(chosen.row_id))

    def action_remove(self) -> None:
        """Take the credential under the cursor out of the wallet, if that is meant."""
        current = self.query_one(Rows).current
        if current is not None:
            self.wallet_app.start(remove(self.wallet_app, current))

    def action_refresh_standings(self) -> None:
        """Ask the issuers now."""
        self.wallet_app.start(refresh(self.wallet_app))

    def action_filter(self) -> None:
        """Let the person type what to look for."""
        self.query_one(Rows).filter()

    def _rows(self) -> Iterator[Row]:
        session = self.wallet_app.session
        moment = session.clock()
        standings = {held.id: standing_of(held, now=moment) for held in session.content.credentials}

        def order(held: HeldCredential) -> tuple[object, ...]:
            return (
                standing_rank(standings[held.id]),
                type_label(held.credential_type),
                held.received_at,
                held.id,
            )

        for held in sorted(session.content.credentials, key=order):
            yield _row(held, standings[held.id], shown_expiry(standings[held.id], now=moment))


def _row(held: HeldCredential, standing: PresentStanding, ends: Styled) -> Row:
    label = one_line(type_label(held.credential_type), max_characters=_MAX_LABEL)
    return Row(
        held.id,
        (shown_standing(standing), bold(label), shown_did(held.issuer), ends),
        f"{held.id} {held.issuer}",
    )
