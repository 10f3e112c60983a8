"""The page about other people's programs names the installed versions, and every program that asks."""

import re

from tests.docs.markdown import ROOT, read_page

ROWS = [cells for _, cells in read_page("docs/interop.md").rows()][1:]
LOCK = (ROOT / "requirements-interop.lock").read_text("utf-8")


def test_versions_of_the_packages_are_those_of_the_lock() -> None:
    shown = {match[1]: cells[1] for cells in ROWS if (match := re.match(r"\[([a-z-]+)\]", cells[0]))}
    assert set(shown) == {"tlog-scales", "sigstore", "did-webvh"}
    assert [name for name, version in shown.items() if f"\n{name}=={version} " not in LOCK] == []


def test_every_program_that_asks_is_listed() -> None:
    asked = {cells[3].strip("`") for cells in ROWS}
    folder = ROOT / "tests/interop"
    assert asked == {
        f"tests/interop/{path.name}" for path in (*folder.glob("ask_*.py"), *folder.glob("*.go"))
    }
