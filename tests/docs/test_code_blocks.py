"""What the pages tell people to type exists: imports, commands with their options, targets of make."""

import ast
import re
import shlex
from collections.abc import Iterator

import click
import pytest

import tally
from doors.command import Command
from doors.terminal import Terminal
from tests.docs.markdown import ROOT, Page, all_pages

PAGES = all_pages()
_VARIABLE = re.compile(r"[A-Z_]+=")
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line of shell, without comments, variables, pipes and redirections."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(lexer.punctuation_chars):
            yield words
            words = []
        elif words or not _VARIABLE.match(word):
            words.append(word)


def shell_commands(page: Page, program: str) -> list[list[str]]:
    """What follows `program` in each command of the page's shell blocks."""
    lines = [
        line
        for block in page.blocks
        if block.language in ("sh", "bash", "console", "shell")
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    commands = [command for line in lines for command in simple_commands(line)]
    return [command[1:] for command in commands if command and command[0].rpartition("/")[2] == program]


def mentions(page: Page, program: str) -> list[list[str]]:
    """What follows `program` in each code span of the page's prose; what follows an ellipsis is left out."""
    spans = [span for span in page.code_spans if re.match(rf"{program}\b ?", span)]
    return [span.partition("…")[0].split()[1:] for span in spans]


def find_command(words: list[str]) -> tuple[click.Context, list[str]]:
    """The command that `words` begin with, and the words after its name."""
    context = click.Context(
        tally.commands, info_name="tally", obj=Terminal.of_process(json=False, no_input=True, ascii=False)
    )
    rest = words
    while isinstance(context.command, click.Group) and rest and not rest[0].startswith("-"):
        command = context.command.get_command(context, rest[0])
        if command is None:
            raise click.UsageError(f"there is no command {rest[0]}", context)
        context = click.Context(command, info_name=rest[0], parent=context)
        rest = rest[1:]
    return context, rest


def check_whole(words: list[str]) -> None:
    """A command line a person can type as it stands: nothing unknown, nothing missing, nothing too much."""
    context, rest = find_command(words)
    options, surplus, _ = context.command.make_parser(context).parse_args(rest)
    if surplus:
        raise click.UsageError(f"too much: {surplus}", context)
    for parameter in context.command.params:
        given = options.get(str(parameter.name))
        if parameter.required and not (isinstance(given, str | tuple | list) and given):
            raise click.UsageError(f"{parameter.name} is missing", context)


def check_mention(words: list[str]) -> None:
    """A command by its name, perhaps with some of its options."""
    context, rest = find_command(words)
    known = {
        name for each in context.command.get_params(context) for name in (*each.opts, *each.secondary_opts)
    }
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    if unknown:
        raise click.UsageError(f"no such options: {unknown}", context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path))
def test_every_command_line_can_be_typed(page: Page) -> None:
    for words in shell_commands(page, "tally"):
        check_whole(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path))
def test_every_command_in_the_text_exists(page: Page) -> None:
    for words in mentions(page, "tally"):
        check_mention(words)


def all_commands(context: click.Context) -> Iterator[click.Context]:
    """The command of `context` and all below it."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            assert command is not None
            yield from all_commands(click.Context(command, info_name=name, parent=context))


def test_every_example_in_the_help_can_be_typed() -> None:
    commands = [
        context.command
        for context in all_commands(click.Context(tally.commands, info_name="tally"))
        if isinstance(context.command, Command)
    ]
    assert len(commands) > 25
    assert [command.name for command in commands if not command.examples] == []
    for line in (line for command in commands for line in command.examples):
        for program, *words in filter(None, simple_commands(line.replace("\\\n", " "))):
            if program == "tally":
                check_whole(words)


def test_commands_were_found() -> None:
    assert sum(len(shell_commands(page, "tally")) for page in PAGES) > 15
    assert sum(len(mentions(page, "tally")) for page in PAGES) > 5


def test_every_target_of_make_exists() -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    assert "demo" in targets
    named = [
        words[0]
        for page in PAGES
        for words in (*shell_commands(page, "make"), *mentions(page, "make"))
        if words and "=" not in words[0]
    ]
    assert "demo" in named
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path))
def test_every_python_block_can_be_read_and_imported(page: Page) -> None:
    for block in page.blocks:
        if block.language == "python":
            for node in ast.walk(ast.parse(block.text)):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    exec(ast.unparse(node), {})  # our own page


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ("tally nothing", False),
        ("tally issuer nothing", False),
        ("tally list --nothing", False),
        ("tally ledger serve --nothing", False),
        ("tally issuer revoke", True),
        ("tally ledger check http://ledger.localhost:8101 too much", True),
    ],
)
def test_wrong_command_line_is_noticed(words: str, whole: bool) -> None:
    check = check_whole if whole else check_mention
    with pytest.raises(click.UsageError):
        check(words.split()[1:])
