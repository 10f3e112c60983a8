"""The option of each `init` that says which database a role keeps its things in."""

from collections.abc import Callable
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


def database_option(default: str) -> Callable[[F], F]:
    """Give a command `--database`, as the argument `database`: a file, or an address of PostgreSQL."""
    return click.option(
        "--database",
        metavar="DATABASE",
        default=default,
        show_default=True,
        help="A file, or postgresql+psycopg://… of a database that exists.",
    )
