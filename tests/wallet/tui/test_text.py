"""The trust boundary of the screens: whatever reaches them is cleaned, and never read as markup."""

import ast
from pathlib import Path

import pytest

import wallet.tui
from doors.terminal import bold
from wallet.tui.text import Folded, Signs, content, fitted

SOURCES = sorted(Path(wallet.tui.__file__).parent.rglob("*.py"))
# These take a string for markup, or draw what they are given on their own.
ONLY_IN_TEXT = {
    "Static",
    "Label",
    "Markdown",
    "MarkdownViewer",
    "DataTable",
    "RichLog",
    "Log",
    "Pretty",
    "Tree",
}
MARKUP = {"from_markup", "render_markup", "render"}
HOSTILE = "a\x1b]8;;evil\x07[/] [@click=app.quit]b[/]\u202ec\u200bd\ne"


def names_in(source: Path) -> set[str]:
    tree = ast.parse(source.read_text("utf-8"))
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    return imported | called


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_only_one_module_hands_text_to_textual(source: Path) -> None:
    names = names_in(source)
    assert names & MARKUP == set()
    if source.name != "text.py":
        assert names & ONLY_IN_TEXT == set()
    if source.name != "app.py":
        assert "notify" not in names
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "markup":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


def test_hostile_text_is_shown_as_text_on_one_line() -> None:
    shown = content("x ", bold(HOSTILE)).plain
    assert shown == "x a\ufffd]8;;evil\ufffd[/] [@click=app.quit]b[/]\ufffdc\ufffdd e"


def test_line_goes_on_under_its_last_column_where_it_is_too_narrow() -> None:
    lines = Folded([("Who    ", bold("somebody with a long name")), ("b\nc",)])
    assert lines.plain == "Who    somebody with a long name\nb c"
    assert lines._at(22).plain == "Who    somebody with a\n       long name\nb c"
    assert lines.get_height({}, 22) == 3


def test_marks_are_plain_where_that_is_asked_for_and_names_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Signs, "ascii", True)
    assert content("✓ “Zoë” …").plain == 'OK "Zoë" ...'


@pytest.mark.parametrize(
    ("text", "width", "cells"),
    [("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("日本語", 5, "日本…"), ("日本語", 4, "日 …")],
)
def test_text_is_fitted_into_cells_with_wide_characters_counted_twice(
    text: str, width: int, cells: str
) -> None:
    assert fitted(text, width) == cells
