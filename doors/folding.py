"""A long line in a narrow window: where it is cut, and how far in it goes on."""

import os
import unicodedata
from collections.abc import Iterator
from typing import TextIO

# In front of what they say of it, alone in their column.
_MARKS = frozenset("✓✗!?·")
# In a narrower window lines are left to the terminal.
_LEAST_COLUMNS = 20


def columns_of(stream: TextIO) -> int:
    """How wide the window is; 0 where nobody knows."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 0


def fold(text: str, columns: int) -> Iterator[tuple[int, int, int]]:
    """The lines of `text` in a window: the blanks before each, and where it begins and ends.

    It is cut between words, and goes on under its last column: what stands behind the last gap of two blanks
    or more, or behind a mark or the quote that a stranger's words begin with. A word too long for a line is
    cut only in a column; alone on its line, such as a link, it stays whole, to be copied.
    """
    begin, end, margin = 0, len(text), 0
    behind, gap = len(text) - len(text.lstrip()), text.rstrip().rfind("  ")
    if gap >= 0 and _cells(text[: gap + 2]) <= columns // 2:
        behind = gap + 2
    breakable = behind > 0
    if text[behind : behind + 1] in _MARKS and text[behind + 1 : behind + 2] == " ":
        behind += 2
    if text[behind : behind + 1] == "“":
        behind += 1
    first_break = behind + 1
    stop = len(text.rstrip())
    while columns >= _LEAST_COLUMNS:
        fits = _fitting(text, begin, columns - margin)
        if fits >= stop:
            break
        end = text.rfind(" ", first_break, fits + 1)
        if end < 0:
            end = fits if breakable else text.find(" ", fits)
        if end < 0:
            break
        yield margin, begin, len(text[:end].rstrip())
        begin = end + len(text[end:]) - len(text[end:].lstrip())
        margin, first_break = min(_cells(text[:behind]), columns // 2), begin + 1
    yield margin, begin, len(text)


def cut(texts: list[str], styles: list[str | None], begin: int, end: int) -> str:
    """The characters from `begin` to `end` of the `texts` one after another, each in its style."""
    shown, offset = "", 0
    for text, sgr in zip(texts, styles, strict=True):
        piece = text[max(begin - offset, 0) : max(end - offset, 0)]
        shown += f"\x1b[{sgr}m{piece}\x1b[0m" if sgr and piece else piece
        offset += len(text)
    return shown


def _fitting(text: str, begin: int, columns: int) -> int:
    """Up to which character the text from `begin` on fits into so many columns."""
    # Without a look at all that follows: a stranger's text may be long.
    for place in range(begin, len(text)):
        columns -= _width(text[place])
        if columns < 0:
            return place
    return len(text)


def _cells(text: str) -> int:
    """How many columns the text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
