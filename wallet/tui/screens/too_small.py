"""What stands in a window that is too small for the wallet."""

from textual.app import ComposeResult
from textual.screen import ModalScreen

from wallet.tui.text import Text

COLUMNS, LINES = 60, 18


class TooSmallScreen(ModalScreen[None]):
    """Covers everything until the window is large enough again."""

    def compose(self) -> ComposeResult:
        """What to do."""
        yield Text(
            (f"This window is smaller than {COLUMNS} by {LINES}.",),
            ("Make it larger, or press ctrl+q and run:",),
            ("tally --plain",),
        )
