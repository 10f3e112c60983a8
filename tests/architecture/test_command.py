import importlib
import json
import os
import subprocess
import sys
import tomllib

import click
import pytest

import tally
from doors.command import LazyCommand
from tests.processes import ROOT, Finished

HEAVY = {
    "cryptography",
    "fastapi",
    "httpcore2",
    "httpx2",
    "jsonschema",
    "nacl",
    "platformdirs",
    "pydantic",
    "rich",
    "segno",
    "sqlalchemy",
    "starlette",
    "textual",
    "uvicorn",
}
CALL = "import sys, tally; sys.argv = ['tally', *sys.argv[1:]]; sys.exit(tally.main())"
CALL_AND_LIST = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); " + CALL

LOAD_ALL_AND_LIST = """
import sys, tally
for section in tally.commands.sections.values():
    for row in section.values():
        row.load()
print(*sys.modules)
"""


def run_tally(*arguments: str) -> Finished:
    finished = subprocess.run(
        [sys.executable, "-c", CALL, *arguments],
        cwd=ROOT,
        env={**os.environ, "TALLY_HOME": "/dev/null/tally"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Finished(finished.returncode, finished.stdout, finished.stderr)


def rows() -> list[tuple[str, LazyCommand]]:
    return [(name, row) for section in tally.commands.sections.values() for name, row in section.items()]


def test_tally_alone_prints_the_help_and_ends_well() -> None:
    alone, helped = run_tally(), run_tally("--help")
    assert alone == helped
    assert alone.status == 0
    assert alone.stderr == ""
    for section in tally.commands.sections.values():
        assert all(name in alone.stdout for name in section)


def test_help_fits_a_narrow_window() -> None:
    assert max(map(len, run_tally().stdout.splitlines())) <= 80


def test_help_loads_nothing_heavy_and_no_role() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", CALL_AND_LIST, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in finished.stderr.split()}
    assert "click" in loaded
    assert loaded & (HEAVY | {"wallet", "issuer", "verifier", "ledger", "demo"}) == set()


def test_no_command_loads_the_screens_or_a_server_before_it_is_called() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", LOAD_ALL_AND_LIST], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules = set(finished.stdout.split())
    assert {row.place.partition(":")[0] for _, row in rows()} <= modules
    assert {name for name in modules if name.startswith(("wallet.tui", "demo.world"))} == set()
    screens_and_servers = HEAVY - {"cryptography", "nacl", "platformdirs"}
    assert {name.split(".")[0] for name in modules} & screens_and_servers == set()


def test_version_is_the_one_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == tally.VERSION
    assert run_tally("--version").stdout == f"tally {tally.VERSION}\n"
    assert json.loads(run_tally("--version", "--json").stdout) == {"version": tally.VERSION}


def test_script_of_the_distribution_is_the_command() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"tally": "tally:main"}
    assert callable(tally.main)


def test_misspelt_command_gets_a_suggestion_from_the_table() -> None:
    finished = run_tally("isuer", "list")
    assert finished.status == 2
    assert "Did you mean issuer?" in finished.stderr


@pytest.mark.parametrize(("name", "row"), rows(), ids=lambda value: str(getattr(value, "place", value)))
def test_command_of_the_table_is_where_it_says(name: str, row: LazyCommand) -> None:
    command = tally.commands.get_command(click.Context(tally.commands), name)
    assert isinstance(command, click.Command)
    assert isinstance(command, click.Group) or command.name == name


def test_table_lists_every_command_of_the_wallet() -> None:
    modules = [f"wallet.cli.{file.stem}" for file in (ROOT / "wallet/cli").glob("[!_]*.py")]
    listed = [row.load() for _, row in rows() if row.place.startswith("wallet.")]
    below = [each for group in listed if isinstance(group, click.Group) for each in group.commands.values()]
    found = {
        value
        for module in modules
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, click.Command)
    }
    assert found == {*listed, *below}


def test_no_line_of_a_help_is_cut_or_wider_than_a_window() -> None:
    lines = [line for help in _helps(tally.commands) for line in help.splitlines()]
    cut = [line for line in lines if line.endswith("...") and not line.startswith("Usage:")]
    assert [line for line in lines if len(line) > 80] + cut == []


def _helps(group: click.Group, words: tuple[str, ...] = ()) -> list[str]:
    context = click.Context(group)
    helps = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        helps.append(command.get_help(click.Context(command, info_name=" ".join((*words, name)))))
        if isinstance(command, click.Group):
            helps += _helps(command, (*words, name))
    return helps


def test_no_help_shows_the_marks_it_is_laid_out_with() -> None:
    helps = _helps(tally.commands)
    assert len(helps) > 30
    assert [help for help in helps if "\\b" in help or "\b" in help] == []


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-"])
def test_closed_stream_costs_nothing_but_itself(closed: str) -> None:
    finished = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -c "$1" list {closed}', sys.executable, CALL],
        cwd=ROOT,
        env={"TALLY_HOME": "/dev/null/tally", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in finished.stderr
    assert "internal_error" not in finished.stderr
    assert finished.returncode not in (0, 120)
