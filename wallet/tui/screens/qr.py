"""A link as a QR code, for another device to read."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import ModalScreen

from doors.qr_drawing import MAX_BYTES, qr_modules, qr_rows
from doors.screen.ending import Ending
from doors.screen.text import DARK, Line, Signs, Text
from doors.terminal import Styled, dim
from wallet.tui.flows.copying import copy

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_LINES_BELOW = 1
_FALLBACK = "Make the window larger for a QR code, or use the link:"
_TOO_LONG = "This is too long for a QR code; use it as it is:"


class QrScreen(ModalScreen[None], Ending[None]):
    """Draws `link` over the whole window, black on white whatever the theme; or gives the link itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,Q,enter,space", "close", show=False),
        Binding("y", "copy", show=False),
    ]

    def __init__(self, link: str) -> None:
        super().__init__()
        self._link = link
        self._rows = _rows(link) if len(link.encode("utf-8", "replace")) <= MAX_BYTES else []

    def compose(self) -> ComposeResult:
        """The code or the link, and what can be done."""
        yield Text(*self._rows, classes="qr")
        yield Text((_FALLBACK if self._rows else _TOO_LONG,), (), (self._link,), classes="qr-link")
        yield Text((dim("y copies the link, Escape goes back"),), classes="hint")

    def on_resize(self, event: Resize) -> None:
        """Draw it where it fits."""
        fits = (
            bool(self._rows)
            and _columns(self._rows[0]) <= event.size.width
            and len(self._rows) + _LINES_BELOW <= event.size.height
        )
        self.query_one(".qr").display = fits
        self.query_one(".qr-link").display = not fits

    def action_copy(self) -> None:
        """Put the link on the clipboard."""
        app = cast("WalletApp", self.app)
        app.start_beside(copy(app, self._link))

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)


def _rows(link: str) -> list[Line]:
    """The code of `link` in half blocks; of plain letters, in blanks on black and on white."""
    if not Signs.ascii:
        return [(row,) for row in qr_rows(link)]
    return [tuple(_spots(row)) for row in qr_modules(link)]


def _spots(row: Sequence[bool]) -> Iterator[str | Styled]:
    for is_dark, modules in groupby(row):
        # Half as wide as high is a character in most fonts.
        blanks = "  " * len(list(modules))
        yield Styled(blanks, DARK) if is_dark else blanks


def _columns(row: Line) -> int:
    return sum(len(part if isinstance(part, str) else part.text) for part in row)
