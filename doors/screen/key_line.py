"""The keys that do something now, in one line at the bottom; a click on one presses it.

Textual's own footer has a widget for each key and makes them all anew whenever the focus moves, which over a
slow connection, and in tests, is felt.
"""

from textual.content import Content
from textual.events import Click, Resize
from textual.style import Style
from textual.widget import Widget

from doors.screen.text import clean

_FIRST = "help"
_GAP = "  "


class KeyLine(Widget):
    """The keys of the screen in front, help first; those that have no room are in the help."""

    def __init__(self) -> None:
        super().__init__()
        self._line = Content()

    def render(self) -> Content:
        """The line."""
        return self._line

    def on_mount(self) -> None:
        """Follow what can be done."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._show())
        self._show()

    def on_resize(self, _event: Resize) -> None:
        """Show as many as there is room for."""
        self._show()

    def on_click(self, event: Click) -> None:
        """Press the key that was clicked."""
        key = event.style.meta.get("key")
        if isinstance(key, str):
            self.app.simulate_key(key)

    def _show(self) -> None:
        line = self._fitted()
        if line != self._line:
            self._line = line
            self.refresh()

    def _fitted(self) -> Content:
        shown = Content(" ")
        for number, entry in enumerate(self._entries()):
            more = shown + Content(_GAP if number else "") + entry
            if more.cell_length > self.size.width:
                break
            shown = more
        return shown

    def _entries(self) -> list[Content]:
        found: dict[str, Content] = {}
        active = sorted(self.screen.active_bindings.values(), key=lambda each: each.binding.id != _FIRST)
        for _node, binding, enabled, _tooltip in active:
            # Of two keys that are called the same, such as q and Escape, one is enough.
            if binding.show and enabled and binding.description not in found:
                press = Style.from_meta({"key": binding.key})
                key = Content.styled(clean(self.app.get_key_display(binding)), "bold $footer-key-foreground")
                found[binding.description] = (key + Content(f" {clean(binding.description)}")).stylize(press)
        return list(found.values())
