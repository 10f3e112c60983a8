"""The pages of this repository, taken apart as far as the tests of the documentation need it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

_FENCE = re.compile(r"^(```+)(\w*)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"(?<!\\)\[[^\]\n]*\]\(([^)\s]+)\)|^\[[^\]\n]+\]:\s*(\S+)$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what its language is said to be, and its text."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `path` is relative to the root of the repository."""

    path: Path
    text: str

    @property
    def blocks(self) -> list[Block]:
        return [Block(match[2], match[3]) for match in _FENCE.finditer(self.text)]

    @property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def code_spans(self) -> list[str]:
        return _CODE_SPAN.findall(self.prose)

    @property
    def links(self) -> list[str]:
        prose = _CODE_SPAN.sub("", self.prose)
        return [inline or defined for inline, defined in _LINK.findall(prose)]

    @property
    def anchors(self) -> set[str]:
        """What a link may name after `#`."""
        titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in _HEADING.findall(self.prose))
        return {title.strip().replace(" ", "-") for title in titles}

    def rows(self) -> Iterator[tuple[str, list[str]]]:
        """Each row of each table with the heading it stands under."""
        heading = ""
        for line in self.prose.splitlines():
            if match := _HEADING.match(line):
                heading = match[1]
            elif line.startswith("| ") and not line.startswith("| ---"):
                yield heading, [cell.strip() for cell in line.strip().strip("|").split("|")]


def read_page(path: str | Path) -> Page:
    return Page(Path(path), (ROOT / path).read_text("utf-8"))


def all_pages() -> list[Page]:
    """Every page we wrote: those beside other people's vectors are theirs."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("[!.]*/**/*.md")]
    paths = sorted(file.relative_to(ROOT) for file in files)
    return [read_page(path) for path in paths if path.parts[:2] != ("tests", "vectors")]
