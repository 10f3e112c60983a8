"""The one way of text onto the screen: cleaned, and never read as markup.

Textual takes `[b]…[/]` in a string for instructions, also in a stranger's name; a test holds that nothing of
a full-screen program hands it a string of its own accord.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.css.styles import RulesMap
from textual.filter import LineFilter
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widgets import Static

from doors.folding import fold
from doors.plain_signs import plainly
from doors.terminal import Styled, harmless, safe_text

Line = tuple[str | Styled, ...]
"""One line: pieces of text, each with its style or none, as the commands print them too."""

DARK = "30;40"
"""The style of a blank that is a dark spot on a light ground, whatever the theme."""

# The styles of doors.terminal in the colours of the theme.
_STYLES: Mapping[str, str] = {
    "1": "bold",
    "2": "$foreground 60%",
    "31": "$text-error",
    "32": "$text-success",
    "33": "$text-warning",
    DARK: "black on black",
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


def fitted(text: str, width: int) -> str:
    """`text` in exactly `width` cells, cut with a mark where it is longer; wide characters count twice."""
    return _fitted(text, width, "~" if Signs.ascii else "…")


@lru_cache(maxsize=8192)
def _fitted(text: str, width: int, mark: str) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + mark


class LastLook(LineFilter):
    """The last look at every line before it is drawn, whatever widget it is from: what a person pastes into a
    field, Textual shows as it is.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line, in as many cells."""
        return [
            segment
            if segment.text.isascii() and segment.text.isprintable()
            else Segment(_seen(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def _seen(text: str) -> str:
    """What of `text` is to be seen, and marks where it takes room without being seen."""
    seen = "".join(
        shown if shown == character else set_cell_size(shown, cell_len(character))
        for character, shown in zip(text, map(harmless, text), strict=True)
    )
    return text if seen == text else set_cell_size(seen, cell_len(text))


class Folded(Visual):
    """Lines that go on under their last column where the widget is too narrow, as in the commands.

    Where all of a line may be a stranger's, `sign` stands before what goes on: it begins like none of ours.
    """

    def __init__(self, lines: Iterable[Line], *, sign: str = "") -> None:
        self._sign = content(sign)
        self._lines = [content(*line) for line in lines]

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        """Draw them."""
        return self._at(width).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """As wide as the longest line."""
        return max((line.cell_length for line in self._lines), default=0)

    def get_height(self, rules: RulesMap, width: int) -> int:
        """As high as they are when folded."""
        return self._at(width).get_height(rules, width)

    @property
    def plain(self) -> str:
        """The text, unfolded."""
        return "\n".join(line.plain for line in self._lines)

    def _at(self, width: int) -> Content:
        return Content("\n").join(
            Content(" " * margin) + (self._sign if begin else Content()) + line[begin:end]
            for line in self._lines
            for margin, begin, end in fold(line.plain, width - self._sign.cell_length)
        )


class Text(Static):
    """Lines of text that nobody can act on; `sign` is as in `Folded`."""

    def __init__(
        self, *lines: Line, id: str | None = None, classes: str | None = None, sign: str = ""
    ) -> None:
        super().__init__(Folded(lines, sign=sign), markup=False, id=id, classes=classes)
        self._sign = sign

    def show(self, *lines: Line) -> None:
        """Show these lines instead."""
        self.update(Folded(lines, sign=self._sign))
