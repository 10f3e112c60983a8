"""The one way of text onto the screen: cleaned, and never read as markup.

Textual takes `[b]…[/]` in a string for instructions, also in a stranger's name; a test holds that nothing of
the full-screen wallet hands it a string of its own accord.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widgets import Static

from doors.plain_signs import plainly
from doors.terminal import Styled, safe_text

Line = tuple[str | Styled, ...]
"""One line: pieces of text, each with its style or none, as the commands print them too."""

# The styles of doors.terminal in the colours of the theme.
_STYLES: Mapping[str, str] = {
    "1": "bold",
    "2": "$foreground 60%",
    "31": "$text-error",
    "32": "$text-success",
    "33": "$text-warning",
    "": "",
}


class Signs:
    """Whether our marks may be other than ASCII, for the whole program: a terminal either has them or not."""

    ascii = False


def clean(text: str) -> str:
    """`text` on one line, as it may stand on a terminal."""
    safe = safe_text(text, max_characters=len(text))
    return plainly(safe) if Signs.ascii else safe


def content(*parts: str | Styled) -> Content:
    """What Textual shows for these pieces."""
    return Content.assemble(
        *(clean(part) if isinstance(part, str) else (clean(part.text), _STYLES[part.sgr]) for part in parts)
    )


def paragraph(lines: Iterable[Line]) -> Content:
    """Several lines, one below the other."""
    return Content("\n").join(content(*line) for line in lines)


@lru_cache(maxsize=8192)
def fitted(text: str, width: int) -> str:
    """`text` in exactly `width` cells, cut with a mark where it is longer; wide characters count twice."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    mark = "~" if Signs.ascii else "…"
    return set_cell_size(text, width - 1) + mark


class Text(Static):
    """Lines of text that nobody can act on."""

    def __init__(self, *lines: Line, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(paragraph(lines), markup=False, id=id, classes=classes)

    def show(self, *lines: Line) -> None:
        """Show these lines instead."""
        self.update(paragraph(lines))
