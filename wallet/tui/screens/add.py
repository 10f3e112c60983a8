"""Getting a credential: the place for an offer."""

from typing import ClassVar

from doors.screen.text import Line
from doors.terminal import bold, dim, warning
from wallet.door.wording import shown_pending
from wallet.tui.flows.adding import add
from wallet.tui.screens.source import SourceScreen


class AddScreen(SourceScreen):
    """Takes an offer; an empty field goes on with what was interrupted."""

    NAME: ClassVar[str] = "Add"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "An issuer gives you a link or a QR code: on its web site, by mail, at a counter. Paste the link, or "
        "give a file that has it, or a picture of the code; a screenshot will do.",
        "Anybody can make an offer, in anybody's name. You see the issuer's host before anything is sent to "
        "it: go on only if you expect something from there. What comes is checked before it is kept.",
    )

    def introduction(self) -> list[Line]:
        """What to paste."""
        return [
            (bold("Get a credential"),),
            ("Paste the link that an issuer gave you, or the path of a file or picture.",),
            (dim("It looks like openid-credential-offer://…"),),
        ]

    def remarks(self) -> list[Line]:
        """What is still to come, and what happens next."""
        pending: list[Line] = [
            (warning("! "), shown_pending(each)) for each in self.wallet_app.session.content.pending
        ]
        if pending:
            pending.append(("Press Enter with nothing in the field to go on with it.",))
        return [
            *pending,
            (dim("Nothing is sent to the issuer before you have seen who it is and said yes."),),
        ]

    def go_on(self, source: str) -> None:
        """Look at the offer."""
        self.wallet_app.start(add(self.wallet_app, source))
