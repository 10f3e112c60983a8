"""What every screen has: a line on top that says where you are, and the keys at the bottom."""

from textual.app import ComposeResult

from doors.screen.key_line import KeyLine
from doors.screen.text import Text


class Framed:
    """Composes a screen around its body; the line on top has the class `status`."""

    def compose(self) -> ComposeResult:
        """The line on top, the body, the keys."""
        yield Text(classes="status")
        yield from self.compose_body()
        yield KeyLine()

    def compose_body(self) -> ComposeResult:
        """What the screen is for."""
        raise NotImplementedError
