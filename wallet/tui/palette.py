"""The command palette: every action that can be done now, with its key and the command that does the same."""

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.markup import escape

from wallet.tui.actions import active_actions
from wallet.tui.text import clean


class ActionsProvider(Provider):
    """The actions of the screen in front and of the program."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for text, how, run in self._entries():
            yield DiscoveryHit(text, run, help=how)

    async def search(self, query: str) -> Hits:
        """Those that match what was typed."""
        matcher = self.matcher(query)
        for text, how, run in self._entries():
            score = matcher.match(text)
            if score:
                yield Hit(score, matcher.highlight(text), run, text=text, help=how)

    def _entries(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        for active in active_actions(self.screen):
            action = active.action
            # Textual reads it as markup, and `[` is one of our keys.
            how = escape(clean(f"{active.keys}   {action.command}" if action.command else active.keys))
            yield f"{action.label}: {action.meaning}", how, partial(self.screen.run_action, active.call)
