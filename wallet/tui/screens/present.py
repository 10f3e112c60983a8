"""Answering a request: where it comes from, and whom the wallet answered lately."""

from typing import ClassVar

from doors.screen.text import Line
from doors.terminal import bold, dim
from wallet.door.wording import plural, quoted, shown_age
from wallet.known_party import PartyRole
from wallet.tui.flows.presenting import present_from
from wallet.tui.screens.source import SourceScreen

_MAX_RECENT = 5


class PresentScreen(SourceScreen):
    """Takes a request; `prefer` is the id of a credential to answer with where several could."""

    NAME: ClassVar[str] = "Present"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "A verifier shows you a link or a QR code: on its web site, at a counter. Paste the link, or give a "
        "file that has it, or a picture of the code; a screenshot will do.",
        "You will see who asks, why, and for what, before anything is sent. Go on only if you yourself began "
        "this with them: anybody can pass on somebody else's code.",
    )

    def __init__(self, prefer: str | None = None) -> None:
        super().__init__()
        self._prefer = prefer

    def introduction(self) -> list[Line]:
        """What the link is for."""
        return [
            (bold("Answer somebody who asks you for facts."),),
            (),
            ("Paste the link they gave you, or the path of a file or of a picture of their QR code.",),
        ]

    def remarks(self) -> list[Line]:
        """Whom the wallet answered lately."""
        session = self.wallet_app.session
        answered = [
            party
            for party in session.content.parties
            if party.role is PartyRole.VERIFIER and party.presentations
        ]
        answered.sort(key=lambda party: party.last_seen, reverse=True)
        lines: list[Line] = [(dim("Lately answered:"),)] if answered else []
        for party in answered[:_MAX_RECENT]:
            name = f"{quoted(party.name)}, " if party.name else ""
            seen = shown_age(session.clock() - party.last_seen)
            times = plural(party.presentations, "time")
            lines.append((f"  {name}{', '.join(party.hosts)}", dim(f"  {seen}, {times}")))
        return lines

    def go_on(self, source: str) -> None:
        """Find out who asks."""
        self.wallet_app.start(present_from(self.wallet_app, source, prefer=self._prefer))
