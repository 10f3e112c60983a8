"""The help of every command names values by what they are, and shows how it is called."""

import click

import tally
from doors.command import Command
from tests.docs.test_code_blocks import all_commands

KINDS_OF_CLICK = {"TEXT", "INTEGER", "INTEGER RANGE", "PATH", "FILENAME"}


def commands() -> list[Command]:
    contexts = all_commands(click.Context(tally.commands, info_name="tally"))
    return [context.command for context in contexts if isinstance(context.command, Command)]


def test_values_are_named_by_what_they_are_and_not_by_their_kind() -> None:
    named = {
        parameter.make_metavar(click.Context(command))
        for command in commands()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.is_flag
    }
    assert {"FILE", "URL", "DAYS", "PORT", "ADDRESS", "TYPE"} <= named
    # The path of a claim is one.
    assert named & KINDS_OF_CLICK <= {"PATH"}


def test_every_command_shows_an_example_that_fits_a_window() -> None:
    for command in commands():
        lines = "\n".join(command.examples).splitlines()
        assert lines, command.name
        assert max(map(len, lines)) <= 78, command.name
