import os
import re
from urllib.parse import unquote

import pytest

from tests.docs.markdown import ROOT, Page, all_pages, read_page

PAGES = all_pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path))
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    broken = []
    for link in page.links:
        if re.match(r"(https?|mailto):", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = ROOT / page.path.parent / path if path else ROOT / page.path
        if not target.exists() or (anchor and anchor not in read_page(os.path.relpath(target, ROOT)).anchors):
            broken.append(link)
    assert broken == []


def test_links_were_found() -> None:
    assert sum(len(page.links) for page in PAGES) > 20


@pytest.mark.parametrize("folder", ["docs/decisions", "docs/formats"])
def test_contents_list_every_page_once(folder: str) -> None:
    listed = [link for link in read_page(f"{folder}/README.md").links if "/" not in link]
    pages = [path.name for path in (ROOT / folder).glob("*.md") if path.name != "README.md"]
    assert pages
    assert sorted(listed) == sorted(pages)


def test_contents_name_every_decision_by_its_title() -> None:
    for _, cells in read_page("docs/decisions/README.md").rows():
        if match := re.fullmatch(r"\[(\d{4})\]\((.+)\)", cells[0]):
            page = read_page(f"docs/decisions/{match[2]}")
            assert page.text.startswith(f"# {match[1]} {cells[1]}\n"), page.path
