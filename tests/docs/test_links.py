import os
import re
from pathlib import Path
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


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [Path("README.md")]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            links = (link.partition("#")[0] for link in read_page(page).links)
            targets = (Path(os.path.normpath(page.parent / link)) for link in links if link.endswith(".md"))
            waiting += [target for target in targets if (ROOT / target).exists()]
    assert {page.path for page in PAGES} - reached == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path))
def test_every_file_and_folder_that_is_named_exists(page: Page) -> None:
    tops = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    named = [
        span.partition("::")[0] for span in page.code_spans if re.fullmatch(rf"({tops})/[\w./:-]*", span)
    ]
    assert [name for name in named if not (ROOT / name).exists()] == []


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
