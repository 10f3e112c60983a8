"""People and places: issuers and verifiers that were met, and what the owner says of them."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from doors.screen.dialog import Notice
from doors.screen.rows import Column, Row, Rows
from doors.screen.text import Line
from doors.terminal import Styled, bad, bold, dim, good
from protocol.encoding.time import encode_utc
from wallet.door.wording import one_line, plural, quoted, shown_age
from wallet.known_party import KnownParty, PartyMark, PartyRole
from wallet.tui.actions import bindings
from wallet.tui.flows.parties import PartyFlow, block, called, forget, trust, unmark
from wallet.tui.screens.frame import WalletScreen

_MARKS: Mapping[PartyMark, Styled] = {
    PartyMark.TRUSTED: good("✓ trusted"),
    PartyMark.SEEN: dim("· seen"),
    PartyMark.BLOCKED: bad("✗ blocked"),
}
_ROLES: Mapping[PartyRole, str] = {PartyRole.ISSUER: "issuer", PartyRole.VERIFIER: "asks"}


class PartiesScreen(WalletScreen):
    """A row for each party, the one met last first."""

    NAME: ClassVar[str] = "People & places"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Everybody who gave you a credential or whom you showed something. A host stands for one identity: "
        "if somebody else comes from it, everything stops until you forget the old one here.",
        "t: you know who this is. b: have nothing more to do with them. u: neither. x: forget them, and what "
        "they are recognized by; your history stays.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("parties.trust", "parties.block", "parties.unmark", "parties.forget", "filter")
    ]

    def compose_body(self) -> ComposeResult:
        """The list."""
        yield Rows(
            [
                Column("Mark", 10),
                Column("Role", 7),
                Column("Who", 32, 1),
                Column("Last seen", 14),
                Column("Met", 4),
            ],
            empty=[(bold("Nobody yet."),), (), ("Whoever you deal with will be listed here.",)],
        )

    def show_wallet(self) -> None:
        """Show whom the wallet knows now."""
        self.query_one(Rows).show(self._rows())
        self.query_one(Rows).focus()

    def action_filter(self) -> None:
        """Let the person type what to look for."""
        self.query_one(Rows).filter()

    @on(Rows.Chosen)
    def look(self, chosen: Rows.Chosen) -> None:
        """Say all that is known of one of them."""
        party = self._party(chosen.row_id)
        if party is not None:
            self.app.push_screen(Notice("What is known of them", *_details(party)))

    def action_trust(self) -> None:
        """Put them on the list."""
        self._start(trust)

    def action_block(self) -> None:
        """Have nothing more to do with them."""
        self._start(block)

    def action_unmark(self) -> None:
        """Say nothing of them any more."""
        self._start(unmark)

    def action_forget(self) -> None:
        """Forget them."""
        self._start(forget)

    def _start(self, flow: PartyFlow) -> None:
        party = self._party(self.query_one(Rows).current)
        if party is not None:
            self.wallet_app.start(flow(self.wallet_app, party))

    def _party(self, identity: str | None) -> KnownParty | None:
        parties = self.wallet_app.session.content.parties
        # A command may have forgotten them meanwhile.
        return next((party for party in parties if party.identity == identity), None)

    def _rows(self) -> Iterator[Row]:
        session = self.wallet_app.session
        moment, parties = session.clock(), session.content.parties
        for party in sorted(parties, key=lambda party: party.last_seen, reverse=True):
            count = party.credentials if party.role is PartyRole.ISSUER else party.presentations
            seen = shown_age(moment - party.last_seen)
            cells = (_MARKS[party.mark], _ROLES[party.role], called(party), seen, f"{count}x")
            yield Row(party.identity, cells, party.client_id)


def _details(party: KnownParty) -> list[Line]:
    given = plural(party.credentials, "credential") if party.role is PartyRole.ISSUER else ""
    shown = f"answered {plural(party.presentations, 'time')}" if party.role is PartyRole.VERIFIER else ""
    return [
        (_MARKS[party.mark],),
        ("They call themselves ", bold(quoted(party.name)), dim(" (their own words)"))
        if party.name
        else ("They do not say what they are called.",),
        ("At ", bold(", ".join(party.hosts) or "no host we know")),
        (one_line(party.client_id, max_characters=400),),
        (f"First seen {encode_utc(party.first_seen)}, last {encode_utc(party.last_seen)}",),
        (given or shown,),
    ]
