"""What is to be known of one credential, in tabs: beside the list where there is room, else on a screen."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import TabbedContent, TabPane

from doors.screen.dialog import Notice
from doors.screen.rows import Column, Row, Rows
from doors.screen.text import Line, Text, content
from doors.terminal import bad, bold, dim
from wallet.content import WalletContent
from wallet.door.wording import shown_did, shown_label, shown_value
from wallet.facts import ShownClaim, held_facts
from wallet.held import HeldCredential
from wallet.label import type_label
from wallet.parties import blocked_issuers
from wallet.standing import standing_of
from wallet.tui.credential_lines import (
    HIDDEN,
    proof_lines,
    raw_lines,
    shared_lines,
    standing_mark,
    status_lines,
)

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_TABS = {"claims": "Claims", "status": "Status", "shared": "Shared with", "proof": "Proof", "raw": "Raw"}
_MAX_LABEL = 60
_MAX_VALUE = 20_000


class Detail(Vertical):
    """One credential; nothing of none."""

    def __init__(self) -> None:
        super().__init__()
        self._held: HeldCredential | None = None
        self._content: WalletContent | None = None
        self._now: datetime | None = None
        self._asked_in_vain = self._shows_values = False
        self._facts: tuple[ShownClaim, ...] = ()

    def compose(self) -> ComposeResult:
        """Its name, and the tabs."""
        yield Text(classes="name")
        with TabbedContent(initial="claims"):
            with TabPane(content(_TABS["claims"]), id="claims"):
                yield Rows(
                    [Column("What it says", 18), Column("", 20, 1)],
                    empty=[("It says nothing but that you have it.",)],
                )
            for tab in ("status", "shared", "proof", "raw"):
                with TabPane(content(_TABS[tab]), id=tab), VerticalScroll():
                    yield Text(classes="about", sign="… " if tab == "raw" else "")

    def show(
        self,
        held: HeldCredential | None,
        held_in: WalletContent,
        *,
        now: datetime,
        asked_in_vain: bool,
        shows_values: bool,
    ) -> None:
        """Show `held` as it is `now`; `asked_in_vain` says that its issuer could not be asked just now."""
        self._held, self._content, self._now = held, held_in, now
        self._asked_in_vain, self._shows_values = asked_in_vain, shows_values
        self.set_class(held is None, "nothing")
        if held is not None:
            self._facts = held_facts(held)
            label = shown_label(type_label(held.credential_type), max_characters=_MAX_LABEL)
            mark = standing_mark(standing_of(held, now=now), asked_in_vain=asked_in_vain)
            blocked = [bad("  ✗ you blocked its issuer")] * (held.issuer in blocked_issuers(held_in))
            self.query_one(".name", Text).show(
                (bold(label), f" from {shown_did(held.issuer)}"), (mark, dim(f"  {held.id}"), *blocked)
            )
            self._fill()

    def turn(self, by: int) -> None:
        """Go to another tab, `by` so many to the right."""
        tabs, names = self.query_one(TabbedContent), list(_TABS)
        tabs.active = names[(names.index(tabs.active) + by) % len(names)]

    def take_focus(self) -> None:
        """Put the cursor where it can be moved in the tab in front."""
        tab = self.query_one(TabbedContent).active
        target = Rows if tab == "claims" else VerticalScroll
        self.query_one(f"#{tab}").query_one(target).focus()

    @property
    def current_fact(self) -> ShownClaim | None:
        """The fact under the cursor; None where there is none or another tab is in front."""
        current = self.query_one(Rows).current
        is_in_front = self.query_one(TabbedContent).active == "claims"
        return self._facts[int(current)] if is_in_front and current is not None else None

    @on(TabbedContent.TabActivated)
    def fill_tab(self, activated: TabbedContent.TabActivated) -> None:
        """Fill the tab that came to the front."""
        activated.stop()
        self._fill()

    @on(Rows.Chosen)
    def open_value(self, chosen: Rows.Chosen) -> None:
        """Show the whole of a value, or how it is shown at all."""
        chosen.stop()
        if not self._shows_values:
            cast("WalletApp", self.app).tell("Press v to show what it says.")
        else:
            fact = self._facts[int(chosen.row_id)]
            self.app.push_screen(Notice(shown_label(fact.label), *_lines_of(fact)))

    @on(Rows.Highlighted)
    def keep_to_itself(self, highlighted: Rows.Highlighted) -> None:
        """The cursor in here is of no concern to the list outside."""
        highlighted.stop()

    def _fill(self) -> None:
        if self._held is None:
            return
        tab = self.query_one(TabbedContent).active
        if tab == "claims":
            self.query_one(Rows).show(self._rows())
        elif tab:
            self.query_one(f"#{tab} .about", Text).show(*self._lines(tab, self._held))

    def _rows(self) -> Iterator[Row]:
        for number, fact in enumerate(self._facts):
            value = shown_value(fact.value) if self._shows_values else HIDDEN
            yield Row(str(number), (dim(shown_label(fact.label)), value))

    def _lines(self, tab: str, held: HeldCredential) -> Iterable[Line]:
        assert self._content is not None, "a credential is held in something"
        assert self._now is not None, "and looked at some time"
        match tab:
            case "status":
                return status_lines(held, now=self._now, asked_in_vain=self._asked_in_vain)
            case "shared":
                return shared_lines(held, self._content)
            case "proof":
                return proof_lines(held, self._content)
            case _:
                return raw_lines(held, shows_values=self._shows_values)


def _lines_of(fact: ShownClaim) -> list[Line]:
    # Further in than any line of ours begins, so that none can look like one.
    return [("  ", line) for line in whole_value(fact)[:_MAX_VALUE].splitlines()]


def whole_value(fact: ShownClaim) -> str:
    """A value as text, uncut."""
    if isinstance(fact.value, str):
        return fact.value
    return json.dumps(fact.value, ensure_ascii=False, indent=2)
