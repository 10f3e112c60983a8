"""The trust boundary of the screens: whatever reaches them is cleaned, and never read as markup."""

import ast
from collections.abc import Set
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text as RichText
from textual.color import Color
from textual.content import Content

import doors.screen
import ledger.browse.tui
import wallet.tui
from doors.screen.text import Folded, LastLook, Signs, clean, content, fitted
from doors.terminal import bold
from tests.wallet.test_cli_hostile_text import harmless as harmless_text
from wallet.tui.actions import ACTIONS

SOURCES = sorted(
    path
    for package in (doors.screen, ledger.browse.tui, wallet.tui)
    for path in Path(*package.__path__).rglob("*.py")
)
# The widgets in use. Static, Label, Markdown, DataTable and others take a string for markup.
WIDGETS = {"Button", "Input", "LoadingIndicator", "Option", "OptionList", "TabbedContent", "TabPane"}
MORE_WIDGETS = {"text.py": {"Static"}, "files.py": {"DirectoryTree"}}
# What reads or prints text past `doors.screen.text`.
PAST_IT = {"from_markup", "render_markup", "to_content", "print", "open_url", "from_rich_text", "write"}
# Textual shows these, and reads a string in most of them as markup.
SHOWN = {
    "border_title",
    "border_subtitle",
    "tooltip",
    "placeholder",
    "label",
    "title",
    "sub_title",
    "prompt",
    "loading_text",
    "message",
}
DRAWN = {"Content", "styled", "Button", "Option", "TabPane"}
CLEANING = {"clean", "content", "Folded", "_line"}
HOSTILE = "a\x1b]8;;evil\x07[/] [@click=app.quit]b[/]\u202ec\u200bd\ne"


def is_clean(value: ast.expr, folded: Set[str] = frozenset()) -> bool:
    """Whether it is written down in the source, or has been through `doors.screen.text`; `folded` are the
    names of variables that are nothing but `Folded`.
    """
    match value:
        case ast.Constant() | ast.Attribute(attr="plain"):
            return True
        case ast.Name(id=name):
            return name.strip("_").isupper() or name in folded
        case ast.Subscript(value=inner) | ast.FormattedValue(value=inner):
            return is_clean(inner)
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
            return is_clean(one) and is_clean(other)
        case ast.JoinedStr(values=parts):
            return all(map(is_clean, parts))
        case ast.Call(func=ast.Name(id="fitted"), args=[text, *_]):
            return is_clean(text)
        case ast.Call(func=ast.Name(id=name)):
            return name in CLEANING
    return False


def _is_folded(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "Folded"


def faults(source: str, name: str) -> list[str]:
    """Where a module hands Textual a string of its own accord."""
    found: list[str] = []
    rich_text: set[str] = set()

    tree = ast.parse(source)
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    folded = {ast.unparse(node.targets[0]) for node in assigned if _is_folded(node.value)}
    folded -= {ast.unparse(node.targets[0]) for node in assigned if not _is_folded(node.value)}

    def blame(node: ast.AST, what: str) -> None:
        found.append(f"{name}:{getattr(node, 'lineno', 0)} {what}")

    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(
                each.name.partition(".")[0] in ("textual", "rich") for each in names
            ):
                blame(node, "imports a module in which anything may be")
            case ast.ImportFrom(module="textual", names=[ast.alias(name="on")]):
                pass
            case ast.ImportFrom(module="textual"):
                blame(node, "imports a module in which anything may be")
            case ast.ImportFrom(module=str() as module, names=names):
                imported = {each.name for each in names}
                if module.startswith("textual.widgets"):
                    for unknown in imported - WIDGETS - MORE_WIDGETS.get(name, set()):
                        blame(node, f"uses {unknown}")
                if module.startswith("rich") and name not in ("text.py", "files.py"):
                    blame(node, "uses rich")
                if module == "rich.text":
                    rich_text |= imported
                if imported & PAST_IT:
                    blame(node, "reads markup")
            case ast.Assign(targets=[ast.Attribute(attr=shown)], value=value) if shown in SHOWN:
                if not is_clean(value):
                    blame(node, f"sets {shown}")
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=given, keywords=named):
                if called in PAST_IT or (called == "update" and name != "text.py"):
                    blame(node, f"calls {called}")
                is_drawn = called in DRAWN | rich_text and name != "text.py"
                if is_drawn and not all(is_clean(each, folded) for each in given[:1]):
                    blame(node, f"draws {called}")
                if called == "OptionList" and not all(isinstance(each, ast.Starred) for each in given):
                    blame(node, "lists text")
                options = {each.arg: each.value for each in named}
                if called == "notify":
                    is_text = isinstance(options.get("markup"), ast.Constant) and is_clean(given[0])
                    if name != "flow_app.py" or not is_text:
                        blame(node, "notifies")
                if "markup" in options and ast.unparse(options["markup"]) != "False":
                    blame(node, "reads markup")
                is_widget = called in WIDGETS | {"_WordField", "LinkField"}
                for option in SHOWN & options.keys() if is_widget else ():
                    if not is_clean(options[option]):
                        blame(node, f"gives {option} to {called}")
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_only_one_module_hands_text_to_textual(source: Path) -> None:
    assert faults(source.read_text("utf-8"), source.name) == []


@pytest.mark.parametrize(
    "way",
    [
        "import textual.widgets as widgets",
        "from textual import widgets",
        "from textual.widgets import Static",
        "from textual.widgets import Label as Text",
        "from textual.widgets import Footer",
        "from textual.widgets._markdown import Markdown",
        "from rich.table import Table",
        "from textual.markup import to_content",
        "box.border_title = name",
        "box.border_subtitle = f'from {name}'",
        "self.tooltip = party.name",
        "self.query_one(Button).label = name",
        "self.sub_title = name + 'x'",
        "Button(name)",
        "Button('yes' if known else name)",
        "Content(name)",
        "Content.styled(name, 'bold')",
        "Content.from_markup('x')",
        "Option(held.id)",
        "shown = Folded(lines); shown = name; Option(shown)",
        "Option(f'from {name}', id='a')",
        "OptionList(name)",
        "TabPane(name, id='a')",
        "Input(placeholder=name)",
        "Button('yes', tooltip=name)",
        "self.notify(clean(name), markup=False)",
        "self.notify(clean(name))",
        "OptionList(markup=True)",
        "self.query_one(Text).update(name)",
        "self.app.open_url(name)",
        "sys.stdout.write(name)",
        "print(name)",
    ],
)
def test_way_around_it_is_noticed(way: str) -> None:
    assert len(faults(way, "any.py")) == 1


def test_markup_that_reaches_textual_in_a_test_ends_it() -> None:
    for read in (Content.from_markup, RichText.from_markup):
        with pytest.raises(AssertionError, match="read as markup"):
            read("[b]x[/b]")


def test_words_of_actions_are_no_markup() -> None:
    for action in ACTIONS.values():
        for text in (action.label, action.meaning, action.command, action.keys):
            assert clean(text) == text
            assert "[" not in text


def test_line_is_looked_at_once_more_before_it_is_drawn_and_keeps_its_width() -> None:
    def drawn(text: str) -> str:
        (segment,) = LastLook().apply([Segment(text)], Color(0, 0, 0))
        return segment.text

    assert drawn("plain 日本 ✓") == "plain 日本 ✓"
    for text in ("a\x1b[2Jb", "a\u202eb\u200bc", "x\x9by\ud800z", "👩\u200d👩 \ufe0f", "a\tb\nc\0d"):
        assert harmless_text(drawn(text)), text
        assert cell_len(drawn(text)) == cell_len(text)


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
