"""The command palette: every action, with its key and the command that does the same."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.markup import escape

from doors.screen.text import clean
from wallet.tui.actions import ACTIONS, Action, active_actions
from wallet.tui.ways import key_of, main_screen_of

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_Entry: TypeAlias = tuple[str, str, Callable[[], object]]


class ActionsProvider(Provider):
    """The actions of the screen in front and of the program, and the ways to those of other main screens."""

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

    def _entries(self) -> Iterator[_Entry]:
        here = active_actions(self.screen)
        for active in here:
            action = active.action
            # Textual reads it as markup, and `[` is one of our keys.
            how = escape(clean(f"{active.keys}   {action.command}" if action.command else active.keys))
            yield f"{action.label}: {action.meaning}", how, partial(self.screen.run_action, active.call)
        app = cast("WalletApp", self.app)
        if app.session.is_open:
            yield from self._elsewhere(app, [active.action for active in here])

    def _elsewhere(self, app: "WalletApp", here: Sequence[Action]) -> Iterator[_Entry]:
        for name, action in ACTIONS.items():
            view = main_screen_of(name)
            if view is not None and action not in here:
                keymap = app.settings.keys
                # It leads there and does nothing yet: what it is done to is under the cursor there.
                way = f"{key_of(view, keymap)}, then {key_of(name, keymap)}   {action.command}"
                text = f"{ACTIONS[view].label}: {action.meaning}"
                yield text, escape(clean(way)), partial(app.action_view, view)
