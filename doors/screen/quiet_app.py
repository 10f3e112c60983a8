"""The ground of a full-screen program: every line is looked at once more, and it ends without a word."""

from collections.abc import Sequence

from textual.app import App
from textual.filter import LineFilter
from textual.worker import WorkerFailed

from doors.screen.text import LastLook

_LAST_LOOK = LastLook()


class QuietApp(App[None]):
    """A program that shows nothing of itself when it fails; whoever runs it asks for its `failure`."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through before it is drawn."""
        return [*super().get_line_filters(), _LAST_LOOK]

    @property
    def failure(self) -> BaseException | None:
        """What nobody foresaw and ended the program."""
        return self._exception.error if isinstance(self._exception, WorkerFailed) else self._exception

    def panic(self, *_renderables: object) -> None:
        """End without a word: Textual would print what it was about to show."""
        self._close_messages_no_wait()

    def _fatal_error(self) -> None:
        # Textual would print every frame with its local variables: passphrases, keys and claims among them.
        self._close_messages_no_wait()
