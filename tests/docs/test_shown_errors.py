"""An error that a page shows has the words of its code."""

import pytest

from protocol.codes import Code, find_code
from tests.docs.markdown import Page, all_pages

PAGES = all_pages()


def shown_errors(page: Page) -> list[tuple[str, str, Code]]:
    """What happened, what to do, and the code: three lines together in a block of output."""
    lines = [block.text.splitlines() for block in page.blocks if block.language == "text"]
    triples = [triple for block in lines for triple in zip(block, block[1:], block[2:], strict=False)]
    return [
        (what, hint, code)
        for what, hint, word in triples
        if what.startswith("✗ ") and (code := find_code(word)) is not None
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path))
def test_every_shown_error_has_the_words_of_its_code(page: Page) -> None:
    for what, hint, code in shown_errors(page):
        assert what.startswith(f"✗ {code.meaning}")
        assert hint in {code.remedy, *code.remedies.values()}


def test_errors_were_found() -> None:
    assert sum(len(shown_errors(page)) for page in PAGES) > 3
