"""Every code is raised somewhere and expected somewhere, and what it tells people to do can be done."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.codes import Audience, Code
from tests.docs.test_code_blocks import check_mention
from tests.processes import ROOT, run_module

PACKAGES = ("protocol", "storage", "ledger", "issuer", "wallet", "verifier", "doors", "demo")
# The table itself, and those that give each code a number: no code is raised there.
TABLES = {ROOT / "protocol/codes.py", ROOT / "doors/problem.py", ROOT / "doors/terminal.py"}
COMMAND = re.compile(r"`tally ([^`]+)`")
OWN_GROUP = {Audience.ISSUER: "issuer", Audience.VERIFIER: "verifier", Audience.OPERATOR: "ledger"}


def sources() -> list[Path]:
    return [ROOT / "tally.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))]


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text("utf-8")))


def named_codes(path: Path, *, quoted: bool = False) -> Iterator[Code]:
    """The codes that a module names; with `quoted` also by what they say of themselves."""
    words = {code.value: code for code in Code} if quoted else {}
    for node in nodes(path):
        match node:
            case ast.Attribute(value=ast.Name(id="Code"), attr=name) if name in Code.__members__:
                yield Code[name]
            case ast.Constant(value=str(word)) if word in words:
                yield words[word]


def commands(text: str) -> list[list[str]]:
    """The commands that `text` names, without the word `tally` and what an ellipsis leaves out."""
    found = [command.partition("…")[0].split() for command in COMMAND.findall(text)]
    return [words for words in found if words != ["ARGUMENTS", "--json"]]  # whatever a person would type


def texts(path: Path) -> Iterator[str]:
    """Every text of a module; what an f-string puts in is `X`."""
    for node in nodes(path):
        match node:
            case ast.JoinedStr(values=parts):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "X"
                    for part in parts
                )
            case ast.Constant(value=str(text)):
                yield text


def test_every_code_is_raised() -> None:
    raised = {code for path in sources() if path not in TABLES for code in named_codes(path)}
    assert set(Code) - raised == set()


def test_every_code_is_expected_by_a_test() -> None:
    tests = [path for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__)]
    expected = {code for path in tests for code in named_codes(path, quoted=True)}
    assert set(Code) - expected == set()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_module_names_exists(path: Path) -> None:
    for text in texts(path):
        # Parts of f-strings come once more by themselves, perhaps cut in the middle of a command.
        for words in commands(text):
            check_mention(words)


@pytest.mark.parametrize("code", Code)
def test_words_for_everybody_name_no_command(code: Code) -> None:
    assert commands(code.meaning) + commands(code.remedy) == []
    assert commands(code.remedy_for(Audience.DEVELOPER)) == []


@pytest.mark.parametrize("code", Code)
def test_words_for_a_reader_name_only_commands_of_that_reader(code: Code) -> None:
    for audience, remedy in code.remedies.items():
        assert remedy != code.remedy
        for first, *_ in commands(remedy):
            group = first if first in OWN_GROUP.values() else None
            assert group == OWN_GROUP.get(audience)


def test_commands_were_found() -> None:
    assert sum(len(commands(text)) for path in sources() for text in texts(path)) > 40


@pytest.mark.parametrize(
    ("line", "code", "audience"),
    [
        (["show", "degree-1"], Code.VAULT_MISSING, Audience.HOLDER),
        (["issuer", "show", "1"], Code.NOT_INITIALIZED, Audience.ISSUER),
        (["--no-input", "verifier", "result", "1"], Code.NOT_INITIALIZED, Audience.VERIFIER),
        (["ledger", "head"], Code.NOT_INITIALIZED, Audience.OPERATOR),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_command_speaks_to_whoever_runs_it(
    line: list[str], code: Code, audience: Audience, tmp_path: Path
) -> None:
    finished = run_module("tally", *line, environment={"TALLY_HOME": str(tmp_path / "home")})
    assert finished.stderr.splitlines()[-2:] == [code.remedies[audience], code.value]
