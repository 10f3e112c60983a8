"""What stands in a window that is too small for the wallet."""

from textual.app import ComposeResult
from textual.screen import ModalScreen

from doors.screen.ending import Ending
from doors.screen.text import Text

COLUMNS, LINES = 60, 18


class TooSmallScreen(ModalScreen[None], Ending[None]):
    """Covers everything until the window is large enough again."""

    def on_screen_resume(self) -> None:
        """Go, when it became large enough while something lay above."""
        if self.app.size.width >= COLUMNS and self.app.size.height >= LINES:
            self.dismiss(None)

    def compose(self) -> ComposeResult:
        """What to do."""
        yield Text(
            (f"This window is smaller than {COLUMNS} by {LINES}.",),
            ("Make it larger, or press ctrl+q and run:",),
            ("tally --plain",),
        )
