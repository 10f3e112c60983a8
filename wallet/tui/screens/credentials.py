"""The first screen of an open wallet: what it holds, and how each thing stands."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from doors.screen.rows import Column, Row, Rows
from doors.screen.text import Text
from doors.terminal import Styled, bad, bold, dim, warning
from wallet.copies import FEW_COPIES
from wallet.door.wording import shown_did, shown_expiry, shown_label, standing_rank
from wallet.held import HeldCredential
from wallet.label import type_label
from wallet.parties import blocked_issuers
from wallet.standing import PresentStanding, PresentWord, standing_of
from wallet.tui.actions import bindings
from wallet.tui.banners import banners
from wallet.tui.credential_lines import standing_mark
from wallet.tui.detail import Detail
from wallet.tui.flows.refilling import refill
from wallet.tui.flows.removing import remove
from wallet.tui.flows.standings import refresh
from wallet.tui.screens.add import AddScreen
from wallet.tui.screens.credential import CredentialScreen
from wallet.tui.screens.frame import WalletScreen
from wallet.tui.screens.present import PresentScreen

_MAX_LABEL = 60
_WIDE = 110
_ABOUT_SOME = {"filter", "sort", "refresh_standings", "remove", "refill", "toggle_values", "turn"}
_OVER = (PresentWord.EXPIRED, PresentWord.REVOKED)

_Sortable = tuple[HeldCredential, PresentStanding]
_ORDERS: Mapping[str, Callable[[_Sortable], object]] = {
    "how they stand": lambda each: standing_rank(each[1]),
    "what they are": lambda each: type_label(each[0].credential_type).lower(),
    "whom they are from": lambda each: shown_did(each[0].issuer).lower(),
    "when they end": lambda each: _end(each[1]),
}
"""What the rows can be sorted by; what is over comes last in each."""


class CredentialsScreen(WalletScreen):
    """A row for each credential; those that can be used come first."""

    NAME: ClassVar[str] = "Credentials"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Each row is a credential that an issuer gave you. The mark says how it stands: ✓ it can be used, "
        "! look at it, ✗ it cannot be used any more, ? nobody could be asked: as of the day that is shown, "
        "or for more than a week. What is over stays, at the end of the list.",
        "Nothing here is sent to anybody. To show something to a verifier, press p and give the link or "
        "the picture you got.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(
            "credentials.add",
            "credentials.present",
            "filter",
            "credentials.sort",
            "credentials.refresh",
            "credentials.remove",
            "credentials.refill",
            "credential.values",
            "credential.next",
            "credential.previous",
        )
    ]

    def __init__(self) -> None:
        super().__init__()
        self._order = next(iter(_ORDERS))

    def compose_body(self) -> ComposeResult:
        """What should be known first; the list; where there is room, the credential under the cursor."""
        yield Text(classes="banners")
        with Horizontal():
            yield Rows(
                [
                    Column("How it stands", 15),
                    Column("What", 16, 2),
                    Column("From", 16, 3),
                    Column("How long", 17),
                    Column("Left", 4),
                ],
                empty=[
                    (bold("No credentials yet."),),
                    (),
                    ("Press ", bold("a"), " to add one from a link, a file or a picture."),
                    (dim("An issuer gives you the link, for example on its web site or by mail."),),
                ],
                id="credentials",
            )
            yield Detail()

    def show_wallet(self) -> None:
        """Show the credentials as they stand now."""
        session = self.wallet_app.session
        moment = session.clock()
        standings = {held.id: standing_of(held, now=moment) for held in session.content.credentials}
        rows = self.query_one("#credentials", Rows)
        self._show_banners(standings, now=moment)
        rows.show(self._rows(standings, now=moment))
        rows.focus()
        self._show_detail(rows.current)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is about the credential beside the list works only where it is shown, and what is about any of
        them only where there is one.
        """
        if action in ("toggle_values", "turn") and not self._is_wide:
            return False
        session = self.wallet_app.session
        if action in _ABOUT_SOME and session.is_open and not session.content.credentials:
            return False
        return super().check_action(action, parameters)

    @on(Rows.Highlighted)
    def follow_cursor(self, highlighted: Rows.Highlighted) -> None:
        """Show the credential under the cursor beside the list."""
        self._show_detail(highlighted.row_id)

    @on(Rows.Chosen)
    def open_credential(self, chosen: Rows.Chosen) -> None:
        """Look at one of them."""
        self.app.push_screen(CredentialScreen(chosen.row_id))

    def on_resize(self) -> None:
        """Show the credential under the cursor where there is room for it."""
        self.set_class(self._is_wide, "wide")
        self.refresh_bindings()
        self._show_detail(self.query_one("#credentials", Rows).current)

    def action_add(self) -> None:
        """Get another one."""
        self.app.push_screen(AddScreen())

    def action_present(self) -> None:
        """Answer a request with whatever answers it."""
        self.app.push_screen(PresentScreen())

    def action_refill(self) -> None:
        """Get further copies of the credential under the cursor."""
        current = self.query_one("#credentials", Rows).current
        if current is not None:
            self.wallet_app.start(refill(self.wallet_app, current))

    def action_remove(self) -> None:
        """Take the credential under the cursor out of the wallet, if that is meant."""
        current = self.query_one("#credentials", Rows).current
        if current is not None:
            self.wallet_app.start(remove(self.wallet_app, current))

    def action_refresh_standings(self) -> None:
        """Ask the issuers now."""
        self.wallet_app.start(refresh(self.wallet_app))

    def action_filter(self) -> None:
        """Let the person type what to look for."""
        self.query_one("#credentials", Rows).filter()

    def action_sort(self) -> None:
        """Sort by the next thing."""
        orders = list(_ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self.show_wallet()

    def action_toggle_values(self) -> None:
        """Show or hide what credentials say, here and everywhere."""
        self.wallet_app.shows_values = not self.wallet_app.shows_values
        self._show_detail(self.query_one("#credentials", Rows).current)

    def action_turn(self, by: int) -> None:
        """Go to another tab of the credential beside the list."""
        self.query_one(Detail).turn(by)

    @property
    def _is_wide(self) -> bool:
        return self.size.width >= _WIDE

    def _show_banners(self, standings: Mapping[str, PresentStanding], *, now: datetime) -> None:
        app = self.wallet_app
        lines = list(
            banners(
                app.session.content,
                standings,
                now=now,
                bad_news=app.bad_news,
                asked_in_vain=app.asked_in_vain,
            )
        )
        if self._order != next(iter(_ORDERS)):
            lines.append((dim(f"Sorted by {self._order}."),))
        self.query_one(".banners", Text).show(*lines)
        self.query_one(".banners").display = bool(lines)

    def _show_detail(self, credential_id: str | None) -> None:
        app = self.wallet_app
        if not self._is_wide or not app.session.is_open:
            return
        held = next((held for held in app.session.content.credentials if held.id == credential_id), None)
        self.query_one(Detail).show(
            held,
            app.session.content,
            now=app.session.clock(),
            asked_in_vain=credential_id in app.asked_in_vain,
            shows_values=app.shows_values,
        )

    def _rows(self, standings: Mapping[str, PresentStanding], *, now: datetime) -> Iterator[Row]:
        app, order = self.wallet_app, _ORDERS[self._order]
        pairs = [(held, standings[held.id]) for held in app.session.content.credentials]

        def place(each: _Sortable) -> tuple[object, ...]:
            held, standing = each
            is_over = standing.word in _OVER
            rank = standing_rank(standing) if is_over else 0
            return rank, order(each), type_label(held.credential_type), held.received_at, held.id

        blocked = blocked_issuers(app.session.content)
        for held, standing in sorted(pairs, key=place):
            mark = standing_mark(standing, asked_in_vain=held.id in app.asked_in_vain)
            if held.issuer in blocked and standing.word not in _OVER:
                mark = bad("✗ you blocked")
            yield _row(held, standing, mark, now=now)


def _row(held: HeldCredential, standing: PresentStanding, mark: Styled, *, now: datetime) -> Row:
    label = shown_label(type_label(held.credential_type), max_characters=_MAX_LABEL)
    left = len(held.unused_copies)
    return Row(
        held.id,
        (
            mark,
            bold(label),
            shown_did(held.issuer),
            shown_expiry(standing, now=now),
            warning(f"! {left}") if left <= FEW_COPIES else "",
        ),
        f"{held.id} {held.issuer}",
    )


def _end(standing: PresentStanding) -> float:
    return float("inf") if standing.expires_at is None else standing.expires_at.timestamp()
