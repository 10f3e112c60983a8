"""The consent: who asks and how that was checked, why, what would leave, what could, and what stays hidden.

The screen keeps the request and the ticks; everything it shows, and what is sent at the end, is computed from
these two, never from the state of a widget.
"""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Button

from doors.screen.dialog import Buttons, Notice
from doors.screen.text import Text
from wallet.consent import Consent
from wallet.door.consent_lines import count_line, exact_lines, outlook_lines, who_lines, why_lines
from wallet.tui.actions import bindings
from wallet.tui.claim_list import ClaimList
from wallet.tui.screens.frame import AnsweringScreen


@dataclass(frozen=True, slots=True)
class Share:
    """The person wants to share what this consent says."""

    consent: Consent


@dataclass(frozen=True, slots=True)
class Decline:
    """The person wants to share nothing."""


@dataclass(frozen=True, slots=True)
class GoAway:
    """The person looked, and neither shares nor declines."""


@dataclass(frozen=True, slots=True)
class UseAnother:
    """The person wants to answer with another credential."""


ConsentAnswer = Share | Decline | GoAway | UseAnother


class ConsentScreen(AnsweringScreen[ConsentAnswer]):
    """Asks a person; nothing leaves before the answer, and closing it is a no."""

    NAME: ClassVar[str] = "Somebody asks"
    AUTO_FOCUS = ""
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Somebody wants to know something about you. Read who it is and why; what stands in quotes are "
        "their own words, which nobody checked.",
        "[=] they need it, or the answer is of no use to them: if you do not want to send it, do not share "
        "at all. [ ] they would like it; it stays here unless you turn it on with space. [x] you did.",
        "Nothing is sent before you have seen one more question. Escape goes away without sending anything.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("consent.share", "consent.decline", "consent.details", "consent.another")
    ]

    def __init__(self, consent: Consent) -> None:
        super().__init__()
        self.consent = consent

    def compose_body(self) -> ComposeResult:
        """In the order a person decides."""
        with VerticalScroll(can_focus=False):
            yield Text(*who_lines(self.consent), *why_lines(self.consent))
            yield ClaimList()
            yield Text(classes="outlook")
        with Vertical(classes="answer"):
            yield Text(classes="count")
            yield Buttons(("decline", "Don't share (d)"), ("share", "Share… (s)"))

    def on_mount(self) -> None:
        """Begin with the facts: there Enter and space do no harm. What stands above them stays in view."""
        self._show()
        self.query_one(ClaimList).focus(scroll_visible=False)

    @on(ClaimList.Toggled)
    def toggle(self, toggled: ClaimList.Toggled) -> None:
        """Turn an optional fact on or off."""
        self.consent = self.consent.with_ticks(self.consent.ticks ^ {toggled.tick})
        self._show()

    @on(Button.Pressed)
    def answer(self, pressed: Button.Pressed) -> None:
        """The buttons do what the keys do."""
        if pressed.button.id == "share":
            self.action_share()
        else:
            self.action_decline()

    def action_share(self) -> None:
        """Go on to the last question."""
        self.dismiss(Share(self.consent))

    def action_decline(self) -> None:
        """Share nothing, and go on to whether they hear of it."""
        self.dismiss(Decline())

    def action_leave(self) -> None:
        """Share nothing, and decline nothing either."""
        self.dismiss(GoAway())

    def action_another(self) -> None:
        """Look for another credential that answers."""
        self.dismiss(UseAnother())

    def action_details(self) -> None:
        """Show who asks, and what exactly, in the words of the protocol."""
        self.app.push_screen(Notice("Exactly", *exact_lines(self.consent)))

    def _show(self) -> None:
        self.query_one(ClaimList).show(self.consent)
        self.query_one(".outlook", Text).show(*outlook_lines(self.consent))
        self.query_one(".count", Text).show(count_line(self.consent))
