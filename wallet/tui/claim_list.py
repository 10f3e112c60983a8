"""The facts of a consent, each behind a mark that can be read without colour: [=] needed, [ ] off, [x] on.

Textual's own check boxes draw the same sign for on and off. This list keeps no state of its own: it shows a
consent, says which fact somebody wants to turn on or off, and is shown the consent that follows from it.
"""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from doors.terminal import Styled, bold, dim
from wallet.consent import Consent, Tick
from wallet.door.consent_lines import fact_line, hint_word, item_title
from wallet.tui.text import Folded, Line


class ClaimList(OptionList):
    """The facts that would leave and those that could."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Turn on or off", show=True),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    class Toggled(Message):
        """Somebody wants an optional fact turned on or off."""

        def __init__(self, tick: Tick) -> None:
            super().__init__()
            self.tick = tick

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._ticks: dict[str, Tick] = {}

    def show(self, consent: Consent) -> None:
        """Show this consent; the cursor stays where it is."""
        place = self.highlighted
        self._ticks = {}
        self.clear_options()
        self.add_options(self._lines_of(consent))
        self.highlighted = place

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Say what was meant, where it is the person's to decide."""
        event.stop()
        tick = self._ticks.get(event.option_id or "")
        if tick is not None:
            self.post_message(self.Toggled(tick))

    def _lines_of(self, consent: Consent) -> Iterator[Option]:
        for item in consent.items:
            yield _heading(bold("They need".ljust(14)), "  from ", *item_title(item))
            if not item.needed:
                yield _heading("  no fact, only that you have it")
            for fact in item.needed:
                yield Option(Folded([fact_line("[=]", fact, odd=hint_word(consent, item, fact))]))
            if item.optional:
                yield _heading(bold("Optional".ljust(14)), dim("  off, unless you turn it on with space"))
            for fact in item.optional:
                mark = "[x]" if fact in item.chosen else "[ ]"
                line = fact_line(mark, fact, odd=hint_word(consent, item, fact))
                yield self._optional(line, (item.query_id, fact.path))
            tied = [fact for fact in item.chosen if fact not in item.optional]
            if tied:
                yield _heading(bold("With it".ljust(14)), dim("  the issuer lets nobody keep it apart"))
            for fact in tied:
                yield Option(Folded([fact_line("[x]", fact)]))

    def _optional(self, line: Line, tick: Tick) -> Option:
        option_id = f"optional-{len(self._ticks)}"
        self._ticks[option_id] = tick
        return Option(Folded([line]), id=option_id)


def _heading(*line: str | Styled) -> Option:
    return Option(Folded([line]), disabled=True)
