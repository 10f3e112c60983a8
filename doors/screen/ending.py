"""How a screen ends: once, and only itself."""

from typing import Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import Screen

Answer = TypeVar("Answer")


class Ending(Screen[Answer], Generic[Answer]):
    """A screen that closes nothing but itself; Textual closes whatever is in front.

    A button that is pressed twice in quick succession ends its screen twice. Of several bases this is not the
    first: Textual takes the style from that one alone.
    """

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """End with `result`, unless this has ended or something lies above."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
