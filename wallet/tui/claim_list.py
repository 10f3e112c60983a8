"""The facts of a consent, each behind a mark that can be read without colour: [=] needed, [ ] off, [x] on.

Textual's own check boxes draw the same sign for on and off. This list keeps no state of its own: it shows a
consent, says which fact somebody wants to turn on or off, and is shown the consent that follows from it.
"""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from doors.screen.text import Folded
from wallet.consent import Consent, Tick
from wallet.door.consent_lines import item_rows


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
        self._rows: list[Folded] = []

    def show(self, consent: Consent) -> None:
        """Show this consent; the cursor stays where it is."""
        place = self.highlighted
        self._ticks, self._rows = {}, []
        self.clear_options()
        self.add_options(self._options_of(consent))
        self.highlighted = self._first if place is None else place

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Keep the fact under the cursor in view: it is not the list that scrolls, but all of the consent."""
        event.stop()
        if not isinstance(self.parent, Widget):
            return
        if event.option_index == self._first:
            # With who asks and what for, which stand above it.
            self.parent.scroll_home(animate=False)
            return
        width = self.scrollable_content_region.width
        heights = [row.get_height({}, width) for row in self._rows[: event.option_index + 1]]
        line = Region(0, self.virtual_region.y + sum(heights[:-1]), width, heights[-1])
        self.parent.scroll_to_region(line, animate=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Say what was meant, where it is the person's to decide."""
        event.stop()
        tick = self._ticks.get(event.option_id or "")
        if tick is not None:
            self.post_message(self.Toggled(tick))

    @property
    def _first(self) -> int | None:
        """Where the first fact stands."""
        return next((place for place, option in enumerate(self.options) if not option.disabled), None)

    def _options_of(self, consent: Consent) -> Iterator[Option]:
        for item in consent.items:
            for row in item_rows(consent, item, how="turn it on with space"):
                option_id = None
                if row.tick is not None:
                    option_id = f"optional-{len(self._ticks)}"
                    self._ticks[option_id] = row.tick
                shown = Folded([row.line])
                self._rows.append(shown)
                yield Option(shown, id=option_id, disabled=row.fact is None)
